package kernel

import (
	"math/rand"
	"testing"
)

func TestElements(t *testing.T) {
	r := rand.New(rand.NewSource(25))
	t.Run("Add", func(t *testing.T) {
		each(t, add, func(t *testing.T, f, p func(x, h []float32)) {
			for n := range 40 {
				got, check := guarded(n)
				want, h := random(r, n), random(r, n+1)[1:]
				copy(got, want)
				f(got, h)
				check()
				p(want, h)
				same(t, "sum", got, want)
			}
		})
	})
	t.Run("ScaleBy", func(t *testing.T) {
		each(t, scaleBy, func(t *testing.T, f, p func(dst, x, by []float32, by1 float32)) {
			for n := range 40 {
				got, check := guarded(n)
				want, x, by := make([]float32, n), random(r, n+1)[1:], random(r, n)
				f(got, x, by, 0.7)
				check()
				p(want, x, by, 0.7)
				same(t, "product", got, want)
			}
		})
	})
	t.Run("RotatePairs", func(t *testing.T) {
		each(t, rotatePairs, func(t *testing.T, f, p func(x, cos, sin []float32)) {
			for n := range 40 {
				got, check := guarded(2 * n)
				want, cos, sin := random(r, 2*n), random(r, n+1)[1:], random(r, n)
				copy(got, want)
				f(got, cos, sin)
				check()
				p(want, cos, sin)
				same(t, "pairs", got, want)
			}
		})
	})
	t.Run("RotateHalves", func(t *testing.T) {
		each(t, rotateHalves, func(t *testing.T, f, p func(lo, hi, cos, sin []float32)) {
			for n := range 40 {
				got, check := guarded(2 * n)
				want, cos, sin := random(r, 2*n), random(r, n+1)[1:], random(r, n)
				copy(got, want)
				f(got[:n], got[n:], cos, sin)
				check()
				p(want[:n], want[n:], cos, sin)
				same(t, "halves", got, want)
			}
		})
	})
}
