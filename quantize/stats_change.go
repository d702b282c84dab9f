package quantize

// Change is what replacing rows of weights does to their products with the inputs, by the Gram matrix: the sum of squares of the differences, and
// that of the products as they were.
func (s *Stats) Change(w, now []float32) (lost, whole float64) {
	k := len(s.Diag)
	rows := len(w) / k
	was, e := make([]float64, rows*k), make([]float64, rows*k)
	for i, v := range w {
		was[i], e[i] = float64(v), float64(v)-float64(now[i])
	}
	for i := range k {
		products := s.Gram[i*k:][:i+1]
		for row := range rows {
			lost += quadraticTerm(products, e[row*k:][:i+1])
			whole += quadraticTerm(products, was[row*k:][:i+1])
		}
	}
	return lost, whole
}

// quadraticTerm is what the last of some numbers adds to their quadratic form, of which products are the last row.
func quadraticTerm(products, x []float64) float64 {
	last, sum := len(x)-1, 0.0
	for j, p := range products[:last] {
		sum += float64(p * x[j])
	}
	return x[last] * (float64(2*sum) + float64(products[last]*x[last]))
}
