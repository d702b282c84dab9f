package calib

import (
	"slices"

	"quern/internal/arch"
)

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
	i := slices.IndexFunc(l.list, func(m *codeMatrix) bool {
		in := r.input(m)
		return m.t.Cols() == k && (in == s || in == seat{arch.RoleV, -1} && s == seat{roleMeans, -1})
	})
	if i < 0 {
		return
	}
	r.grams.add(s, l.list[i].ofSource(x[:m*k], k), m, k)
}

// ofSource is inputs, of k columns, in the order of the source's columns.
func (m *codeMatrix) ofSource(x []float32, k int) []float32 {
	if m.column == nil {
		return x
	}
	out := make([]float32, len(x))
	for i, v := range x {
		out[i/k*k+m.column(i%k)] = v
	}
	return out
}
