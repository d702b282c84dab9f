package model

import (
	"math"
	"slices"
	"testing"

	"quern/internal/arch"
)

// A seen is what an observer saw of one matrix, its calls put together.
type seen struct {
	layer int
	role  arch.Role
}

func observed(t *testing.T, m *Model, seqs [][]int32, opt Options) (order []seen, inputs map[seen][]float32) {
	t.Helper()
	inputs = map[seen][]float32{}
	opt.Observe = func(layer int, role arch.Role, x []float32, rows, k int) {
		if len(x) != rows*k {
			t.Fatalf("layer %d, role %d: %d values of %d rows of %d", layer, role, len(x), rows, k)
		}
		s := seen{layer, role}
		if inputs[s] == nil {
			order = append(order, s)
		}
		inputs[s] = append(inputs[s], x...)
	}
	logits(t, m, seqs, nil, opt)
	return order, inputs
}

// Every matrix shows the inputs that, multiplied in float64, make the inputs of the next ones; and nothing but the model and
// the sequences decides which.
func TestObserve(t *testing.T) {
	p := base()
	b, ref := random(t, p, false, true, nil)
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	seqs := tokens(p.Vocab, 40, 1, 33)
	order, inputs := observed(t, m, seqs, Options{Threads: 1})
	var want []seen
	for l := range p.Layers {
		for _, role := range []arch.Role{arch.RoleQ, arch.RoleK, arch.RoleV, arch.RoleO, arch.RoleGate, arch.RoleUp, arch.RoleDown} {
			want = append(want, seen{l, role})
		}
	}
	if want = append(want, seen{-1, arch.RoleOutput}); !slices.Equal(order, want) {
		t.Errorf("order %v", order)
	}
	for _, opt := range []Options{{Threads: 3}, {Threads: 2, Batch: 1}, {Batch: 45}, {Mode: Deploy}} {
		_, got := observed(t, m, seqs, opt)
		for s, x := range inputs {
			same := slices.Equal(got[s], x)
			if opt.Mode == Deploy {
				same = len(got[s]) == len(x) && (s != seen{0, arch.RoleQ} || same) // the first is not touched by any rounding
			}
			if !same {
				t.Errorf("options %+v: other inputs of %v", opt, s)
			}
		}
	}
	var next []float64 // what the feed-forward's observed inputs give
	for row := range 74 {
		x := make([]float64, p.Embd)
		for i := range x {
			x[i] = float64(inputs[seen{1, arch.RoleGate}][row*p.Embd+i])
		}
		g, u := ref.mul(x, "blk.1.ffn_gate"), ref.mul(x, "blk.1.ffn_up")
		for i := range g {
			next = append(next, g[i]/(1+math.Exp(-g[i]))*u[i])
		}
	}
	if d := distance(inputs[seen{1, arch.RoleDown}], next); !(d < 5e-5) {
		t.Errorf("inputs of down do not follow from those of gate and up: %.2g of the spread", d)
	}
}
