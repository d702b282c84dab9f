package arch

import (
	"slices"

	"quern/formats"
)

// PocketTTS is the language model that Pocket TTS speaks with (arXiv:2509.06926): layers with one matrix for queries, keys and values, and norms that take the mean away. It reads tokens of a text, a voice, and sound that it
// has made, none of which it predicts as a token: tower_pockettts.go has what makes sound of its states. Vectors that stand before a voice and before sound are tokens behind those of a text, as llama.cpp has it (its
// conversion/pockettts.py).
var PocketTTS = register(Arch{
	Name:     "pockettts",
	Variants: []Variant{{Type: "pockettts", HF: []string{"PocketTTSModel"}}},
	Keys: slices.Concat(named("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"), named("rope.freq_base"), []Key{
		told("attention.layer_norm_epsilon", "layer_norm_eps"),
		{GGUF: "general.file_type"},
		{HF: []string{"latent_size"}, Field: func(p *Params) any { return &p.Speech.Wide }, Default: nothing, When: never},
		{HF: []string{"bos_before_voice"}, Field: func(p *Params) any { return &p.Speech.Voice }, Default: nothing, When: never},
	}, quiet(named("attention.head_count_kv", "rope.scaling.factor")...), quiet(headKeys(always)...), sizeKeys(never)),
	Prefix: "flow_lm.",
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", HF: "flow_lm.{conditioner.embed.weight,bos_emb,input_linear.weight}", Role: RoleEmbed, Shape: "V E", Forms: []string{"padded E", "wide", "E wide"}, Do: begunEmbedding,
			When: func(p *Params, _ int) bool { return !p.Speech.Voice }},
		{GGUF: "token_embd.weight", HF: "flow_lm.{conditioner.embed.weight,bos_emb,input_linear.weight,bos_before_voice}", Role: RoleEmbed, Shape: "V E", Forms: []string{"padded E", "wide", "E wide", "1 1 E"},
			Do: begunEmbedding, When: func(p *Params, _ int) bool { return p.Speech.Voice }},
	}, biased(
		Rule{GGUF: "output_norm.weight", HF: "flow_lm.out_norm.weight", Role: RoleOutputNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.attn_norm.weight", HF: pocketAt + "norm1.weight", Role: RoleAttnNorm, Shape: "E"},
		Rule{GGUF: "blk.{}.ffn_norm.weight", HF: pocketAt + "norm2.weight", Role: RoleFFNNorm, Shape: "E"},
	), []Rule{
		{GGUF: "blk.{}.attn_q.weight", HF: pocketAt + "self_attn.in_proj.weight", Role: RoleQ, Shape: "E E", From: "3E E", Do: FirstThird},
		{GGUF: "blk.{}.attn_k.weight", HF: pocketAt + "self_attn.in_proj.weight", Role: RoleK, Shape: "E E", From: "3E E", Do: SecondThird},
		{GGUF: "blk.{}.attn_v.weight", HF: pocketAt + "self_attn.in_proj.weight", Role: RoleV, Shape: "E E", From: "3E E", Do: ThirdThird},
		{GGUF: "blk.{}.attn_output.weight", HF: pocketAt + "self_attn.out_proj.weight", Role: RoleO, Shape: "E E"},
		{GGUF: "blk.{}.ffn_up.weight", HF: pocketAt + "linear1.weight", Role: RoleUp, Shape: "F E"},
		{GGUF: "blk.{}.ffn_down.weight", HF: pocketAt + "linear2.weight", Role: RoleDown, Shape: "E F"},
	}),
	Layer:     Layer{MeanNorm: true, Ungated: true, Act: GELUTanh},
	Finish:    finishPocket,
	Silent:    "it makes states, of which its other file makes sound",
	OwnTokens: true,
})

const pocketAt = "flow_lm.transformer.layers.{}."

// finishPocket counts what stands before a voice and before sound as tokens.
func finishPocket(c *Config, p *Params) error {
	s := &p.Speech
	if s.Wide < 1 || s.Wide > 1<<20 {
		return c.fail("latent_size", formats.Corrupt("is %d", s.Wide), "")
	}
	s.Names = []string{"<|pad|>"}
	if s.Voice {
		s.Names = append(s.Names, "<|bos_before_voice|>")
	}
	s.Names = append(s.Names, "<|audio_bos|>")
	s.Codes, s.Score, s.Endless = len(s.Names), -1000, true
	p.Vocab += s.Codes
	return nil
}

// begunEmbedding is an embedding with a vector behind it that stands before sound, and one that stands before a voice where there is any.
var begunEmbedding = Op{Name: "embedding with beginnings", Combine: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
	t := Floats("", nil)
	t.Shape, t.Raw, t.Rows = []int{p.Vocab, p.Embd}, nil, begunRows{parts, p.Embd}
	return t
}}

// begunRows are an embedding, a vector that a matrix makes the last row of, that matrix, and, where there are four parts, the row before the last.
type begunRows struct {
	parts []*formats.Tensor
	cols  int
}

func (r begunRows) ReadRows(dst []float32, row int) error {
	rows := r.parts[0].NumRows()
	for ; len(dst) > 0; row++ {
		n, part := r.cols, r.parts[0]
		var err error
		switch {
		case row < rows:
			n = min(len(dst), (rows-row)*r.cols)
			err = part.Rows.ReadRows(dst[:n], row)
		case row == rows && len(r.parts) == 4:
			part = r.parts[3]
			err = part.Rows.ReadRows(dst[:n], 0)
		default:
			part = r.parts[2]
			err = r.begun(dst[:n])
		}
		if err != nil {
			return inPart(part, err)
		}
		dst, row = dst[n:], row+n/r.cols-1
	}
	return nil
}

// begun is the row that stands before sound.
func (r begunRows) begun(dst []float32) error {
	x, w := make([]float32, r.parts[1].Elems()), make([]float32, r.parts[2].Elems())
	if err := r.parts[1].Rows.ReadRows(x, 0); err != nil {
		return inPart(r.parts[1], err)
	}
	if err := r.parts[2].Rows.ReadRows(w, 0); err != nil {
		return err
	}
	for i := range dst {
		var sum float64
		for j, v := range x {
			sum += float64(float64(w[i*len(x)+j]) * float64(v))
		}
		dst[i] = float32(sum)
	}
	return nil
}
