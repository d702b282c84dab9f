package calib

import (
	"slices"

	"quern/internal/arch"
	"quern/quantize"
)

// roleMeans stands for what attention makes of the inputs of values (model.Options.ObserveMeans), which no role of the forward pass does.
const roleMeans arch.Role = 255

// sameInput says which matrices have the input of another one, whose sums they use.
var sameInput = map[arch.Role]arch.Role{arch.RoleK: arch.RoleQ, arch.RoleUp: arch.RoleGate, arch.RoleUpExps: arch.RoleGateExps, arch.RoleUpShared: arch.RoleGateShared}

// absorbed are matrices that the forward pass multiplies with otherwise than the checkpoint's layers do: what it shows are not their inputs.
var absorbed = []arch.Role{arch.RoleKB, arch.RoleVB}

// input is the seat whose inputs m has.
func (r *codeRun) input(m *codeMatrix) seat {
	s := seat{m.role, m.expert}
	if other, ok := sameInput[m.role]; ok && r.has(m.layer, seat{other, m.expert}, m.t.Cols()) {
		s.role = other
	}
	return s
}

// has says whether a matrix of so many columns that becomes codes sits there.
func (r *codeRun) has(layer int, s seat, cols int) bool {
	l := r.byLayer[layer]
	return l != nil && slices.ContainsFunc(l.list, func(m *codeMatrix) bool { return m.role == s.role && m.expert == s.expert && m.t.Cols() == cols })
}

// add adds to the sums of a seat, if a matrix that has no codes yet is rounded by them.
func (r *codeRun) add(layer int, s seat, x []float32, m, k int) {
	l := r.byLayer[layer]
	if l == nil || r.Journal.has(layer) || slices.Contains(absorbed, s.role) {
		return
	}
	if s.role == arch.RoleV && r.has(layer, seat{arch.RoleQ, -1}, k) { // the same inputs
		return
	}
	if !slices.ContainsFunc(l.list, func(m *codeMatrix) bool {
		in := r.input(m)
		return m.t.Cols() == k && (in == s || in == seat{arch.RoleV, -1} && s == seat{roleMeans, -1})
	}) {
		return
	}
	g := r.grams[s]
	if g == nil {
		if list := r.spare[k]; len(list) > 0 {
			g, r.spare[k] = list[len(list)-1], list[:len(list)-1]
		} else {
			g = quantize.NewGram(k)
		}
		r.grams[s] = g
	}
	g.Add(x, m, r.threads)
}

// enough is how many inputs an expert's matrix wants for each of its columns. With fewer, it is rounded as if the rest had been there too: for matrices that
// all experts give the same input, what they all saw; for others its own inputs with independent columns.
const enough = 2

// stats are the sums that a matrix is rounded by, nil where nothing is known of its inputs, and whether they were filled up. They may be asked for once for
// a seat, and hold until the layer is done.
func (r *codeRun) stats(m *codeMatrix) (s *quantize.Stats, filled bool) {
	in := r.input(m)
	if m.expert >= 0 {
		return r.expertStats(m, in)
	}
	g := r.grams[in]
	if in.role == arch.RoleV && g == nil {
		g = r.grams[seat{arch.RoleQ, -1}]
	}
	if g == nil || g.Columns() != m.t.Cols() {
		return nil, false
	}
	s = g.Stats(r.threads)
	if means := r.grams[seat{roleMeans, -1}]; in.role == arch.RoleV && means != nil && means.Columns() == len(s.Diag) {
		v := means.Stats(r.threads)
		v.Join(s, inputsOfValues)
		return v, false
	}
	return s, false
}

// expertStats fills up what an expert saw.
func (r *codeRun) expertStats(m *codeMatrix, in seat) (s *quantize.Stats, filled bool) {
	k := m.t.Cols()
	var own *quantize.Stats
	count := int64(0)
	if g := r.grams[in]; g != nil {
		own = g.Stats(r.threads)
		count = own.Count
	}
	want := int64(enough * k)
	if count >= want {
		return own, false
	}
	s = &quantize.Stats{Count: want, Diag: make([]float64, k), Gram: make([]float64, k*k)}
	if own != nil {
		s.Join(own, 1)
	}
	s.Count = want
	if m.role != arch.RoleDownExps {
		all := &quantize.Stats{Diag: make([]float64, k), Gram: make([]float64, k*k)}
		for _, e := range r.seats(in.role) {
			all.Join(r.grams[e].Stats(r.threads), 1)
		}
		if all.Count == 0 {
			return nil, true
		}
		s.Join(all, float64(want-count)/float64(all.Count))
		s.Count = want
		return s, true
	}
	if count == 0 {
		return nil, true
	}
	more := float64(want-count) / float64(count)
	for i, d := range own.Diag {
		s.Diag[i] += float64(more * d)
		s.Gram[i*k+i] += float64(more * d)
	}
	return s, true
}

// seats are those of a role whose inputs were seen, by expert.
func (r *codeRun) seats(role arch.Role) (list []seat) {
	for s := range r.grams {
		if s.role == role {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b seat) int { return a.expert - b.expert })
	return list
}
