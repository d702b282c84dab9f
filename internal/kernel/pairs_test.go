package kernel

import (
	"math"
	"math/rand"
	"testing"
)

func TestPairBF16(t *testing.T) {
	r := rand.New(rand.NewSource(41))
	each(t, pairBF16, func(t *testing.T, f, p func(dst []uint32, x []float32)) {
		for n := range 100 {
			x := bitPatterns(r, n+1)[1:]
			got, want := make([]uint32, (n+1)/2), make([]uint32, (n+1)/2)
			f(got, x)
			p(want, x)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("n=%d: pair %d is %08x, want %08x", n, i, got[i], want[i])
				}
			}
		}
	})
}

// bitPatterns are numbers of all magnitudes, subnormal ones, infinities and NaNs among them, and those about the least factor.
func bitPatterns(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		b := r.Uint32()
		if i%3 == 0 {
			b = tinyBF16 - 0x10000 + b&0x80020fff
		}
		x[i] = math.Float32frombits(b)
	}
	return x
}

// What is small enough to matter to an instruction that knows no subnormal numbers is zero.
func TestTinyFactorsAreZero(t *testing.T) {
	for x, want := range map[float32]uint32{0x1p-56: tinyBF16, -0x1p-56: tinyBF16 | 1<<31, 0x1p-57: 0, 0x1.fep-57: 0, 0x1.ffp-57: tinyBF16, 1e-45: 0} {
		var got [1]uint32
		PairBF16(got[:], []float32{x})
		if got[0] != want {
			t.Errorf("%g is %08x, not %08x", x, got[0], want)
		}
	}
}

func TestMatMulPairs(t *testing.T) {
	r := rand.New(rand.NewSource(42))
	each(t, matMulPairs, func(t *testing.T, f, p func(dst []float32, ldd int, tiles []uint32, m int, panel []uint32, k, column, columns int)) {
		for m := 1; m < 30; m++ {
			for _, k := range []int{1, 2, 3, 8, 33, 64} {
				ldd, part := Lanes+r.Intn(5), r.Intn(k+1)
				tiles, panel := factors(r, (m+RowTile-1)/RowTile*RowTile*k), factors(r, k*Lanes)
				got, check := guarded((m-1)*ldd + Lanes)
				want := append([]float32(nil), got...)
				if part > 0 {
					f(got, ldd, tiles, m, panel, k, 0, part)
				}
				if part < k {
					f(got, ldd, tiles, m, panel, k, part, k-part)
				}
				check()
				p(want, ldd, tiles, m, panel, k, 0, k)
				for i := range m {
					same(t, "row", got[i*ldd:][:Lanes], want[i*ldd:][:Lanes])
				}
			}
		}
	})
}

// factors are n words of two numbers each, of ordinary size, or so small or large that their products are at the ends of what a float32 holds:
// cancelling sums of these are where instructions could differ.
func factors(r *rand.Rand, n int) []uint32 {
	x := make([]float32, 2*n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
		switch r.Intn(6) {
		case 0:
			x[i] = 0
		case 1:
			x[i] = float32(math.Ldexp(1+float64(r.Intn(4))/128, -56))
			if r.Intn(2) == 0 {
				x[i] = -x[i]
			}
		case 2:
			x[i] *= float32(math.Ldexp(1, r.Intn(80)-50))
		}
	}
	w := make([]uint32, n)
	PairBF16(w, x)
	return w
}

// Pairs give what their numbers give one by one.
func TestPairsEqualNumbers(t *testing.T) {
	const m, k = 17, 46
	r := rand.New(rand.NewSource(43))
	x, w := factors(r, m*k/2), factors(r, Lanes*k/2)
	numbers := func(words []uint32) (out []float32) {
		for _, v := range words {
			first, second := unpair(v)
			out = append(out, first, second)
		}
		return out
	}
	tiles, panel := make([]uint32, 2*RowTile*k/2), make([]uint32, Lanes*k/2)
	PackTiles(tiles, x, k/2, 0, m, k/2)
	PackPairs(panel, w, Lanes, k/2)
	whole := make([]float32, Lanes*k)
	PackF32(whole, numbers(w), Lanes, k)
	got, want := make([]float32, m*Lanes), make([]float32, m*Lanes)
	MatMulPairs(got, Lanes, tiles, 0, m, panel, k/2, 0, k/2)
	MatMulF32(want, Lanes, numbers(x), k, whole, Lanes, m, k, false)
	same(t, "product", got, want)
}
