package quantize

// Stats is all that a quantization method may know of the inputs of a matrix.
type Stats struct {
	Count int64     // inputs seen
	Diag  []float64 // the sum of squares of each column
}

// NewStats are those of a matrix of k columns that has seen nothing.
func NewStats(k int) *Stats { return &Stats{Diag: make([]float64, k)} }

// Add counts m inputs, x [m][k]. Squares of float32 are exact in float64 and added in the order of the inputs, so the result
// does not depend on how inputs are cut into calls.
func (s *Stats) Add(x []float32, m int) {
	s.Count += int64(m)
	s.AddColumns(x[:m*len(s.Diag)], 0, len(s.Diag))
}

// AddColumns adds some columns of inputs x [m][k] without counting them: columns may be added by several goroutines at once.
func (s *Stats) AddColumns(x []float32, from, to int) {
	k, diag := len(s.Diag), s.Diag[from:to]
	for ; len(x) >= k && k > 0; x = x[k:] {
		row := x[from:to]
		for i := range diag {
			v := float64(row[i])
			diag[i] += v * v
		}
	}
}
