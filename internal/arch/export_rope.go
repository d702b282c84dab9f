package arch

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"quern/formats"
)

// tellRope says how positions beyond training are handled, under the names of before version 5 of the library, which newer ones know.
func (b *Bound) tellRope(out map[string]any) error {
	p := &b.Params
	switch p.RopeType {
	case "":
	case "linear":
		out["rope_scaling"] = map[string]any{"rope_type": "linear", "factor": decimal(p.RopeScale)}
	case "llama3":
		l, err := solveLlama3(p.RopeFactors[:min(len(p.RopeFactors), p.RopeDim/2)], float64(p.RopeBase), p.RopeDim)
		if err != nil {
			return err
		}
		out["rope_scaling"] = map[string]any{"rope_type": "llama3", "factor": decimal(float32(l.factor)), "low_freq_factor": decimal(float32(l.low)),
			"high_freq_factor": decimal(float32(l.high)), "original_max_position_embeddings": int(l.context)}
	case "proportional":
		part := float32(2*rotated(p.RopeFactors)) / float32(p.HeadDim)
		out["rope_scaling"] = map[string]any{"rope_type": "proportional", "partial_rotary_factor": decimal(part)}
	case "yarn":
		out["rope_scaling"] = b.tellYarn()
	case "longrope":
		out["rope_scaling"] = p.LongRope.tell(p)
	default:
		return formats.Unsupported("rope scaling %.60q has no name in config.json", p.RopeType)
	}
	if near := p.NearBase > 0; near || b.Arch.has("{a}.rope.freq_base_swa") { // since version 5 each kind of layers has its own, and the old names leave those with a window a guess
		full := map[string]any{"rope_type": "default"}
		if scaling, ok := out["rope_scaling"].(map[string]any); ok {
			full = maps.Clone(scaling)
		}
		if p.RopeType == "proportional" { // it never had the old name
			delete(out, "rope_scaling")
		}
		full["rope_theta"] = decimal(p.RopeBase)
		if b.Arch.Layer.RopePart {
			full["partial_rotary_factor"] = decimal(float32(p.RopeDim) / float32(p.HeadDim))
		}
		kinds := map[string]any{"full_attention": full}
		if near {
			kinds["sliding_attention"] = map[string]any{"rope_type": "default", "rope_theta": decimal(p.NearBase)}
		}
		out["rope_parameters"] = kinds
	}
	return nil
}

func (b *Bound) tellYarn() map[string]any {
	p, y := &b.Params, &b.Params.Yarn
	out := map[string]any{"rope_type": "yarn", "factor": decimal(p.RopeScale), "original_max_position_embeddings": p.RopeContext}
	for name, x := range map[string]float32{"beta_fast": y.Fast, "beta_slow": y.Slow, "extrapolation_factor": y.Ext, "attention_factor": y.Attention} {
		if x != 0 {
			out[name] = decimal(x)
		}
	}
	if y.LogAll != 0 {
		all := y.logAll()
		out["mscale"], out["mscale_all_dim"] = all, all // runtimes take them to be equal
	}
	if y.All != 0 && p.Pooled.Groups == 0 {
		out["mscale"], out["mscale_all_dim"] = decimal(y.All), decimal(y.All)
	}
	if p.Temperature != 0 {
		out["llama_4_scaling_beta"] = decimal(p.Temperature)
	}
	if b.Arch.Layer.SmoothRamp {
		out["truncate"] = false
	}
	return out
}

// logAll is the shortest number of which a file tells the same.
func (y *Yarn) logAll() json.Number {
	for digits := 1; digits < 9; digits++ {
		s := strconv.FormatFloat(y.LogAll, 'g', digits, 64)
		if x, err := strconv.ParseFloat(s, 64); err == nil && float32(0.1*x) == y.log {
			return json.Number(s)
		}
	}
	return decimal(float32(y.LogAll))
}

// solveLlama3 finds the parameters that a list of factors was made from; GGUF files hold only the list. Several sets of parameters give the
// same list (twice the context with twice both bounds, for one): it is then the published one, or the first that is found, and the model
// is the same.
func solveLlama3(factors []float32, base float64, dim int) (llama3, error) {
	contexts := []float64{8192}
	for c := 16.0; c <= 1<<24; c *= 2 {
		contexts = append(contexts, c)
	}
	if len(factors) == 0 {
		return llama3{}, formats.Corrupt("llama3's scaling has no factors")
	}
	freqs, scale := frequencies(base, dim), float64(slices.Max(factors))
	if scale == 1 {
		scale = 8 // nothing was slow enough to be divided
	}
	for _, high := range []float64{4, 2, 8, 3, 16, 32, 1} {
		for _, low := range []float64{1, 2, 0.5} {
			for _, context := range contexts {
				l := llama3{scale, low, high, context}
				if low <= high && slices.Equal(l.divide(freqs), factors) {
					return l, nil
				}
			}
		}
	}
	return llama3{}, formats.Unsupported("no parameters of llama3's scaling give the file's rope_freqs.weight")
}
