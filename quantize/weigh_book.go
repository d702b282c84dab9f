package quantize

import "quern/internal/kernel"

// The objectives of IQ1 to IQ3: importance, or its power of ⅞ (IQ2_XS, IQ2_S) or ¾ (IQ3). An importance matrix is a sample, other columns stand out in
// another text, and an encoder that believes in one to the letter spends on chance what few bits there are; but the fewer they are, the more
// columns that do not matter cost those that do. llama-quantize has the importance as it is, times sqrt(σ² + x²). That lets large weights count for more,
// but outputs are sums of weights times inputs, and an error has the same part in them whatever weight it is an error of: where importance was all
// there was, the outputs of matrices were a tenth nearer on text that it had not come from, and the divergence of a model a tenth less (methods.md).
// Where importance says nothing all weights count the same.
var (
	weighOnce  = weighEach(super, 0)
	weighBook2 = weighPower(super, kernel.Heft{Ridge: ridge, Power: kernel.SevenEighths})
	weighBook3 = weighPower(super, kernel.Heft{Ridge: ridge, Power: kernel.ThreeQuarters})
)
