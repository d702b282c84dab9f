package formats

import (
	"math/rand/v2"
	"testing"

	"quern/quantize"
)

// Blocks of a matrix of queries, keys and values begin anew with the part of every processor; a module of another name has its blocks one after the other.
func TestBlocksOfProcessors(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const k, block = 40, 128
	for _, x := range []struct{ n, lines, ranks, own int }{{352, 4, 4, 88}, {512, 4, 4, 128}, {1696, 16, 8, 212}, {352, 3, 0, 352}, {300, 3, 0, 300}} {
		codes, values, scales := make([]byte, x.n*k), make([]float32, x.n*k), make([]float32, x.lines)
		for i := range codes {
			codes[i] = byte(r.IntN(127))
		}
		for i := range scales {
			scales[i] = r.Float32()
		}
		quantize.F8_E4M3.Decode(values, codes)
		c := newNaive(`{"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}`)
		own := x.own
		for i := range x.n {
			row := make([]float32, k)
			for j := range k {
				row[j] = values[i*k+j] * scales[i/own*((own+block-1)/block)+i%own/block]
			}
			c.weights = append(c.weights, row)
		}
		c.module = "m.qkv_proj"
		c.add("m.qkv_proj.weight", "F8_E4M3", codes, x.n, k)
		c.add("m.qkv_proj.weight_scale_inv", "F32", f32s(scales...), x.lines, 1)
		c.check(t)
		if got := ranksOf(x.n, x.lines, block); got != x.ranks {
			t.Errorf("%d rows in %d lines: %d processors, want %d", x.n, x.lines, got, x.ranks)
		}
	}
}
