package quantize

// Stats is all that a quantization method may know of the inputs of a matrix.
type Stats struct {
	Count int64     // inputs seen
	Diag  []float64 // the sum of squares of each column
	Gram  []float64 // [k][k]: the sums of products of each two columns, the lower triangle; nil where they are not known
}

// NewStats are those of a matrix of k columns that has seen nothing.
func NewStats(k int) *Stats { return &Stats{Diag: make([]float64, k)} }

// Join adds the sums of others, times a factor, to those of s, which are changed in place.
func (s *Stats) Join(o *Stats, by float64) {
	s.Count += o.Count
	for i, d := range o.Diag {
		s.Diag[i] += float64(by * d)
	}
	for i, d := range o.Gram {
		s.Gram[i] += float64(by * d)
	}
}

// Add counts m inputs, x [m][k]. Squares of float32 are exact in float64 and added in the order of the inputs, so the result
// does not depend on how inputs are cut into calls.
func (s *Stats) Add(x []float32, m int) {
	s.Count += int64(m)
	s.AddColumns(x[:m*len(s.Diag)], 0, len(s.Diag))
}

// AddColumns adds some columns of inputs x [m][k] without counting them: columns may be added by several goroutines at once.
func (s *Stats) AddColumns(x []float32, from, to int) {
	k, diag := len(s.Diag), s.Diag[from:to]
	if len(diag) == 0 {
		return
	}
	for ; len(x) >= 4*k; x = x[4*k:] { // a sum is loaded once for four inputs, which are added one after the other
		x0, x1, x2, x3 := x[from:to], x[k+from:k+to], x[2*k+from:2*k+to], x[3*k+from:3*k+to]
		x0, x1, x2, x3 = x0[:len(diag)], x1[:len(diag)], x2[:len(diag)], x3[:len(diag)]
		for i, d := range diag {
			a, b, c, e := float64(x0[i]), float64(x1[i]), float64(x2[i]), float64(x3[i])
			d += a * a
			d += b * b
			d += c * c
			diag[i] = d + e*e
		}
	}
	for ; len(x) >= k; x = x[k:] {
		row := x[from:to][:len(diag)]
		for i, d := range diag {
			v := float64(row[i])
			diag[i] = d + v*v
		}
	}
}
