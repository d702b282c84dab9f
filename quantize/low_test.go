package quantize

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// The gain over llama-quantize that the types below five bits promise, as a part of its error: on normally distributed weights,
// plain and with importance. By the encoder's own objective, which is another one where Along is not 0, it is more.
func TestLowGain(t *testing.T) {
	const n = 1 << 14
	x, importance := normal(n), lognormal(n)
	for _, c := range []struct {
		q         *Type
		plain, by float64
	}{
		{IQ1_S, 0.745, 0.95}, {IQ1_M, 0.75, 0.942}, {IQ2_XXS, 0.815, 0.961}, {IQ2_XS, 0.79, 0.945}, {IQ2_S, 0.915, 0.942}, {IQ3_XXS, 0.845, 0.968}, {IQ3_S, 0.79, 0.926}, {IQ4_NL, 0.965, 0.96}, {IQ4_XS, 0.965, 0.96}, {MXFP4, 0.975, 0.975}, {NVFP4, 0.86, 0.78}, {Q1_0, 1.05, 1.04},
		{Q2_0, 0.52, 0.47}, {TQ1_0, 0.58, 0.56}, {TQ2_0, 0.58, 0.56}} {
		t.Run(c.q.Name, func(t *testing.T) {
			t.Parallel()
			for i, limit := range []float64{c.plain, c.by} {
				weight := [][]float32{nil, importance}[i]
				size, _ := c.q.Size(n)
				code, w := make([]byte, size), weights(c.q, x, weight)
				c.q.Ggml(code, x, weight)
				y := decoded(c.q, code, n)
				ref, theirs := relative(loss(w, x, y)), objectives(c.q, w, x, y)
				c.q.Encode(code, x, weight)
				y = decoded(c.q, code, n)
				got, mine := relative(loss(w, x, y)), objectives(c.q, w, x, y)
				t.Logf("importance %v: %.5f, ggml %.5f, ratio %.4f, by objective %.4f", weight != nil, got, ref, got/ref, math.Sqrt(mine/theirs))
				if got > limit*ref {
					t.Errorf("error %.5f is not below %g of ggml's %.5f", got, limit, ref)
				}
				if mine > theirs {
					t.Errorf("by its own objective it loses %g, ggml %g", mine, theirs)
				}
			}
		})
	}
}

// objectives adds up what a type's encoder minimises in all blocks.
func objectives(q *Type, w, x, y []float32) (sum float64) {
	for b := 0; b < len(x); b += q.Block {
		sum += objective(q, w[b:b+q.Block], x[b:b+q.Block], y[b:b+q.Block])
	}
	return sum
}

// Whatever a file holds, tiles say what decoding says.
func TestTileOfAnyBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, q := range Types() {
		if q.Tile == nil {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			code := make([]byte, 64*q.Bytes)
			for range 20 {
				for i := range code {
					code[i] = uint8(r.Uint32())
				}
				x := decoded(q, code, 64*q.Block)
				for at := 0; at < 64; at++ {
					if allFinite(x[at*q.Block:][:q.Block]) {
						sameTile(t, q, code[at*q.Bytes:][:q.Bytes], x[at*q.Block:][:q.Block])
					}
				}
			}
		})
	}
}

func allFinite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// The bytes of the default encoders, on every machine. A change of an encoder changes its line here, knowingly.
func TestLowSameEverywhere(t *testing.T) {
	const n = 1 << 12
	x, importance := dull(n, 1), dull(n, 2)
	for i, v := range importance {
		importance[i] = v * v
	}
	for _, c := range []struct {
		q         *Type
		plain, by uint32
	}{
		{IQ1_S, 0x135c76be, 0x1e59c722},
		{IQ1_M, 0x63ce6df0, 0x711b181d},
		{IQ2_XXS, 0x0c9b558b, 0x6401d552},
		{IQ2_XS, 0x2249e852, 0xc3b42c4f},
		{IQ2_S, 0x4bcac19e, 0x8d48a889},
		{IQ3_XXS, 0x2cea5270, 0xa93d97b9},
		{IQ3_S, 0x6e0b7639, 0x048db11d},
		{IQ4_NL, 0xaf1228de, 0x3ced3e33},
		{IQ4_XS, 0xa0961b2a, 0xfdd79114},
		{MXFP4, 0x916c0a97, 0x4417bdf9},
		{NVFP4, 0x6bc1ca06, 0x27d6d9dd},
		{Q1_0, 0xef217f96, 0x2d56fe2c},
		{Q2_0, 0xa2a57066, 0xb1365cf2},
		{TQ1_0, 0x30172dbd, 0x1db13b26},
		{TQ2_0, 0xb254151e, 0x9dba8d03},
	} {
		for i, want := range []uint32{c.plain, c.by} {
			size, _ := c.q.Size(n)
			code := make([]byte, size)
			c.q.Encode(code, x, [][]float32{nil, importance}[i])
			h := fnv.New32a()
			h.Write(code)
			if got := h.Sum32(); got != want {
				t.Errorf("%s, importance %v: %#x, not %#x", c.q.Name, i == 1, got, want)
			}
		}
	}
}
