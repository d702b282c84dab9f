package quantize

import "math"

// weighBook is the objective of IQ2 and IQ3: importance to the power of ¾. An importance matrix is a sample, other columns stand out in another
// text, and an encoder that believes in one to the letter spends on chance what few bits there are. llama-quantize has the importance
// as it is, times sqrt(σ² + x²). That lets large weights count for more, but outputs are sums of weights times inputs, and an error
// has the same part in them whatever weight it is an error of: where importance was all there was, the outputs of matrices were a tenth nearer
// on text that it had not come from, and the divergence of a model a tenth less.
// Where importance says nothing all weights count the same.
func weighBook(w, src, importance []float32) {
	weighOnce(w, src, importance)
	if importance != nil {
		temper(w[:len(src)])
	}
}

// weighOnce is the objective of IQ1: importance as it is, as llama-quantize has it, but without what large weights count for more there. With
// levels this far apart, columns that do not matter cost too much of those that do.
var weighOnce = weighEach(super, 0)

// temper takes numbers to the power of ¾, by two roots of single precision.
func temper(w []float32) {
	for i, v := range w {
		root := float32(math.Sqrt(float64(v)))
		w[i] = root * float32(math.Sqrt(float64(root)))
	}
}
