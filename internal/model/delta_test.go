package model

import (
	"math"
	"testing"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// States are what their definition says, whoever shares keys with whom, of any size, in several sequences and with any number of workers.
func TestDeltaRuleByDefinition(t *testing.T) {
	for _, turn := range []bool{false, true} {
		for _, s := range []arch.State{{Size: 16, Groups: 2, Heads: 4, Inner: 4 * 16}, {Size: 5, Groups: 1, Heads: 3, Inner: 3 * 33}, {Size: 32, Groups: 2, Heads: 2, Inner: 2 * 64}} {
			wide, value := s.Wide(), s.Value()
			l := &layer{p: &arch.Params{State: s}}
			b := &batch{seqs: []sequence{{0, 7}, {7, 1}, {8, 5}}}
			const m = 13
			x, beta, decay := named("x", []int{m, wide}), named("beta", []int{m, s.Heads}), named("decay", []int{m, s.Heads})
			for i := range decay {
				decay[i], beta[i] = 0.5+decay[i], 0.5+beta[i]
			}
			var first []float32
			for _, threads := range []int{1, 3} {
				r := &run{m: &Model{turnKeys: turn}, ctx: t.Context(), threads: threads, scratch: &scratch{}}
				for range threads {
					r.workers = append(r.workers, &worker{})
				}
				got := make([]float32, m*s.Inner)
				r.learn(got, x, beta, decay, l, b)
				if r.err != nil {
					t.Fatal(r.err)
				}
				if first == nil {
					first = got
				}
				for i := range got {
					if got[i] != first[i] {
						t.Fatalf("%+v: other numbers with %d workers", s, threads)
					}
				}
			}
			for _, seq := range b.seqs {
				for head := range s.Heads {
					key := head / (s.Heads / s.Groups)
					if turn {
						key = head % s.Groups
					}
					state := make([]float64, s.Size*value)
					for row := seq.from; row < seq.from+seq.n; row++ {
						at := func(from, i int) float64 { return float64(x[row*wide+from+i]) }
						q, k, v := key*s.Size, (s.Groups+key)*s.Size, 2*s.Groups*s.Size+head*value
						for j := range value {
							read, out := 0.0, 0.0
							for i := range s.Size {
								state[i*value+j] *= float64(decay[row*s.Heads+head])
								read += at(k, i) * state[i*value+j]
							}
							for i := range s.Size {
								state[i*value+j] += at(k, i) * (at(v, j) - read) * float64(beta[row*s.Heads+head])
								out += at(q, i) * state[i*value+j]
							}
							if g := float64(first[row*s.Inner+head*value+j]); math.Abs(g-out) > 1e-6 {
								t.Fatalf("%+v, turning %v: row %d, head %d, value %d is %v, want %v", s, turn, row, head, j, g, out)
							}
						}
					}
				}
			}
		}
	}
}

func BenchmarkDeltaRule(b *testing.B) {
	s := arch.State{Size: 128, Groups: 16, Heads: 16, Inner: 16 * 128}
	const m = 256
	wide := s.Wide()
	l, batch := &layer{p: &arch.Params{State: s}}, &batch{seqs: []sequence{{0, m}}}
	x, beta, decay := make([]float32, m*wide), make([]float32, m*s.Heads), make([]float32, m*s.Heads)
	for i := range x {
		x[i] = float32(i%7) * 0.01
	}
	for i := range beta {
		beta[i], decay[i] = 0.5, 0.9
	}
	r := &run{m: &Model{}, ctx: b.Context(), threads: 1, scratch: &scratch{workers: []*worker{{}}}}
	dst := make([]float32, m*s.Inner)
	b.ResetTimer()
	for range b.N {
		r.learn(dst, x, beta, decay, l, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*m), "µs/token")
	_ = kernel.Lanes
}
