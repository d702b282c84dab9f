package calib

import (
	"slices"

	"quern/internal/arch"
	"quern/quantize"
)

// roleMeans stands for what attention makes of the inputs of values (model.Options.ObserveMeans), which no role of the forward pass does.
const roleMeans arch.Role = 255

// sameInput says which matrices have the input of another one, whose sums they use.
var sameInput = map[arch.Role]arch.Role{arch.RoleK: arch.RoleQ, arch.RoleCrossV: arch.RoleCrossK, arch.RoleUp: arch.RoleGate, arch.RoleUpExps: arch.RoleGateExps, arch.RoleUpShared: arch.RoleGateShared,
	arch.RoleUpGroups: arch.RoleGateGroups, arch.RoleStateGate: arch.RoleStateIn, arch.RoleStateBeta: arch.RoleStateIn, arch.RoleStateAlpha: arch.RoleStateIn, arch.RoleStateBoth: arch.RoleStateIn}

// A seat is a matrix of the forward pass whose inputs are added up.
type seat struct {
	role   arch.Role
	expert int // -1: all tokens go through it
}

// grams are the sums of the present layer.
type grams struct {
	seen    map[seat]*quantize.Gram
	spare   map[int][]*quantize.Gram      // of layers that are done, by columns
	all     map[arch.Role]*quantize.Stats // what all experts saw together, once it was asked for
	threads int
}

func newGrams(threads int) *grams {
	return &grams{map[seat]*quantize.Gram{}, map[int][]*quantize.Gram{}, map[arch.Role]*quantize.Stats{}, threads}
}

// add adds m inputs of k columns to the sums of a seat.
func (g *grams) add(s seat, x []float32, m, k int) {
	sum := g.seen[s]
	if sum == nil {
		if list := g.spare[k]; len(list) > 0 {
			sum, g.spare[k] = list[len(list)-1], list[:len(list)-1]
		} else {
			sum = quantize.NewGram(k)
		}
		g.seen[s] = sum
	}
	sum.Add(x, m, g.threads)
}

// done forgets the layer.
func (g *grams) done() {
	for s, sum := range g.seen {
		sum.Reset()
		delete(g.seen, s)
		g.spare[sum.Columns()] = append(g.spare[sum.Columns()], sum)
	}
	clear(g.all)
}

// inputsOfValues is how much the inputs of values count beside their means: a little, for what no mean has seen.
const inputsOfValues = 0.1

// stats are the sums that matrices of k columns in a seat are rounded by, nil where nothing is known of their inputs, and whether they were filled up.
// They may be asked for once for a seat, and hold until the layer is done.
//
// The matrix of values is rounded by what attention makes of its inputs: what is wrong in the value of a token that all queries look at is wrong in
// all of them, and what is wrong in others cancels.
func (g *grams) stats(at seat, k int) (s *quantize.Stats, filled bool) {
	if at.expert >= 0 {
		return g.expert(at, k)
	}
	sum := g.seen[at]
	if at.role == arch.RoleV && sum == nil {
		sum = g.seen[seat{arch.RoleQ, -1}]
	}
	means := g.seen[seat{roleMeans, -1}]
	known, averaged := sum != nil && sum.Columns() == k, at.role == arch.RoleV && means != nil && means.Columns() == k
	switch {
	case averaged:
		s = means.Stats(g.threads)
		if known {
			s.Join(sum.Stats(g.threads), inputsOfValues)
		}
	case known:
		s = sum.Stats(g.threads)
	}
	return s, false
}

// enough is how many inputs an expert's matrix wants for each of its columns. With fewer, it is rounded as if the rest had been there too: for matrices that
// all experts give the same input, what they all saw; for others its own inputs with independent columns.
const enough = 2

// expert fills up what an expert saw.
func (g *grams) expert(at seat, k int) (s *quantize.Stats, filled bool) {
	var own *quantize.Stats
	count := int64(0)
	if sum := g.seen[at]; sum != nil {
		own = sum.Stats(g.threads)
		count = own.Count
	}
	want := int64(enough * k)
	if count >= want {
		return own, false
	}
	s = &quantize.Stats{Diag: make([]float64, k), Gram: make([]float64, k*k)}
	if own != nil {
		s.Join(own, 1)
	}
	s.Count = want
	if at.role != arch.RoleDownExps && at.role != arch.RoleDownGroups {
		all := g.together(at.role, k)
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

// together is what all experts of a role saw.
func (g *grams) together(role arch.Role, k int) *quantize.Stats {
	all := g.all[role]
	if all == nil {
		all = &quantize.Stats{Diag: make([]float64, k), Gram: make([]float64, k*k)}
		for _, e := range g.experts(role) {
			all.Join(g.seen[e].Stats(g.threads), 1)
		}
		g.all[role] = all
	}
	return all
}

// experts are those of a role whose inputs were seen, by number.
func (g *grams) experts(role arch.Role) (list []seat) {
	for s := range g.seen {
		if s.role == role && s.expert >= 0 {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b seat) int { return a.expert - b.expert })
	return list
}
