package kernel

import (
	"math"
	"math/rand"
	"testing"
)

func abs32(x float32) float32 { return max(x, -x) }

func TestRoundI8(t *testing.T) {
	r := rand.New(rand.NewSource(9))
	each(t, roundI8, func(t *testing.T, f, p func([]int8, []float32, float32)) {
		for _, n := range []int{32, 64, 256} {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.Intn(2*254)-254) / 4 // halves among them
			}
			got, want := make([]int8, n), make([]int8, n)
			f(got, x, 2)
			p(want, x, 2)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%g became %d, portable %d", 2*x[i], got[i], want[i])
				}
			}
		}
	})
}

func TestQuantizeActivations(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	x := make([]float32, 2*512)
	for i := range x {
		x[i] = float32(r.NormFloat64() * math.Exp(float64(i%300)/50))
	}
	clear(x[64:96])
	for _, c := range []struct {
		name  string
		f     func(*ActsI8, []float32, int, int, int)
		block int
	}{{"Q8_0", QuantizeQ8_0, 32}, {"Q8_K", QuantizeQ8_K, 256}} {
		for _, group := range []int{16, 32} {
			var a ActsI8
			c.f(&a, x, 2, 512, group)
			for i, v := range x {
				b := x[i/c.block*c.block:][:c.block]
				s := a.Scale[i/group]
				step := math.Max(1.002*float64(abs32(extreme(b)))/127, 1e-12) // the half-precision scale adds a little
				if d := math.Abs(float64(s)*float64(a.Code[i]) - float64(v)); d > 0.51*step+float64(abs32(extreme(b)))*6e-4 {
					t.Fatalf("%s: %g became %g", c.name, v, s*float32(a.Code[i]))
				}
			}
			for g := range a.Sum {
				n := 0
				for _, q := range a.Code[g*group : (g+1)*group] {
					n += int(q)
				}
				if a.Sum[g] != a.Scale[g]*float32(n) {
					t.Fatalf("%s: sum of group %d is %g", c.name, g, a.Sum[g])
				}
			}
		}
	}
}

// A product that lies beside a half is rounded to float32 before it is rounded to an integer: fused, it would go the other way.
// The factor overflows in blocks of tiny values; what comes out then is the same everywhere too.
func TestRoundI8OfRoundedProducts(t *testing.T) {
	r := rand.New(rand.NewSource(11))
	each(t, roundI8, func(t *testing.T, f, p func([]int8, []float32, float32)) {
		x, got, want := make([]float32, 256), make([]int8, 256), make([]int8, 256)
		for range 4000 {
			scale := 0.5 + r.Float32()
			for i := range x {
				x[i] = (float32(r.Intn(254)-127) + 0.5) / scale
				want[i] = int8(math.RoundToEven(float64(float32(float64(x[i]) * float64(scale)))))
			}
			f(got, x, scale)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%g * %g became %d, want %d", x[i], scale, got[i], want[i])
				}
			}
		}
		for _, scale := range []float32{float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32} {
			for i := range x {
				x[i] = float32(math.Ldexp(r.NormFloat64(), r.Intn(120)-140))
			}
			f(got, x, scale)
			p(want, x, scale)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%g * %g became %d, portable %d", x[i], scale, got[i], want[i])
				}
			}
		}
	})
}

func TestBlocksWithNaNHaveScaleNaN(t *testing.T) {
	x := make([]float32, 512)
	for i := range x {
		x[i] = float32(i % 9)
	}
	x[300] = float32(math.NaN())
	for name, c := range map[string]struct {
		f     func(*ActsI8, []float32, int, int, int)
		block int
	}{"Q8_0": {QuantizeQ8_0, 32}, "Q8_K": {QuantizeQ8_K, 256}} {
		var a ActsI8
		c.f(&a, x, 1, 512, 32)
		for g, s := range a.Scale {
			if inside := g*32/c.block == 300/c.block; inside == (s == s) {
				t.Errorf("%s: group %d has scale %g", name, g, s)
			}
		}
	}
}
