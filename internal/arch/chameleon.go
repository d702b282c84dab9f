package arch

import (
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// Chameleon is the family of Chameleon, without what makes tokens of images: llama whose heads of queries and keys are normed each with weights and biases of its own, and
// means taken away. In its larger model norms follow both parts of a layer instead of preceding them. Tokens of images are never predicted.
var Chameleon = register(Arch{
	Name: "chameleon",
	Variants: []Variant{{
		Type: "chameleon",
		HF:   []string{"ChameleonForConditionalGeneration", "ChameleonForCausalLM"},
		Defaults: map[string]any{
			"max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "num_key_value_heads": 32, "swin_norm": false, "tie_word_embeddings": false,
		},
	}},
	Keys: slices.Concat(shapeKeys, impliedHead, []Key{
		{GGUF: "general.file_type"},
		{GGUF: "{a}.swin_norm", HF: []string{"swin_norm"}, Field: func(p *Params) any { return &p.NormAfter }, Default: nothing},
	}, sizeKeys(never)),
	Tensors: slices.Concat(without(decoder, RoleQ, RoleK), permutedQK, []Rule{
		{GGUF: "blk.{}.attn_q_norm.weight", HF: "model.layers.{}.self_attn.q_norm.weight", Role: RoleQNorm, Shape: "H D", Do: PairColumns},
		{GGUF: "blk.{}.attn_k_norm.weight", HF: "model.layers.{}.self_attn.k_norm.weight", Role: RoleKNorm, Shape: "HK D", Do: PairColumns},
		{GGUF: "blk.{}.attn_q_norm.bias", HF: "model.layers.{}.self_attn.q_norm.bias", Role: RoleQNorm, Shape: "H D", Do: PairColumns},
		{GGUF: "blk.{}.attn_k_norm.bias", HF: "model.layers.{}.self_attn.k_norm.bias", Role: RoleKNorm, Shape: "HK D", Do: PairColumns},
	}),
	Drop:   []string{"*.rotary_emb.inv_freq", "model.vqmodel.*"},
	Refuse: plainRefuses,
	Layer:  Layer{HeadMeans: true, RunsPast: true},
	Look:   func(_ *formats.Source, p *Params) { p.muteImages() },
	Finish: func(c *Config, p *Params) error {
		const key = "vocabulary_map"
		words, err := c.Object(key)
		if err != nil {
			return err
		}
		first, last, n := math.MaxInt, -1, 0
		for word, v := range words {
			if id, ok := number(v); strings.HasPrefix(word, "IMGIMG") && ok {
				first, last, n = min(first, int(id)), max(last, int(id)), n+1
			}
		}
		p.muteImages()
		if n > 0 && (first != imageTokensBegin || last != imageTokensEnd-1 || n != imageTokensEnd-imageTokensBegin) || n == 0 && words != nil && p.Unsaid > 0 {
			return c.fail(key, formats.Unsupported("%d tokens of images; runtimes take those from %d to %d to be such", n, imageTokensBegin, imageTokensEnd-1), "")
		}
		return nil
	},
})

// Where tokens of images begin and end in vocabularies of this family.
const imageTokensBegin, imageTokensEnd = 4, 8196

// muteImages has tokens of images never predicted where the vocabulary holds them.
func (p *Params) muteImages() {
	if p.Vocab >= imageTokensEnd {
		p.Unsaid = imageTokensEnd
	}
}

// PairColumns is what PermuteQ does to rows, with the columns of a norm that has a row for each head.
var PairColumns = Op{Name: "pair columns",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return movedColumns(t, permutation{p.HeadDim, false}.from)
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return movedColumns(t, permutation{p.HeadDim, true}.from)
	},
}
