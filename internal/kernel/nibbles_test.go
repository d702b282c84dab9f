package kernel

import (
	"math/rand"
	"slices"
	"testing"
)

func TestNameNibbles(t *testing.T) {
	r := rand.New(rand.NewSource(44))
	levels := [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	each(t, nameNibbles, func(t *testing.T, f, p func(dst []int8, src []byte, half, stride int, levels *[16]int8)) {
		for _, half := range []int{8, 16} {
			for n := 1; n < 12; n++ {
				stride := half + r.Intn(9)
				src := make([]byte, 1+stride*(n-1)+half)
				r.Read(src)
				got, check := guarded(2 * half * n / 4)
				want := make([]int8, 2*half*n)
				f(bytesOf(got), src[1:], half, stride, &levels)
				check()
				p(want, src[1:], half, stride, &levels)
				if !slices.Equal(bytesOf(got), want) {
					t.Fatalf("%d blocks of %d: %v, want %v", n, 2*half, bytesOf(got), want)
				}
			}
		}
	})
}
