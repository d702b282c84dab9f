package arch

import (
	"slices"
	"sync"

	"quern/formats"
	"quern/internal/kernel"
)

// Qwen3TTS is the language model that Qwen3-TTS speaks with (arXiv:2601.15621): qwen3vl's layers over embeddings of a text and of sound, of which it predicts the first code of each instant. What two matrices
// make of embeddings of a text is multiplied out, and codes of sound stand behind them as tokens, as llama.cpp has it (its conversion/qwen3tts.py). tower_qwen3tts.go has the rest.
var Qwen3TTS = register(Arch{
	Name: "qwen3tts",
	Variants: []Variant{{Type: "qwen3_tts_talker", HF: []string{"Qwen3TTSForConditionalGeneration"}, Defaults: map[string]any{
		"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "num_key_value_heads": 2, "text_hidden_size": 2048, "codec_eos_token_id": 4198,
	}}},
	Keys: slices.Concat(sectioned(decoderKeys(always)), []Key{
		{GGUF: "tokenizer.ggml.suppress_tokens", Field: func(p *Params) any { return &p.Speech.Suppress }, Default: nothing},
		{GGUF: "tokenizer.ggml.eos_token_id", HF: []string{"codec_eos_token_id"}, Field: func(p *Params) any { return &p.Speech.End }},
		{GGUF: "tokenizer.ggml.add_eos_token", Field: func(p *Params) any { return &p.Speech.AddEnd }, Default: nothing},
		{HF: []string{"codec_vocab_size"}, Field: func(p *Params) any { return &p.Speech.Codes }, Default: nothing, When: never},
		{HF: []string{"text_hidden_size"}, Field: func(p *Params) any { return &p.Speech.Wide }, Default: nothing, When: never},
	}),
	Prefix: "talker.model.",
	Tensors: slices.Concat([]Rule{
		{GGUF: "token_embd.weight", Role: RoleEmbed, Shape: "V E", Do: saidEmbedding, Forms: []string{"said E", "texts wide", "wide wide", "wide", "E wide", "E"},
			HF: "talker.{model.codec_embedding.weight,model.text_embedding.weight,text_projection.linear_fc1.weight,text_projection.linear_fc1.bias,text_projection.linear_fc2.weight,text_projection.linear_fc2.bias}"},
		{GGUF: "output.weight", HF: "talker.codec_head.weight", Role: RoleOutput, Shape: "said E"},
	}, rooted(slices.Concat(without(decoder, RoleEmbed, RoleOutput), headNorms), "model.", "talker.model.")),
	Drop:      []string{"*.rotary_emb.inv_freq"},
	Refuse:    slices.Concat(qwenRefuses, []Refusal{{HF: "attention_bias", Unless: []string{"false"}, Why: "projections with biases"}}),
	Layer:     Layer{RopeNeox: true},
	Finish:    finishTalker,
	Look:      func(src *formats.Source, p *Params) { p.Speech.Codes = heightOf(src, "output.weight") },
	Silent:    "it predicts codes of sound",
	OwnTokens: true,
})

// finishTalker counts codes as tokens.
func finishTalker(c *Config, p *Params) error {
	if err := finishSections(c, p); err != nil {
		return err
	}
	s := &p.Speech
	if s.Codes != 3072 {
		return c.fail("talker_config.vocab_size", formats.Unsupported("is %d: runtimes know 3072 codes of sound", s.Codes), "")
	}
	if s.Wide < 1 || s.Wide > 1<<20 || s.End >= s.Codes {
		return c.fail("talker_config", formats.Corrupt("code %d of %d ends what is said, and embeddings of a text have a width of %d", s.End, s.Codes, s.Wide), "")
	}
	if err := s.codeNames(c); err != nil {
		return err
	}
	s.End += p.Vocab
	p.Vocab += s.Codes
	for id := max(0, p.Vocab-1024); id < p.Vocab; id++ { // the last of all codes are none of sound
		if id != s.End {
			s.Suppress = append(s.Suppress, int32(id))
		}
	}
	return nil
}

// saidEmbedding is rows of a text's embedding, each through two matrices with SiLU between, and those of codes behind them.
var saidEmbedding = Op{Name: "projection of a text's embedding multiplied out", Combine: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
	t := Floats("", nil)
	t.Shape, t.Raw = []int{p.Vocab, p.Embd}, nil
	t.Rows = &saidRows{codes: parts[0], texts: parts[1], first: &affinity{w: parts[2], b: parts[3]}, second: &affinity{w: parts[4], b: parts[5]}}
	return t
}}

type saidRows struct {
	codes, texts  *formats.Tensor
	first, second *affinity
}

func (r *saidRows) ReadRows(dst []float32, row int) error {
	cols, texts, wide := r.codes.Cols(), r.texts.NumRows(), r.texts.Cols()
	if row >= texts {
		if err := r.codes.Rows.ReadRows(dst, row-texts); err != nil {
			return inPart(r.codes, err)
		}
		return nil
	}
	n := min(len(dst)/cols, texts-row)
	in := make([]float32, n*wide)
	if err := r.texts.Rows.ReadRows(in, row); err != nil {
		return inPart(r.texts, err)
	}
	mid, err := r.first.of(in)
	if err != nil {
		return err
	}
	ones := make([]float32, len(mid))
	for i := range ones {
		ones[i] = 1
	}
	kernel.SiluMul(mid, ones)
	out, err := r.second.of(mid)
	if err != nil {
		return err
	}
	copy(dst, out)
	if rest := dst[n*cols:]; len(rest) > 0 {
		return r.ReadRows(rest, texts)
	}
	return nil
}

// affinity is a matrix and what is added to what it makes. It is read when it is first needed.
type affinity struct {
	w, b   *formats.Tensor
	once   sync.Once
	panels []float32
	bias   []float32
	err    error
}

func (a *affinity) read() {
	n, k := a.w.Shape[0], a.w.Cols()
	a.bias = make([]float32, n)
	if err := a.b.Rows.ReadRows(a.bias, 0); err != nil {
		a.err = inPart(a.b, err)
		return
	}
	a.panels = make([]float32, (n+kernel.Lanes-1)/kernel.Lanes*kernel.Lanes*k)
	rows := make([]float32, kernel.Lanes*k)
	for at := 0; at < n; at += kernel.Lanes {
		m := min(kernel.Lanes, n-at)
		if err := a.w.Rows.ReadRows(rows[:m*k], at); err != nil {
			a.err = inPart(a.w, err)
			return
		}
		kernel.PackF32(a.panels[at*k:], rows, m, k)
	}
}

// of is what it makes of vectors that lie one behind the other.
func (a *affinity) of(x []float32) ([]float32, error) {
	if a.once.Do(a.read); a.err != nil {
		return nil, a.err
	}
	n, k := a.w.Shape[0], a.w.Cols()
	m, wide := len(x)/k, len(a.panels)/k
	padded := make([]float32, m*wide)
	for at := 0; at < n; at += kernel.Lanes {
		kernel.MatMulF32(padded[at:], wide, x, k, a.panels[at*k:], kernel.Lanes, m, k, false)
	}
	out := make([]float32, m*n)
	for i := range m {
		for j, b := range a.bias {
			out[i*n+j] = padded[i*wide+j] + b
		}
	}
	return out, nil
}
