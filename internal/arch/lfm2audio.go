package arch

import (
	"slices"
	"strings"

	"quern/formats"
)

// LFM2Audio is what makes sound of the codes that LFM2.5-Audio predicts: layers of LFM2 whose attention has a window, and a matrix that makes the numbers of a spectrum of a state.
// It has no tokens, and nothing here computes sound: it is converted, quantized and compared.
var LFM2Audio = register(Arch{
	Name:     "lfm2",
	Kin:      func(src *formats.Source) bool { return src.Meta.Has("lfm2.attention.sliding_window") },
	Variants: []Variant{{Type: "lfm2_audio_tokenizer", HF: []string{"Lfm25AudioTokenizer"}, Defaults: LFM2.Variants[0].Defaults}},
	Keys: slices.Concat(lfm2Keys, []Key{
		{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window }},
		{GGUF: "{a}.embedding_length_out", HF: []string{"output_size"}, Field: func(p *Params) any { return &p.Spectrum }},
	}),
	Tensors: slices.Concat(rooted(without(lfm2Tensors, RoleDense), "model.", "lfm."), []Rule{
		{GGUF: "dense_2.weight", HF: "lin.weight", Role: RoleSound, Shape: "spectrum E"},
		{GGUF: "dense_2.bias", HF: "lin.bias", Role: RoleSound, Shape: "spectrum", Optional: true},
	}),
	Drop:   []string{"*.rotary_emb.inv_freq", "istft.window", "emb.emb*"},
	Refuse: slices.DeleteFunc(slices.Clone(LFM2.Refuse), func(r Refusal) bool { return r.GGUF == "{a}.attention.sliding_window" }),
	Layer:  LFM2.Layer,
	Finish: finishLFM2,
	Silent: "it makes a spectrum of sound of the codes that a model predicts",
})

// rooted is rules of names that begin otherwise, as in a checkpoint that holds more than the model.
func rooted(rules []Rule, from, to string) []Rule {
	out := slices.Clone(rules)
	for i := range out {
		if rest, ok := strings.CutPrefix(out[i].HF, from); ok {
			out[i].HF = to + rest
		}
	}
	return out
}

// tellSound is the way back.
func tellSound(p *Params) map[string]any {
	out := tellConvs(p)
	out["model_type"] = "lfm2"
	return out
}
