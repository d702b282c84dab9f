package kernel

import (
	"bytes"
	"math"
	"math/rand"
	"slices"
	"testing"
)

var fp4Numbers = [8]float32{0, 1, 2, 3, 4, 6, 8, 12}

func TestFP4Losses(t *testing.T) {
	r := rand.New(rand.NewSource(17))
	each(t, fp4Losses, func(t *testing.T, f, portable fp4LossesBody) {
		for groups := 1; groups < 9; groups++ {
			for per := 4; per <= 16; per += 4 {
				x, w := anyPoints(r, groups*fp4Group)
				scale, inverse := make([]float32, groups*per), make([]float32, groups*per)
				for i := range scale {
					scale[i] = float32(r.ExpFloat64()) * 8
					inverse[i] = 1 / scale[i]
				}
				scale[0], inverse[0] = 0, 1e38
				got, check := guarded(len(scale))
				want := make([]float32, len(scale))
				f(got, x, w, scale, inverse)
				portable(want, x, w, scale, inverse)
				check()
				if !slices.Equal(got, want) {
					t.Fatalf("%d groups, %d scales: %v, want %v", groups, per, got, want)
				}
			}
		}
	})
}

// The losses are those of the nearest numbers.
func TestFP4LossesByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(18))
	x, w := anyPoints(r, fp4Group)
	scale := []float32{1, 3, 0.2, 14}
	inverse := make([]float32, 4)
	for i, d := range scale {
		inverse[i] = 1 / d
	}
	var loss [4]float32
	FP4Losses(loss[:], x, w, scale, inverse)
	for i, d := range scale {
		var sum float64
		for j, v := range x {
			least := math.Inf(1)
			for _, n := range fp4Numbers {
				least = min(least, math.Abs(math.Abs(float64(v))-float64(n*d)))
			}
			sum += float64(w[j]) * least * least
		}
		if math.Abs(sum-float64(loss[i])) > 1e-5*sum {
			t.Errorf("scale %v: %v, want %v", d, loss[i], sum)
		}
	}
}

func TestFP4Codes(t *testing.T) {
	r := rand.New(rand.NewSource(19))
	each(t, fp4Codes, func(t *testing.T, f, portable fp4CodesBody) {
		for groups := 1; groups < 12; groups++ {
			x, _ := anyPoints(r, groups*fp4Group)
			scale := make([]float32, groups)
			for g := range scale {
				scale[g] = float32(r.ExpFloat64()) * 8
				x[fp4Group*g+g%7] = fp4Middles[g%7] * scale[g] // belongs to the smaller
				x[fp4Group*g+8] = -fp4Middles[g%7] * scale[g]
			}
			scale[r.Intn(groups)] = float32(math.Inf(1))
			got, want := bytes.Repeat([]byte{99}, len(x)+32), bytes.Repeat([]byte{99}, len(x)+32)
			f(got[16:16+len(x)], x, scale)
			portable(want[16:16+len(x)], x, scale)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d groups: %v, want %v", groups, got, want)
			}
		}
	})
}

func TestFP4CodesByDefinition(t *testing.T) {
	x := []float32{0, 0.5, -0.5, 0.51, -0.51, 1.5, 1.51, -5, 5.1, 7, 7.1, 10, 10.1, -10.1, 1e30, -1e-30}
	want := []uint8{0, 0, 0, 1, 9, 1, 2, 12, 5, 5, 6, 6, 7, 15, 7, 0}
	got := make([]uint8, 16)
	FP4Codes(got, x, []float32{1})
	if !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
