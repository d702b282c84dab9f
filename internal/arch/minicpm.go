package arch

import (
	"math"
	"slices"
	"strconv"

	"quern/formats"
)

// MiniCPM is the family of MiniCPM 1 to 4 without experts: llama with scales, which follow from others in config.json.
var MiniCPM = register(Arch{
	Name: "minicpm",
	Variants: []Variant{{
		Type: "minicpm",
		HF:   []string{"MiniCPMForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "scale_emb": 1.0, "tie_word_embeddings": true,
		},
	}},
	Keys: slices.Concat(longShape, headKeys(ownHead), []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.embedding_scale", HF: []string{"scale_emb"}, Field: func(p *Params) any { return &p.Scales.Embed }, Default: func(p *Params) { p.Scales.Embed = 12 }},
		{GGUF: "{a}.residual_scale", Field: func(p *Params) any { return &p.Scales.Residual },
			Default: func(p *Params) { p.Scales.Residual = float32(1.4 / math.Sqrt(float64(p.Layers))) }},
		{GGUF: "{a}.logit_scale", Field: func(p *Params) any { return &p.Scales.Logits },
			Default: func(p *Params) { p.Scales.Logits = float32(p.Embd) / 256 }},
		longSize,
	}, sizeKeys(never)),
	Tensors: slices.Concat(longTensors, without(attention, RoleQ, RoleK), permutedQK, feedForward),
	Drop:    []string{"*.rotary_emb.inv_freq"},
	Refuse:  append(slices.Clone(plainRefuses), Refusal{HF: "num_experts", Unless: []string{"0"}, Why: "a mixture of experts"}),
	Finish: func(c *Config, p *Params) error {
		for key, to := range map[string]*float32{"scale_depth": &p.Scales.Residual, "dim_model_base": &p.Scales.Logits} {
			x, err := c.Float(key, 1)
			if err == nil && !positive(float32(x)) {
				err = c.fail(key, formats.Corrupt("must be positive"), "")
			}
			if err != nil {
				return err
			}
			*to = depth(p, key, x)
		}
		return nil
	},
})

// depth is the scale that follows from a number of config.json.
func depth(p *Params, key string, x float64) float32 {
	if key == "scale_depth" {
		return float32(x / math.Sqrt(float64(p.Layers)))
	}
	return float32(float64(p.Embd) / x)
}

// depths are the shortest numbers that these scales follow from.
func depths(p *Params) map[string]any {
	out := map[string]any{}
	for key, x := range map[string]float64{"scale_depth": float64(p.Scales.Residual) * math.Sqrt(float64(p.Layers)), "dim_model_base": float64(p.Embd) / float64(p.Scales.Logits)} {
		want, best := depth(p, key, x), x
		for digits := 9; digits > 0; digits-- {
			if s, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', digits, 64), 64); err == nil && depth(p, key, s) == want {
				best = s
			}
		}
		out[key] = best
	}
	return out
}
