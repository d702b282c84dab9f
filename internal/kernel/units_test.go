package kernel

import (
	"math"
	"math/bits"
	"math/rand"
	"slices"
	"testing"
)

func TestTops(t *testing.T) {
	r := rand.New(rand.NewSource(21))
	each(t, tops, func(t *testing.T, f, portable topsBody) {
		for groups := 1; groups < 9; groups++ {
			for n := 8; n <= 32; n += 8 {
				x, w := anyPoints(r, groups*n)
				x[0], x[groups*n-1] = 200, -200 // of two that are as large the first
				clear(x[:(groups-1)%2*n])
				top, check := guarded(groups)
				heavy, checkHeavy := guarded(groups)
				sum, most := make([]float64, groups), make([]float64, groups)
				f(top, heavy, sum, most, x, w, n)
				check()
				checkHeavy()
				wantTop, wantHeavy := make([]float32, groups), make([]float32, groups)
				wantSum, wantMost := make([]float64, groups), make([]float64, groups)
				portable(wantTop, wantHeavy, wantSum, wantMost, x, w, n)
				if !slices.Equal(top, wantTop) || !slices.Equal(heavy, wantHeavy) || !slices.Equal(sum, wantSum) || !slices.Equal(most, wantMost) {
					t.Fatalf("%d groups of %d: %v %v %v %v, want %v %v %v %v", groups, n, top, heavy, sum, most, wantTop, wantHeavy, wantSum, wantMost)
				}
			}
		}
	})
}

func TestUnits(t *testing.T) {
	r := rand.New(rand.NewSource(22))
	each(t, units, func(t *testing.T, f, portable unitsBody) {
		for groups := 1; groups < 9; groups++ {
			for n := 8; n <= 32; n += 8 {
				for _, plain := range []bool{false, true} {
					x, w := anyPoints(r, groups*n)
					factor, lighter := anyPoints(r, groups)
					unit, check := guarded(groups * n)
					heft, checkHeft := guarded(groups * n)
					f(unit, heft, x, w, factor, lighter, n, plain)
					check()
					checkHeft()
					wantUnit, wantHeft := make([]float32, groups*n), make([]float32, groups*n)
					portable(wantUnit, wantHeft, x, w, factor, lighter, n, plain)
					if !slices.Equal(unit, wantUnit) || !slices.Equal(heft, wantHeft) {
						t.Fatalf("%d groups of %d, plain %v: %v %v, want %v %v", groups, n, plain, unit, heft, wantUnit, wantHeft)
					}
				}
			}
		}
	})
}

func TestEvenSigns(t *testing.T) {
	r := rand.New(rand.NewSource(23))
	each(t, evenSigns, func(t *testing.T, f, portable signsBody) {
		for eights := 1; eights < 40; eights++ {
			x, w := anyPoints(r, 8*eights)
			unit, check := guarded(8 * eights)
			for i, v := range x {
				unit[i] = max(v, -v)
			}
			want := slices.Clone(unit)
			sign, wantSign := make([]uint8, eights+1), make([]uint8, eights+1)
			sign[eights], wantSign[eights] = 77, 77
			f(sign[:eights], unit, x, w)
			check()
			portable(wantSign[:eights], want, x, w)
			if !slices.Equal(unit, want) || !slices.Equal(sign, wantSign) {
				t.Fatalf("%d eights: %v %v, want %v %v", eights, unit, sign, want, wantSign)
			}
			for p, s := range sign[:eights] {
				if bits.OnesCount8(s)%2 != 0 {
					t.Fatalf("eight %d: signs %08b", p, s)
				}
			}
		}
	})
}

func TestGridFree(t *testing.T) {
	r := rand.New(rand.NewSource(24))
	for dims, bodies := range map[int]*bodies[gridFreeBody]{4: gridFree4, 8: gridFree8} {
		g := anyGrid(r, dims, 1, 6)
		each(t, bodies, func(t *testing.T, f, portable gridFreeBody) {
			for points := 2; points < 40; points += 2 {
				x, w := anyPoints(r, points*dims)
				gain, check := guarded(points)
				want := make([]float32, points)
				s := r.Float32() * 3
				f(gain, x, w, g, s)
				check()
				portable(want, x, w, g, s)
				if !slices.Equal(gain, want) {
					t.Fatalf("%d dimensions, %d points: %v, want %v", dims, points, gain, want)
				}
			}
		})
	}
}

func TestSigns(t *testing.T) {
	r := rand.New(rand.NewSource(35))
	each(t, signs, func(t *testing.T, f, portable func(sign []uint8, x []float32)) {
		for eights := 1; eights < 40; eights++ {
			x, _ := anyPoints(r, 8*eights)
			x[0] = float32(math.Copysign(0, -1))
			got, want := make([]uint8, eights+1), make([]uint8, eights+1)
			got[eights], want[eights] = 77, 77
			f(got[:eights], x)
			portable(want[:eights], x)
			if !slices.Equal(got, want) || got[0]&1 == 0 {
				t.Fatalf("%v: %v, want %v", x, got, want)
			}
		}
	})
}

func TestTame(t *testing.T) {
	r := rand.New(rand.NewSource(25))
	each(t, tame, func(t *testing.T, f, portable tameBody) {
		for n := 8; n < 80; n += 8 {
			x, _ := anyPoints(r, n)
			x[0], x[1], x[2], x[3], x[4] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30, -1e30
			dst, check := guarded(n)
			want := make([]float32, n)
			f(dst, x, 1e9)
			check()
			portable(want, x, 1e9)
			if !slices.Equal(dst, want) {
				t.Fatalf("%v, want %v", dst, want)
			}
			if !slices.Equal(dst[:5], []float32{0, 1e9, -1e9, 1e9, -1e9}) {
				t.Fatal(dst[:5])
			}
		}
	})
}

func TestWeigh(t *testing.T) {
	r := rand.New(rand.NewSource(26))
	each(t, weigh, func(t *testing.T, f, portable weighBody) {
		for n := 8; n < 300; n += 24 {
			for power := range int32(3) {
				for _, times := range []float32{0, 2} {
					h := &Heft{Ridge: 1. / 1024, Times: times, Power: power}
					x, importance := anyPoints(r, n)
					for i, v := range importance {
						importance[i] = max(v, -v)
					}
					w, check := guarded(n)
					want := make([]float32, n)
					if ok := f(w, x, importance, h); ok != portable(want, x, importance, h) || !ok || !slices.Equal(w, want) {
						t.Fatalf("%+v, %v: %v, want %v", h, ok, w, want)
					}
					check()
					for _, v := range []float32{0, float32(math.NaN()), float32(math.Inf(1)), 3e38} { // nothing, or too much
						for i := range importance {
							importance[i] = v
						}
						if f(w, x, importance, h) || portable(want, x, importance, h) {
							t.Fatalf("an importance of %v says something", v)
						}
					}
				}
			}
		}
	})
}

// What counts is a power of importance, times sqrt(σ² + x²).
func TestWeighByDefinition(t *testing.T) {
	x, importance, w := make([]float32, 8), make([]float32, 8), make([]float32, 8)
	mean, square := 0.0, 0.0
	for i := range x {
		x[i], importance[i] = float32(i)-3.5, float32(i*i)
		mean += float64(importance[i]) / 8
		square += float64(x[i]*x[i]) / 8
	}
	for power, p := range map[int32]float64{Whole: 1, SevenEighths: 7. / 8, ThreeQuarters: 3. / 4} {
		if !(&Heft{Ridge: 0.5, Times: 2, Power: power}).Weigh(w, x, importance) {
			t.Fatal("nothing counts")
		}
		for i, v := range w {
			want := math.Pow((float64(importance[i])+mean/2)*math.Sqrt(2*square+float64(x[i]*x[i])), p)
			if math.Abs(float64(v)-want) > 1e-5*want {
				t.Errorf("power %v: %v, want %v", p, v, want)
			}
		}
	}
}
