package arch

import (
	"slices"
	"testing"
)

// A tensor is turned the same way whether its columns are read in strips or its matrices whole, from any row on.
func TestTurned(t *testing.T) {
	const x, n, m = 3, 5, 8
	in := numbers("x", x, n, m)
	for _, step := range []int{1, 2} {
		for first := range step {
			strip := turnedColumns(in, first, step)
			blocks := *in
			blocks.Raw = nil
			whole := turnedColumns(&blocks, first, step)
			if want := []int{x, m / step, n}; !slices.Equal(strip.Shape, want) {
				t.Fatalf("shape %v, want %v", strip.Shape, want)
			}
			for row := range x * m / step {
				for count := 1; row+count <= x*m/step; count++ {
					a, b := make([]float32, count*n), make([]float32, count*n)
					if err := strip.Rows.ReadRows(a, row); err != nil {
						t.Fatal(err)
					}
					if err := whole.Rows.ReadRows(b, row); err != nil {
						t.Fatal(err)
					}
					for i, v := range a {
						r, j := row+i/n, i%n
						want := float32((r/(m/step)*n+j)*m + first + r%(m/step)*step)
						if v != want || b[i] != want {
							t.Fatalf("row %d, element %d: %v and %v, want %v", r, j, v, b[i], want)
						}
					}
				}
			}
		}
	}
}
