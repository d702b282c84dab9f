package quantize

import (
	"math"
	"math/rand/v2"
	"testing"
)

// normal is the same N(0,1) weights for everybody.
func normal(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// lognormal is what importance looks like: mostly small, some very large.
func lognormal(n int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Exp(1.2 * r.NormFloat64()))
	}
	return x
}

// encoders calls f for every type that can be written.
func encoders(t *testing.T, f func(t *testing.T, q *Type)) {
	for _, q := range Types() {
		if q.Encode != nil && q.Decode != nil {
			t.Run(q.Name, func(t *testing.T) { t.Parallel(); f(t, q) })
		}
	}
}

func TestMaxRMSE(t *testing.T) {
	const n = 1 << 14
	x := normal(n)
	encoders(t, func(t *testing.T, q *Type) {
		size, _ := q.Size(n)
		code := make([]byte, size)
		q.Encode(code, x, nil)
		e := relative(loss(weights(&Type{}, x, nil), x, decoded(q, code, n)))
		if e > q.MaxRMSE {
			t.Errorf("relative error %.6f, promised at most %g", e, q.MaxRMSE)
		}
		if e < 0.9*q.MaxRMSE {
			t.Errorf("relative error %.6f: the promise of %g is slack", e, q.MaxRMSE)
		}
	})
}

// On every block the default encoder does at least as well as ggml's, by its own objective.
func TestNeverWorse(t *testing.T) {
	const n = 1 << 13
	x, importance := normal(n), lognormal(n)
	for i := range x { // heavier tails and many magnitudes
		x[i] *= x[i] * x[i] * float32(math.Ldexp(1, i>>9-8))
	}
	encoders(t, func(t *testing.T, q *Type) {
		if q.Ggml == nil {
			return
		}
		size, _ := q.Size(n)
		code := make([]byte, size)
		for _, imp := range [][]float32{nil, importance} {
			q.Ggml(code, x, imp)
			ref := decoded(q, code, n)
			q.Encode(code, x, imp)
			noWorse(t, q, 0, x, imp, decoded(q, code, n), ref, math.Inf(1))
		}
	})
}

func TestTile(t *testing.T) {
	const n = 1 << 12
	x := normal(n)
	for _, q := range Types() {
		if q.Tile == nil {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			size, _ := q.Size(n)
			code := make([]byte, size)
			if q.Encode != nil {
				q.Encode(code, x, lognormal(n))
			}
			sameTile(t, q, code, decoded(q, code, n))
		})
	}
}

// sameTile demands that a tile says what Decode says, but for the rounding of one product and one sum.
func sameTile(t *testing.T, q *Type, code []byte, want []float32) {
	n := len(want)
	tile := Tile{Code: make([]int8, n), Scale: make([]float32, n/q.Shared()), Min: make([]float32, n/q.Shared())}
	for i := range tile.Min { // a tile is reused
		tile.Min[i] = float32(math.NaN())
	}
	if q.Shared() > q.Group {
		tile.Sub, tile.SubMin = make([]int16, n/q.Group), make([]int16, n/q.Group)
		for i := range tile.SubMin {
			tile.SubMin[i] = math.MaxInt16
		}
	}
	q.Tile(tile, code)
	for i, v := range want {
		s, m := float64(tile.Scale[i/q.Shared()]), float64(tile.Min[i/q.Shared()])
		if tile.Sub != nil {
			s *= float64(tile.Sub[i/q.Group])
			m *= float64(tile.SubMin[i/q.Group])
		}
		got := float64(tile.Code[i])*s + m
		slack := (math.Abs(float64(tile.Code[i])*s) + math.Abs(m)) * 0x1p-22
		if !(math.Abs(got-float64(v)) <= slack) {
			t.Fatalf("weight %d: %g·%d + %g, decoded %g", i, s, tile.Code[i], m, v)
		}
	}
}

// What cannot be stored must still not harm: nothing panics, and what is written decodes to numbers.
func TestHarmless(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	special := []float32{0, nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1e-38, -1e-30, 1e-8, 65504, 1e6, 1, -1}
	encoders(t, func(t *testing.T, q *Type) {
		if q.Block == 1 {
			return // floats store what they are given
		}
		n := 4 * q.Block
		size, _ := q.Size(n)
		code := make([]byte, size)
		r := rand.New(rand.NewPCG(5, 6))
		for range 200 {
			x, imp := make([]float32, n), make([]float32, n)
			kinds := 1 + r.IntN(3)
			for i := range x {
				x[i], imp[i] = special[r.IntN(len(special))], special[r.IntN(len(special))]
				if kinds == 1 {
					x[i] = x[0]
				}
			}
			harmless(t, q, code, x, nil)
			harmless(t, q, code, x, imp)
			harmless(t, q, code, x, make([]float32, n))
			if q.Ggml != nil {
				q.Ggml(code, x, imp)
				q.Ggml(code, x, nil)
			}
		}
	})
}

func harmless(t *testing.T, q *Type, code []byte, x, importance []float32) {
	t.Helper()
	q.Encode(code, x, importance)
	for i, v := range decoded(q, code, len(x)) {
		if v-v != 0 {
			t.Fatalf("weight %d of %g… decodes to %g", i, x[:8], v)
		}
	}
}
