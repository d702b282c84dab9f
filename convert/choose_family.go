package convert

import (
	"regexp"

	"quern/quantize"
)

// A nearness is what of a family's matrices is stored closer than a recipe would have it. nil patterns match nothing.
type nearness struct {
	singly *regexp.Regexp // in single precision by the reference converter, besides those of all families
	kept   *regexp.Regexp // as they are by llama-quantize, which leaves them to no file type
	eighth *regexp.Regexp // in Q8_0 at least, by any recipe
	half   *regexp.Regexp // in 16 bits by the converter in a file of that type, where it has those of other families in single precision
}

// nearnesses are those of the reference's converter (conversion/glm.py, qwen4exp.py) and of llama-quantize (src/llama-quant.cpp), by family.
var nearnesses = map[string]nearness{
	"glm5-next": {
		singly: regexp.MustCompile(`indexer_compressor_gate\.weight$`),
		kept: regexp.MustCompile(`\.hc_|indexer\.(attn_q_b|attn_k|proj)\.weight$|indexer_compressor_(gate|ape)\.weight$|ssm_([fg]_[ab]|beta)\.weight$|` +
			`attn_kv_a_mqa\.weight$|attn_[kv]_b\.weight$`),
		eighth: regexp.MustCompile(`attn_q_[ab]\.weight$`),
	},
	"qwen4exp": {half: regexp.MustCompile(`indexer\.[kq]_proj\.weight$`)},
}

// matches says that a pattern is there and fits.
func matches(re *regexp.Regexp, name string) bool { return re != nil && re.MatchString(name) }

// near says of a matrix of the family that no recipe touches it.
func (c *chooser) near(name string) bool {
	own := nearnesses[c.facts.Arch]
	return c.opt.Convert && matches(own.singly, name) || !c.opt.Convert && matches(own.kept, name)
}

// nearer is a recipe's type, or Q8_0 where the family has a matrix in that at least.
func (c *chooser) nearer(name string, t *quantize.Type) *quantize.Type {
	if t.Block > 1 && matches(nearnesses[c.facts.Arch].eighth, name) {
		return quantize.ByName("Q8_0")
	}
	return t
}
