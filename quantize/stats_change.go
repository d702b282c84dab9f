package quantize

import "quern/internal/kernel"

// Change is what replacing rows of weights does to their products with the inputs, by the Gram matrix: the sum of squares of the differences, and
// that of the products as they were.
func (s *Stats) Change(w, now []float32) (lost, whole float64) {
	k := len(s.Diag)
	e := make([]float64, len(w))
	for i, v := range w {
		e[i] = float64(v) - float64(now[i])
	}
	was := make([]float64, len(w))
	for i, v := range w {
		was[i] = float64(v)
	}
	return s.quadratic(e, k), s.quadratic(was, k)
}

// quadratic is the sum of x·G·xᵀ of rows of k numbers, of which kernel.LanesF64 lie side by side.
func (s *Stats) quadratic(rows []float64, k int) (sum float64) {
	const lanes, step = kernel.LanesF64, 32
	x, products := make([]float64, k*lanes), make([]float64, step*lanes)
	for ; len(rows) > 0; rows = rows[min(len(rows), lanes*k):] {
		clear(x)
		for row := range min(lanes, len(rows)/k) {
			for j, v := range rows[row*k:][:k] {
				x[j*lanes+row] = v
			}
		}
		for i := 0; i < k; i += step { // of the lower triangle, rows i…i+step-1
			clear(products)
			m := min(step, k-i)
			kernel.SubF64(products, lanes, s.Gram[i*k:], k, x, m, i)
			for r := range m {
				g := s.Gram[(i+r)*k:][:i+r+1]
				for l := range lanes {
					twice := -products[r*lanes+l]
					for j := i; j < i+r; j++ {
						twice += float64(g[j] * x[j*lanes+l])
					}
					v := x[(i+r)*lanes+l]
					sum += v * (float64(2*twice) + float64(g[i+r]*v))
				}
			}
		}
	}
	return sum
}
