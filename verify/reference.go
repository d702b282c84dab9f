package verify

// A reference says how rows of a base are read. A model's rows are logits; what a file holds of them may be less. A Scorer
// that stands for a base and implements it is asked instead.
type reference interface {
	predict(row []float32, next int32) (p prediction, lse float64)
	// divergence of a model's logits from a row of the base; exp is scratch.
	divergence(row, logits, exp []float32, lseRow, lse float64) float64
	// best appends the TopK most likely tokens to dst.
	best(dst []int32, row []float32) []int32
}

// asLogits is the reference of a model.
type asLogits struct{}

func (asLogits) predict(row []float32, next int32) (prediction, float64) { return predict(row, next) }

func (asLogits) divergence(row, logits, exp []float32, lseRow, lse float64) float64 {
	return divergence(row, logits, exp, lseRow, lse)
}

func (asLogits) best(dst []int32, row []float32) []int32 { return largest(dst, row, TopK) }

func referenceOf(s Scorer) reference {
	if ref, ok := s.(reference); ok {
		return ref
	}
	return asLogits{}
}
