package quantize

import (
	"hash/fnv"
	"math"
	"testing"
)

// The gain over llama-quantize that the flat types promise, as a part of its error: plain, and with importance.
func TestFlatGain(t *testing.T) {
	const n = 1 << 14
	x, importance := normal(n), lognormal(n)
	for _, c := range []struct {
		q         *Type
		plain, by float64
	}{{Q4_0, 0.945, 0.986}, {Q5_0, 0.945, 0.973}, {Q4_1, 0.89, 0.984}, {Q5_1, 0.889, 0.959}, {Q8_0, 0.99, 0.99}} {
		for i, limit := range []float64{c.plain, c.by} {
			weight := [][]float32{nil, importance}[i]
			size, _ := c.q.Size(n)
			code, w := make([]byte, size), weights(c.q, x, weight)
			c.q.Ggml(code, x, weight)
			ref := relative(loss(w, x, decoded(c.q, code, n)))
			c.q.Encode(code, x, weight)
			got := relative(loss(w, x, decoded(c.q, code, n)))
			t.Logf("%s, importance %v: %.5f, ggml %.5f, ratio %.4f", c.q.Name, weight != nil, got, ref, got/ref)
			if got > limit*ref {
				t.Errorf("%s: error %.5f is not below %g of ggml's %.5f", c.q.Name, got, limit, ref)
			}
		}
	}
}

// The symmetric search finds what trying every half as a scale finds, within one and a half percent of squared error.
func TestSymIsNearlyExact(t *testing.T) {
	const n = 200 * flat
	x := normal(n)
	for _, c := range []struct {
		q    *Type
		zero int
	}{{Q4_0, 8}, {Q5_0, 16}} {
		for _, importance := range [][]float32{nil, lognormal(n)} {
			size, _ := c.q.Size(n)
			code, w := make([]byte, size), weights(c.q, x, importance)
			c.q.Encode(code, x, importance)
			y := decoded(c.q, code, n)
			var sum, least float64
			for b := 0; b < n; b += flat {
				mine, _ := loss(w[b:b+flat], x[b:b+flat], y[b:b+flat])
				sum += mine
				least += min(mine, exhaustive(x[b:b+flat], w[b:b+flat], c.zero))
			}
			if sum > 1.015*least {
				t.Errorf("%s: error %g, the least possible %g", c.q.Name, sum, least)
			}
		}
	}
}

// exhaustive tries every half between a quarter and twice the plain scale, of both signs.
func exhaustive(x, w []float32, zero int) float64 {
	plain := math.Abs(float64(signedMax(x))) / float64(zero)
	best := math.Inf(1)
	for h := half(float32(plain / 4)); h <= half(float32(plain*2)); h++ {
		for _, d := range []float64{float64(halfValue(h)), -float64(halfValue(h))} {
			sum := 0.0
			for i, v := range x {
				k := min(max(math.RoundToEven(float64(v)/d), float64(-zero)), float64(zero-1))
				e := float64(v) - d*k
				sum += float64(w[i]) * e * e
			}
			best = min(best, sum)
		}
	}
	return best
}

// The bytes of the default encoders, on every machine. A change of an encoder changes its line here, knowingly.
func TestFlatSameEverywhere(t *testing.T) {
	const n = 1 << 12
	x, importance := dull(n, 1), dull(n, 2)
	for i, v := range importance {
		importance[i] = v * v
	}
	for _, c := range []struct {
		q         *Type
		plain, by uint32
	}{
		{Q4_0, 0x45c940e3, 0x50603277},
		{Q4_1, 0x575b8c1b, 0xce8f4f75},
		{Q5_0, 0x838b652, 0xf7cdaa55},
		{Q5_1, 0x7171b006, 0x4d6e39d0},
		{Q8_0, 0x4a2ffca, 0x4a2ffca},
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

// dull is bell-shaped, and made of integers so that no machine's logarithm has a say in it.
func dull(n int, seed uint32) []float32 {
	x := make([]float32, n)
	for i := range x {
		sum := int32(0)
		for range 6 {
			seed = seed*1664525 + 1013904223
			sum += int32(seed>>16) - 1<<15
		}
		x[i] = float32(sum) / (1 << 16)
	}
	return x
}

// A block of which calibration saw only the smallest weight keeps the others; by its own importance alone it could as well
// be zeros, which is what ggml makes of it in Q4_0.
func TestUnseenColumns(t *testing.T) {
	x, importance := normal(flat), make([]float32, flat)
	x[5], importance[5] = 1e-3, 1
	for _, q := range []*Type{Q4_0, Q4_1, Q5_0, Q5_1} {
		code := make([]byte, q.Bytes)
		q.Encode(code, x, importance)
		if e := relative(loss(weights(&Type{}, x, nil), x, decoded(q, code, flat))); e > 0.3 {
			t.Errorf("%s: relative error %g where importance says nothing", q.Name, e)
		}
	}
}
