package quantize

import (
	"math"
	"math/rand/v2"
	"testing"
)

// jagged are weights and importance that are hard on a search: weights of many magnitudes with few large ones among them, importance that spreads over
// three decades.
func jagged(n int) (x, importance []float32) {
	r := rand.New(rand.NewPCG(1, 5))
	x, importance = make([]float32, n), make([]float32, n)
	for i := range x {
		g := r.NormFloat64()
		switch i / 256 % 4 {
		case 0: // heavier than Student's t with three degrees of freedom
			g *= g * g
		case 1: // one in twenty stands out
			if r.IntN(20) == 0 {
				g *= 12
			}
		case 2:
			g *= math.Exp(0.7 * r.NormFloat64())
		}
		x[i] = float32(0.02 * g)
		importance[i] = float32(math.Exp(2.3 * r.NormFloat64()))
	}
	return x, importance
}

// With more effort than the default no block of any type loses more than llama-quantize's, by the type's own objective.
func TestHeld(t *testing.T) {
	const n = 1 << 14
	x, importance := jagged(n)
	encoders(t, func(t *testing.T, q *Type) {
		if q.Ggml == nil {
			return
		}
		for _, imp := range [][]float32{nil, importance} {
			theirs := blockLosses(q, q.Ggml, x, imp)
			for effort := EffortDefault + 1; effort <= EffortMost; effort++ {
				for i, mine := range blockLosses(q, q.Encoder(effort), x, imp) {
					if mine > theirs[i] {
						t.Errorf("effort %d, importance %v, block %d: %g is lost, %g in llama-quantize's", effort, imp != nil, i, mine, theirs[i])
					}
				}
			}
			if q.Block > 1 {
				heldWhereSpoilt(t, q, x, imp, theirs)
			}
		}
	})
}

// heldWhereSpoilt says that more effort looks at llama-quantize's block in every type: where the search itself is spoilt in every other block, that block is what comes
// out there, and what the search found elsewhere.
func heldWhereSpoilt(t *testing.T, q *Type, x, imp []float32, theirs []float64) {
	t.Helper()
	spoilt := func(dst []byte, src, importance []float32) {
		y := append([]float32(nil), src...)
		for i := range y {
			if i/q.Block%2 == 1 {
				y[i] = -y[i]
			}
		}
		q.Encode(dst, y, importance)
	}
	c := *q
	c.Encode = spoilt
	if q.Harder != nil {
		c.Harder = func(int) Encoder { return spoilt }
	}
	best := blockLosses(q, q.Encode, x, imp)
	for i, mine := range blockLosses(q, c.Encoder(2), x, imp) {
		want := theirs[i]
		if i%2 == 0 {
			want = min(want, best[i])
		}
		if mine != want {
			t.Fatalf("importance %v, block %d: %g is lost, want %g", imp != nil, i, mine, want)
		}
	}
}

// blockLosses is what an encoder loses in each block.
func blockLosses(q *Type, encode Encoder, x, importance []float32) []float64 {
	size, _ := q.Size(len(x))
	code, w := make([]byte, size), weights(q, x, importance)
	encode(code, x, importance)
	y := decoded(q, code, len(x))
	losses := make([]float64, 0, len(x)/q.Block)
	for b := 0; b < len(x); b += q.Block {
		losses = append(losses, objective(q, w[b:b+q.Block], x[b:b+q.Block], y[b:b+q.Block]))
	}
	return losses
}

// Models have inputs that are a hundred times as large as the rest. In rows with one of them, too, the default search loses less than llama-quantize; where it
// goes without llama-quantize's scales, by no more than a little in any.
func TestOneColumnCounts(t *testing.T) {
	const rows, cols = 48, 512
	r := rand.New(rand.NewPCG(11, 12))
	importance := make([]float32, cols)
	for i := range importance {
		importance[i] = float32(math.Exp(0.3 * r.NormFloat64()))
	}
	importance[200] = 3e4
	encoders(t, func(t *testing.T, q *Type) {
		if q.Ggml == nil {
			return
		}
		limit := 1.0
		switch q {
		case Q4_0, Q5_0, Q2_K, Q3_K, Q4_K, Q5_K:
			limit = 1.03
		}
		r := rand.New(rand.NewPCG(13, 14))
		x := make([]float32, cols)
		for row := range rows {
			for i := range x {
				x[i] = float32(0.25 * r.NormFloat64())
			}
			x[200] /= 16
			mine, theirs := sum(blockLosses(q, q.Encode, x, importance)), sum(blockLosses(q, q.Ggml, x, importance))
			if mine > limit*theirs {
				t.Errorf("row %d: %g is lost, %g in llama-quantize's", row, mine, theirs)
			}
		}
	})
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}
