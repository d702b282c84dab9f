package kernel

import (
	"math"
	"math/rand"
	"testing"
)

func TestScan(t *testing.T) {
	r := rand.New(rand.NewSource(26))
	t.Run("Scan", func(t *testing.T) {
		each(t, scan, func(t *testing.T, f, p func(y, s, x, b, c []float32, decay float32)) {
			for wide := range 75 {
				for _, n := range []int{0, 1, 5} {
					got, check := guarded(wide)
					s, checkState := guarded(n * wide)
					want, state := random(r, wide), random(r, n*wide)
					copy(got, want)
					copy(s, state)
					x, b, c := random(r, wide), random(r, n+1)[1:], random(r, n)
					f(got, s, x, b, c, 0.9)
					check()
					checkState()
					p(want, state, x, b, c, 0.9)
					same(t, "output", got, want)
					same(t, "state", s, state)
				}
			}
		})
	})
	for _, of := range []struct {
		name   string
		kernel *bodies[func(y, s, x, b, c, decay []float32)]
		decays func(n, wide int) int
	}{{"ScanRows", scanRows, func(n, _ int) int { return n }}, {"ScanEach", scanEach, func(n, wide int) int { return n * wide }}} {
		t.Run(of.name, func(t *testing.T) {
			each(t, of.kernel, func(t *testing.T, f, p func(y, s, x, b, c, decay []float32)) {
				for wide := range 75 {
					for _, n := range []int{0, 1, 5} {
						got, check := guarded(wide)
						s, checkState := guarded(n * wide)
						want, state, decay := random(r, wide), random(r, n*wide), random(r, of.decays(n, wide)+1)[1:]
						copy(got, want)
						copy(s, state)
						x, b, c := random(r, wide), random(r, n+1)[1:], random(r, n)
						f(got, s, x, b, c, decay)
						check()
						checkState()
						p(want, state, x, b, c, decay)
						same(t, "output", got, want)
						same(t, "state", s, state)
					}
				}
			})
		})
	}
	t.Run("AddMul", func(t *testing.T) {
		each(t, addMul, func(t *testing.T, f, p func(y, x, w []float32)) {
			for n := range 40 {
				got, check := guarded(n)
				want, x, w := random(r, n), random(r, n+1)[1:], random(r, n)
				copy(got, want)
				f(got, x, w)
				check()
				p(want, x, w)
				same(t, "sum", got, want)
			}
		})
	})
}

// Steps are what their definition says.
func TestScanDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(27))
	const n, wide = 9, 21
	s, y, want := make([]float32, n*wide), make([]float32, wide), make([]float64, n*wide)
	other, z, decay := make([]float32, n*wide), make([]float32, wide), make([]float32, n)
	for range 6 {
		x, b, c, by := random(r, wide), random(r, n), random(r, n), float32(r.Float64())
		for i := range decay {
			decay[i] = by
		}
		Scan(y, s, x, b, c, by)
		ScanRows(z, other, x, b, c, decay)
		same(t, "output of rows", z, y)
		same(t, "state of rows", other, s)
		for j := range wide {
			sum := 0.0
			for i := range n {
				want[i*wide+j] = want[i*wide+j]*float64(by) + float64(x[j])*float64(b[i])
				sum += want[i*wide+j] * float64(c[i])
			}
			if math.Abs(sum-float64(y[j])) > 1e-4*(1+math.Abs(sum)) {
				t.Fatalf("column %d: %v, want %v", j, y[j], sum)
			}
		}
	}
}
