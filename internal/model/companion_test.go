package model

import (
	"context"
	"math/rand/v2"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// The number beside a weight multiplies what comes out of its product, in integers too.
func TestCompanionInProduct(t *testing.T) {
	const m, n, k = 3, 40, 256
	rng := rand.New(rand.NewPCG(1, 2))
	x, w := make([]float32, m*k), make([]float32, n*k)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	var out [2][]float32
	for i, scale := range [][]float32{nil, {0.25}} {
		ts := &formats.Tensor{Name: "w", Shape: []int{n, k}}
		stored(quantize.NVFP4)(ts, w)
		ts.Scale = scale
		model := &Model{params: deployed()}
		r := model.begin(context.Background(), Options{Mode: Deploy, Threads: 1})
		out[i] = make([]float32, m*n)
		r.multiply(x, m, product{out[i], &weight{t: ts, n: n, k: k}})
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range out[0] {
		if out[1][i] != v/4 {
			t.Fatalf("output %d: %g, without the number %g", i, out[1][i], v)
		}
	}
}
