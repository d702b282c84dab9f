package quantize

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Nearest without its search is the grid that covers a group's range, and every code is the nearest point; with the search no group has a
// larger error.
func TestNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	const rows, cols = 8, 96
	src := make([]float32, rows*cols)
	for i := range src {
		src[i] = float32(r.NormFloat64() * 0.02)
	}
	for i := range 32 {
		src[i], src[cols+i] = 0, 0.01 // a group of zeros, and one of a constant
	}
	for _, bits := range []int{2, 3, 4, 8} {
		for _, group := range []int{0, 32} {
			for _, kind := range []struct{ sym, offsets bool }{{true, false}, {false, false}, {false, true}} {
				n := Nearest{Grid: Grid{Bits: bits, Group: group, Symmetric: kind.sym}, Offsets: kind.offsets, Round: RoundTo(F16), Plain: true}
				var plain, best Codes
				n.Rows(&plain, src, cols, nil)
				nearestPoints(t, &plain, src)
				n.Plain = false
				n.Rows(&best, src, cols, nil)
				nearestPoints(t, &best, src)
				a, b := groupErrors(&plain, src), groupErrors(&best, src)
				better := 0
				for g := range a {
					if b[g] > a[g]*(1+1e-5)+1e-12 {
						t.Errorf("%+v, group %d: the search has error %g, none %g", n.Grid, g, b[g], a[g])
					}
					if b[g] < a[g] {
						better++
					}
				}
				if better < len(a)/2 {
					t.Errorf("%+v: the search gains in %d of %d groups", n.Grid, better, len(a))
				}
			}
		}
	}
}

// nearestPoints demands sound codes, each the nearest of its group.
func nearestPoints(t *testing.T, c *Codes, src []float32) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if err := c.Sound(); err != nil {
		t.Fatal(err)
	}
	other, row := *c, make([]float32, c.Cols)
	for i := range c.Rows {
		c.Row(row, i)
		for k, x := range row {
			q := c.Q[i*c.Cols+k]
			for _, step := range []int{-1, 1} {
				if v := int(q) + step; v >= 0 && v < c.Levels() {
					other.Q = append(other.Q[:0:0], c.Q...)
					other.Q[i*c.Cols+k] = uint8(v)
					near := make([]float32, c.Cols)
					other.Row(near, i)
					w := float64(src[i*c.Cols+k])
					if d := math.Abs(float64(x) - w); math.Abs(float64(near[k])-w) < d*(1-1e-4)-1e-9 {
						t.Fatalf("%+v: row %d, column %d: code %d is nearer to %g than %d", c.Grid, i, k, v, w, q)
					}
				}
			}
		}
	}
}

// groupErrors are those that Nearest minimises.
func groupErrors(c *Codes, src []float32) []float64 {
	out, row := make([]float64, len(c.Scale)), make([]float32, c.Cols)
	groups := c.Groups(c.Cols)
	mean, n := make([]float64, len(c.Scale)), make([]float64, len(c.Scale))
	for i, x := range src {
		g := i/c.Cols*groups + c.GroupOf(i%c.Cols)
		mean[g], n[g] = mean[g]+float64(x)*float64(x), n[g]+1
	}
	for i := range c.Rows {
		c.Row(row, i)
		for k, x := range row {
			e := float64(x) - float64(src[i*c.Cols+k])
			g, w := i*groups+c.GroupOf(k), float64(src[i*c.Cols+k])
			out[g] += e * e * (mean[g]/n[g] + w*w)
		}
	}
	return out
}
