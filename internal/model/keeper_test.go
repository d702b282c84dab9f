package model

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// A convolution is what its definition says, position by position, whatever the lengths of the sequences that lie one behind the other.
func TestCausalConvolution(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	some := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	const wide, ld = 19, 23
	r := &run{scratch: &scratch{workers: []*worker{{}, {}}}, threads: 2, ctx: t.Context()}
	for _, n := range []int{2, 3, 4, 7} {
		c, b := convolution{weight: some(wide * n)}, &batch{}
		if n == 4 {
			c.bias = some(wide)
		}
		if n == 7 {
			c.ahead = 3
		}
		for _, long := range []int{1, 2, 130, 3, 9} {
			b.seqs = append(b.seqs, sequence{len(b.at), long})
			for pos := range long {
				b.at = append(b.at, place{pos: pos})
			}
		}
		m := len(b.at)
		x, got := some(m*ld), some(m*wide)
		r.convolve(got, x, ld, wide, &c, b)
		for _, s := range b.seqs {
			for pos := range s.n {
				for j := range wide {
					want := 0.0
					for i := range n {
						if at := pos + i - (n - 1 - c.ahead); at >= 0 && at < s.n {
							want += float64(c.weight[i*wide+j]) * float64(x[(s.from+at)*ld+j])
						}
					}
					if c.bias != nil {
						want += float64(c.bias[j])
					}
					if y := float64(got[(s.from+pos)*wide+j]); !(math.Abs(y-want) < 1e-5) {
						t.Fatalf("%d positions, sequence of %d, position %d, channel %d: %v, want %v", n, s.n, pos, j, y, want)
					}
				}
			}
		}
	}
}

// States do not leak from one sequence into another: each is the same alone, to the last bit.
func TestStatesStayInTheirSequence(t *testing.T) {
	seqs := [][]int32{familyTokens()[:17], {3}, familyTokens()[4:6], familyTokens()[9:]}
	tested := 0
	for _, f := range families(t) {
		b := bindFamily(t, &f)
		if b.Params.State.In == nil {
			continue
		}
		tested++
		m, err := Of(b)
		if err != nil {
			t.Fatal(err)
		}
		together, _ := logits(t, m, seqs, nil, Options{})
		var alone []float32
		for _, s := range seqs {
			one, _ := logits(t, m, [][]int32{s}, nil, Options{})
			alone = append(alone, one...)
		}
		if !bytes.Equal(bitsOf(together), bitsOf(alone)) {
			t.Errorf("%s: other logits alone", f.Name)
		}
	}
	if tested == 0 {
		t.Error("no family keeps states")
	}
}

// A checkpoint whose layers keep states that its family does not have is refused.
func TestUnknownKeeper(t *testing.T) {
	for _, f := range families(t) {
		if f.Name != "lfm2" {
			continue
		}
		b := bindFamily(t, &f)
		other := *b.Arch
		other.Layer.Keeper = 0
		b.Arch = &other
		if _, err := Of(b); err == nil || !strings.Contains(err.Error(), "forward pass") {
			t.Errorf("%v", err)
		}
	}
}
