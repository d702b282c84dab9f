package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// anyInts are groups of weights between -1 and 1, which count for up to 1, and they in integers.
func anyInts(r *rand.Rand, groups int) (x, w []float32, ints NamedInts) {
	x, w, ints = make([]float32, groups*namedGroup), make([]float32, groups*namedGroup), NewNamedInts(groups)
	for i := range x {
		x[i], w[i] = 2*r.Float32()-1, r.Float32()*r.Float32()
	}
	x[0], x[1], w[0] = 1, -1, 1
	clear(w[(groups-1)*namedGroup:][:groups%2*namedGroup])
	namedTakePortable(ints.Word, ints.Part, x, w)
	return x, w, ints
}

func TestNamedTake(t *testing.T) {
	r := rand.New(rand.NewSource(27))
	each(t, namedTake, func(t *testing.T, f, _ namedTakeBody) {
		for groups := 1; groups < 9; groups++ {
			x, w, want := anyInts(r, groups)
			got := NewNamedInts(groups)
			f(got.Word, got.Part, x, w)
			if !slices.Equal(got.Word, want.Word) || !slices.Equal(got.Part, want.Part) {
				t.Fatalf("%d groups: %v, want %v", groups, got, want)
			}
		}
	})
}

func TestNamedSweep(t *testing.T) {
	r := rand.New(rand.NewSource(28))
	n := NewNamed(&uneven)
	each(t, namedSweep, func(t *testing.T, f, portable namedSweepBody) {
		for groups := 1; groups < 9; groups++ {
			for per := 8; per <= 40; per += 8 {
				_, _, ints := anyInts(r, groups)
				for _, scales := range []int{per, groups * per} {
					inverse := make([]int16, scales)
					for i := range inverse {
						inverse[i] = int16(r.Intn(65536) - 32768)
					}
					lx, checkX := guarded(groups * per)
					l2, check2 := guarded(groups * per)
					wantX, want2 := make([]float32, groups*per), make([]float32, groups*per)
					f(lx, l2, ints.Word, inverse, per, n)
					portable(wantX, want2, ints.Word, inverse, per, n)
					checkX()
					check2()
					if !slices.Equal(lx, wantX) || !slices.Equal(l2, want2) {
						t.Fatalf("%d groups, %d of %d scales: %v and %v, want %v and %v", groups, per, scales, lx, l2, wantX, want2)
					}
				}
			}
		}
	})
}

// The sums explain nearly what those of the fit do, as a part of what is there to lose.
func TestNamedSweepIsNearFit(t *testing.T) {
	r := rand.New(rand.NewSource(29))
	n := NewNamed(&uneven)
	x, w, ints := anyInts(r, 3)
	inverse, whole := make([]float32, 8), make([]int16, 8)
	for i := range inverse {
		whole[i] = int16(12800 + r.Intn(5000))
		inverse[i] = float32(whole[i]) * NamedStep
	}
	lx, l2, wantX, want2 := make([]float32, 16), make([]float32, 16), make([]float32, 16), make([]float32, 16)
	n.Sweep(lx, l2, ints, 2, 8, whole)
	n.Fit(wantX, want2, x[:2*namedGroup], w[:2*namedGroup], slices.Concat(inverse, inverse))
	var sum, sumWant float64 // single weights between two levels go to either
	for i := range lx {
		all := 0.0
		for j, v := range x[i/8*namedGroup:][:namedGroup] {
			all += float64(v) * float64(v) * float64(w[i/8*namedGroup+j])
		}
		lost := func(p, q float32) float64 { return all - float64(p)*float64(p)/float64(q) }
		sum, sumWant = sum+lost(lx[i]*ints.Part[i/8], l2[i]*NamedUnit), sumWant+lost(wantX[i], want2[i])
	}
	if math.Abs(sum-sumWant) > 0.03*sumWant {
		t.Errorf("%v is lost, want %v", sum, sumWant)
	}
}

func TestNamedMost(t *testing.T) {
	r := rand.New(rand.NewSource(30))
	each(t, namedMost, func(t *testing.T, f, _ namedMostBody) {
		for groups := 1; groups < 9; groups++ {
			for first := 8; first <= 32; first += 8 {
				per := first + 8*(1+groups%3)
				lx, l2 := anyPoints(r, groups*per)
				all, want := make([]float32, groups), make([]uint32, 2*groups)
				for i, v := range l2 {
					l2[i] = max(v, -v) * 1000
				}
				l2[r.Intn(len(l2))] = 0
				for i := range want { // by division in double precision; ties are not to be expected
					best := -1.0
					for j := range map[int]int{0: first, 1: per - first}[i%2] {
						at := i/2*per + i%2*first + j
						if e := float64(lx[at]) * float64(lx[at]) / max(float64(l2[at]), 1); e > best {
							best, want[i] = e, uint32(at-i/2*per)
						}
					}
					all[i/2] = max(all[i/2], float32(best)*1.001)
				}
				got := make([]uint32, 2*groups+1)
				got[2*groups] = 77
				f(got[:2*groups], lx, l2, all, per, first)
				if !slices.Equal(got, append(want, 77)) {
					t.Fatalf("%d groups of %d and %d: %v, want %v", groups, first, per-first, got, want)
				}
			}
		}
		// Of a group of zeros it is no number what there is to explain: the first fits are as good as any.
		found, sums := make([]uint32, 2), make([]float32, 16)
		if f(found, sums, sums, []float32{float32(math.NaN())}, 16, 8); found[0] != 0 || found[1] != 8 {
			t.Fatalf("of nothing the fits %d are best", found)
		}
	})
}
