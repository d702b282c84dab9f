package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

var uneven = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func TestNamedFit(t *testing.T) {
	r := rand.New(rand.NewSource(15))
	n := NewNamed(&uneven)
	each(t, namedFit, func(t *testing.T, f, portable namedFitBody) {
		for groups := 1; groups < 9; groups++ {
			for per := 4; per <= 16; per += 4 {
				x, w := anyPoints(r, groups*namedGroup)
				inverse := make([]float32, groups*per)
				for i := range inverse {
					inverse[i] = float32(r.NormFloat64() * 4)
				}
				for i := range 40 { // middles, which belong to the higher level
					x[i%len(x)], inverse[0] = float32(int(uneven[i%15])+int(uneven[i%15+1]))/2, 1
				}
				lx, checkX := guarded(len(inverse))
				l2, check2 := guarded(len(inverse))
				wantX, want2 := make([]float32, len(inverse)), make([]float32, len(inverse))
				f(lx, l2, x, w, inverse, n)
				portable(wantX, want2, x, w, inverse, n)
				checkX()
				check2()
				if !slices.Equal(lx, wantX) || !slices.Equal(l2, want2) {
					t.Fatalf("%d groups, %d scales: %v and %v, want %v and %v", groups, per, lx, l2, wantX, want2)
				}
			}
		}
	})
}

// The sums are those of the nearest levels.
func TestNamedFitByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(16))
	x, w := anyPoints(r, namedGroup)
	inverse := []float32{1, -1, 3.3, 0.2}
	var lx, l2 [4]float32
	NewNamed(&uneven).Fit(lx[:], l2[:], x, w, inverse)
	for t0, inv := range inverse {
		var p, q float64
		for i, v := range x {
			nearest := uneven[0]
			for _, l := range uneven {
				if math.Abs(float64(v*inv)-float64(l)) < math.Abs(float64(v*inv)-float64(nearest)) {
					nearest = l
				}
			}
			p += float64(w[i]*v) * float64(nearest)
			q += float64(w[i]) * float64(nearest) * float64(nearest)
		}
		if math.Abs(p-float64(lx[t0])) > 1e-5*math.Abs(p) || math.Abs(q-float64(l2[t0])) > 1e-5*q {
			t.Errorf("scale %v: %v and %v, want %v and %v", inv, lx[t0], l2[t0], p, q)
		}
	}
}

func TestNamedCodes(t *testing.T) {
	r := rand.New(rand.NewSource(17))
	n := NewNamed(&uneven)
	each(t, namedCodes, func(t *testing.T, f, portable namedCodesBody) {
		for groups := 1; groups < 9; groups++ {
			x, _ := anyPoints(r, groups*namedGroup)
			inverse := make([]float64, groups)
			for i := range inverse {
				inverse[i] = r.NormFloat64() * 4
			}
			inverse[0] = 1
			for i := range 15 { // middles, what is next to them, and what is far away
				middle := float32(int(uneven[i])+int(uneven[i+1])) / 2
				x[2*i], x[2*i+1] = middle, math.Nextafter32(middle, -1000)
			}
			x[30], x[31] = 1e30, -1e30
			got, want := make([]uint8, len(x)+1), make([]uint8, len(x)+1)
			got[len(x)], want[len(x)] = 77, 77
			f(got[:len(x)], x, inverse, n)
			portable(want[:len(x)], x, inverse, n)
			if !slices.Equal(got, want) {
				t.Fatalf("%d groups: %v, want %v", groups, got, want)
			}
			for i := range 15 {
				if int(got[2*i]) != i+1 || int(got[2*i+1]) != i {
					t.Errorf("around middle %d: %d and %d", i, got[2*i+1], got[2*i])
				}
			}
		}
	})
}
