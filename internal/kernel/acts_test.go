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

var roundings = []struct {
	name  string
	f     func(a *ActsI8, x []float32, from, m int)
	block int
}{{"Q8_0", QuantizeQ8_0, 32}, {"Q8_K", QuantizeQ8_K, 256}}

func TestQuantizeActivations(t *testing.T) {
	const m, from, k = 14, RowTile, 512
	r := rand.New(rand.NewSource(8))
	x := make([]float32, m*k)
	for i := range x {
		x[i] = float32(r.NormFloat64() * math.Exp(float64(i%300)/50))
	}
	clear(x[64:96])
	for _, c := range roundings {
		for _, group := range []int{16, 32} {
			var a ActsI8
			block := c.block
			if block == 32 {
				block = group // two of which share a scale
			}
			a.Reset(from+m, k, group, block)
			c.f(&a, x, from, m)
			sums := make([]int, (from+m)*k/group)
			for i, v := range x {
				row, q := from+i/k, i%k
				tile, lane := row/RowTile, row%RowTile
				b := x[i/c.block*c.block:][:c.block]
				s := a.Scale[(tile*k+q)/block*RowTile+lane]
				code := a.Code[(tile*k+q/4*4)*RowTile+4*lane+q%4]
				step := math.Max(1.002*float64(abs32(extreme(b)))/127, 1e-12) // the half-precision scale adds a little
				if d := math.Abs(float64(s)*float64(code) - float64(v)); d > 0.51*step+float64(abs32(extreme(b)))*6e-4 {
					t.Fatalf("%s: %g became %g", c.name, v, s*float32(code))
				}
				sums[row*k/group+q/group] += int(code)
			}
			for i, n := range sums[from*k/group:] {
				row, g := from+i/(k/group), i%(k/group)
				if block > group {
					if got := a.Pair[(row/RowTile*(k/group)+g/2*2)*RowTile+row%RowTile*2+g%2]; got != int16(n) {
						t.Fatalf("%s: sum of group %d of row %d is %d, want %d", c.name, g, row, got, n)
					}
					continue
				}
				at := (row/RowTile*(k/group)+g)*RowTile + row%RowTile
				if a.Sum[at] != float32(n) || a.Start[at] != int32(-128*n) {
					t.Fatalf("%s: sum of group %d of row %d is %g, want %d", c.name, g, row, a.Sum[at], n)
				}
			}
			for i, code := range a.Code[RowTile*k:] {
				if row := i/(k*RowTile)*RowTile + i/4%RowTile; row >= m && code != 0 {
					t.Fatalf("%s: absent row %d holds %d", c.name, row, code)
				}
			}
		}
	}
}

func TestRoundBlocks(t *testing.T) {
	r := rand.New(rand.NewSource(17))
	each(t, roundBlocks, func(t *testing.T, f, p func(code []int8, scale, x []float32)) {
		for range 300 {
			n := 32 * (1 + r.Intn(8))
			x := random(r, n)
			switch r.Intn(4) {
			case 0:
				clear(x[:32])
			case 1:
				x[r.Intn(n)] = []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e38, 1e-44}[r.Intn(5)]
			}
			got, want := make([]int8, n), make([]int8, n)
			gotScale, check := guarded(n / 32)
			wantScale := make([]float32, n/32)
			f(got, gotScale, x)
			check()
			p(want, wantScale, x)
			same(t, "scale", gotScale, wantScale)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%g of %v became %d, portable %d", x[i], x[i/32*32:][:32], got[i], want[i])
				}
			}
		}
	})
}

func TestSum16(t *testing.T) {
	r := rand.New(rand.NewSource(18))
	each(t, sum16, func(t *testing.T, f, p func(sum []int32, code []int8)) {
		for n := 32; n < 300; n += 32 {
			code := make([]int8, n)
			for i := range code {
				code[i] = int8(r.Intn(256) - 128)
			}
			got, want := make([]int32, n/16), make([]int32, n/16)
			f(got, code)
			p(want, code)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("sum %d is %d, want %d", i, got[i], want[i])
				}
			}
		}
	})
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
	for _, c := range roundings {
		var a ActsI8
		a.Reset(1, 512, 32, c.block)
		c.f(&a, x, 0, 1)
		for b := range 512 / c.block {
			s := a.Scale[b*RowTile]
			if inside := b == 300/c.block; inside == (s == s) {
				t.Errorf("%s: block %d has scale %g", c.name, b, s)
			}
		}
	}
}
