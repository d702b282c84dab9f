package arch

import (
	"fmt"
	"maps"
	"slices"

	"quern/formats"
)

// Qwen3TTSTower is what Qwen3-TTS has around its language model: what makes an embedding of a speaker's voice (ECAPA-TDNN, arXiv:2005.07143), layers that predict the further codes of an instant, and
// what makes a wave of codes, whose weights lie in a folder of their own. Runtimes have most of its sizes built in (llama.cpp's tools/mtmd/clip.cpp).
var Qwen3TTSTower = registerTower(Arch{
	Projector: "qwen3tts_spkenc",
	Variants: []Variant{{Type: "qwen3_tts", HF: []string{"Qwen3TTSForConditionalGeneration"}, Language: "Qwen3TTSForConditionalGeneration", Defaults: map[string]any{
		"speaker_encoder_config.enc_channels": []any{512, 512, 512, 512, 1536}, "speaker_encoder_config.enc_attention_channels": 128, "speaker_encoder_config.enc_se_channels": 128,
		"speaker_encoder_config.mel_dim": 128, codesAt + "rope_theta": 10000.0,
	}}},
	Own:     []string{"speaker_encoder.*", "talker.code_predictor.*", waveFolder + "/*"},
	Keys:    qwen3TTSKeys,
	Tensors: slices.Concat(speakerRules(), codeRules, waveRules()),
	Drop:    []string{waveFolder + "/encoder.*"},
	Refuse: []Refusal{
		{HF: "speaker_encoder_config.enc_kernel_sizes", Unless: []string{"[5 3 3 3 1]"}, Why: "convolutions of a speaker's voice reach otherwise"},
		{HF: "speaker_encoder_config.enc_dilations", Unless: []string{"[1 2 3 4 1]"}, Why: "convolutions of a speaker's voice reach otherwise"},
		{HF: "speaker_encoder_config.enc_res2net_scale", Unless: []string{"8"}, Why: "convolutions of a speaker's voice are cut otherwise"},
		{HF: "speaker_encoder_config.sample_rate", Unless: []string{"24000"}, Why: "another rate of samples"},
		{HF: "speaker_encoder_config.mel_dim", Unless: []string{"128"}, Why: "another number of frequencies"},
		{HF: codesAt + "hidden_act", Unless: []string{"silu"}, Why: "the activation function of what predicts codes is not silu"},
		{HF: codesAt + "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: codesAt + "use_sliding_window", Unless: []string{"false"}, Why: "some layers see a window only"},
		{HF: codesAt + "rope_theta", Unless: []string{"1000000"}, Why: "what predicts codes rotates with another base"},
		{HF: codesAt + "rope_scaling", Why: "stretched positions"},
		{HF: "talker_config.num_code_groups", Unless: []string{"16"}, Why: "another number of codes in an instant"},
		{HF: waveAt + "num_quantizers", Unless: []string{"16"}, Why: "another number of codes in an instant"},
		{HF: waveAt + "num_hidden_layers", Unless: []string{"8"}, Why: "another number of layers that make a wave"},
		{HF: waveAt + "num_attention_heads", Unless: []string{"16"}, Why: "another number of heads"},
		{HF: waveAt + "num_key_value_heads", Unless: []string{"16"}, Why: "another number of heads"},
		{HF: waveAt + "attention_bias", Unless: []string{"false"}, Why: "projections with biases"},
		{HF: waveAt + "hidden_act", Unless: []string{"silu"}, Why: "its activation function is not silu"},
		{HF: waveAt + "sliding_window", Unless: []string{"72"}, Why: "another window"},
		{HF: waveAt + "rope_theta", Unless: []string{"10000"}, Why: "another base of rotations"},
		{HF: waveAt + "rms_norm_eps", Unless: []string{"1e-05"}, Why: "another epsilon of norms"},
		{HF: waveAt + "upsample_rates", Unless: []string{"[8 5 4 3]"}, Why: "other rates of convolutions"},
		{HF: waveAt + "upsampling_ratios", Unless: []string{"[2 2]"}, Why: "other rates of convolutions"},
	},
	Further: readWave,
	Finish:  finishQwen3TTS,
	Look:    lookQwen3TTS,
})

const (
	codesAt    = "talker_config.code_predictor_config."
	waveFolder = "speech_tokenizer" // within the model's
	waveAt     = waveFolder + ".decoder_config."
	waveIn     = waveFolder + "/decoder."
)

// Spoken are the sizes of what Qwen3-TTS has around its language model.
type Spoken struct {
	Has       bool
	Projector string
	Voices    []int32 // channels of the five parts of what hears a speaker
	Attention int     // of those, where they are weighted
	Squeeze   int     // … and where they are multiplied by what all instants make
	Rows      int     // of a codebook, to layers that predict codes …
	Entries   int     // … and to what makes a wave of them
	Book      int     // numbers of an entry, twice
	Latent    int     // channels before layers and behind
	Embd      int     // width of layers
	FF        int     //
	Head      int     //
	Channels  int     // of the first convolution behind, halved by each further one
}

func (s *Spoken) dim(word string, p *Params) int {
	voice := func(i int) int {
		if i < len(s.Voices) {
			return int(s.Voices[i])
		}
		return 0
	}
	switch word {
	case "voice":
		return voice(0)
	case "voice/8":
		return voice(0) / 8
	case "voices":
		return voice(4)
	case "2voices":
		return 2 * voice(4)
	case "3voices":
		return 3 * voice(4)
	case "weights":
		return s.Attention
	case "squeeze":
		return s.Squeeze
	case "said-rows":
		return s.Rows
	case "further": // codes of an instant, behind the first
		return 15
	case "entries":
		return s.Entries
	case "wave-book":
		return s.Book
	case "half-wave-book":
		return s.Book / 2
	case "latent":
		return s.Latent
	case "4latent":
		return 4 * s.Latent
	case "wave":
		return s.Embd
	case "wave-ff":
		return s.FF
	case "wave-q":
		return 16 * s.Head
	}
	for i := range 5 {
		if word == fmt.Sprint("channels/", 1<<i) {
			return s.Channels >> i
		}
	}
	return 0
}

// check refuses sizes that contradict each other or overflow.
func (s *Spoken) check(p *Params) error {
	if !s.Has {
		return nil
	}
	return checkSizes("part that predicts codes", p.Layers, p.Embd, p.Heads, p.NormEps, size{"width of its feed-forward network", p.FF}, size{"number of its heads of keys", p.KVHeads}, size{"size of a head", p.HeadDim},
		size{"number of codes", p.Speech.Codes}, size{"number of rows of a codebook", s.Rows}, size{"number of entries of a codebook", s.Entries}, size{"width of a codebook", s.Book},
		size{"number of channels of a voice", s.dim("voices", p)}, size{"number of weights of a voice", s.Attention}, size{"number of factors of a voice", s.Squeeze},
		size{"number of channels before layers of a wave", s.Latent}, size{"width of layers of a wave", s.Embd}, size{"width of their feed-forward networks", s.FF}, size{"size of their heads", s.Head},
		size{"number of channels of a wave", s.Channels})
}

var qwen3TTSKeys = func() []Key {
	hear := func(name string, at func(*Params) any, def func(*Params), hf ...string) Key {
		return Key{GGUF: "clip.audio." + name, HF: hf, Field: at, Default: def}
	}
	gen := func(name string, at func(*Params) any, hf string) Key {
		return Key{GGUF: "clip.gen.audio." + name, HF: []string{hf}, Field: at}
	}
	own := func(key string, at func(*Params) any) Key {
		return Key{HF: []string{key}, Field: at, Default: nothing, When: never}
	}
	return []Key{
		{GGUF: "general.file_type"},
		{GGUF: "clip.has_audio_encoder", Field: func(p *Params) any { return &p.Hear.Has }, Default: func(p *Params) { p.Hear.Has = true }},
		projectorAt("clip.audio.projector_type", "qwen3tts_spkenc"),
		hear("projection_dim", func(p *Params) any { return &p.Hear.Text }, nil, "talker_config.hidden_size"),
		hear("num_mel_bins", func(p *Params) any { return &p.Hear.Mel }, func(p *Params) { p.Hear.Mel = 128 }),
		hear("block_count", func(p *Params) any { return &p.Hear.Layers }, func(p *Params) { p.Hear.Layers = 3 }),
		// There is no attention, and no feed-forward network: runtimes want numbers all the same.
		hear("embedding_length", func(p *Params) any { return &p.Hear.Embd }, func(p *Params) { p.Hear.Embd = 1536 }),
		hear("attention.head_count", func(p *Params) any { return &p.Hear.Heads }, func(p *Params) { p.Hear.Heads = 1 }),
		hear("feed_forward_length", func(p *Params) any { return &p.Hear.FF }, func(p *Params) { p.Hear.FF = 1536 }),
		hear("attention.layer_norm_epsilon", func(p *Params) any { return &p.Hear.Eps }, func(p *Params) { p.Hear.Eps = 1e-5 }),
		{GGUF: "clip.has_gen_audio_encoder", Field: func(p *Params) any { return &p.Spoken.Has }, Default: func(p *Params) { p.Spoken.Has = true }},
		{GGUF: "clip.gen.audio.projector_type", Field: func(p *Params) any { return &p.Spoken.Projector }, Default: func(p *Params) { p.Spoken.Projector = "qwen3tts_gen" }},
		gen("projection_dim", func(p *Params) any { return &p.Hear.Text }, "talker_config.hidden_size"),
		gen("embedding_length", func(p *Params) any { return &p.Embd }, codesAt+"hidden_size"),
		gen("feed_forward_length", func(p *Params) any { return &p.FF }, codesAt+"intermediate_size"),
		gen("block_count", func(p *Params) any { return &p.Layers }, codesAt+"num_hidden_layers"),
		gen("attention.head_count", func(p *Params) any { return &p.Heads }, codesAt+"num_attention_heads"),
		gen("attention.head_count_kv", func(p *Params) any { return &p.KVHeads }, codesAt+"num_key_value_heads"),
		gen("attention.layer_norm_epsilon", func(p *Params) any { return &p.NormEps }, codesAt+"rms_norm_eps"),
		own(codesAt+"head_dim", func(p *Params) any { return &p.HeadDim }),
		own(codesAt+"vocab_size", func(p *Params) any { return &p.Spoken.Rows }),
		own("talker_config.vocab_size", func(p *Params) any { return &p.Speech.Codes }),
		own("speaker_encoder_config.enc_channels", func(p *Params) any { return &p.Spoken.Voices }),
		own("speaker_encoder_config.enc_attention_channels", func(p *Params) any { return &p.Spoken.Attention }),
		own("speaker_encoder_config.enc_se_channels", func(p *Params) any { return &p.Spoken.Squeeze }),
		own(waveAt+"codebook_dim", func(p *Params) any { return &p.Spoken.Book }),
		own(waveAt+"codebook_size", func(p *Params) any { return &p.Spoken.Entries }),
		own(waveAt+"latent_dim", func(p *Params) any { return &p.Spoken.Latent }),
		own(waveAt+"hidden_size", func(p *Params) any { return &p.Spoken.Embd }),
		own(waveAt+"intermediate_size", func(p *Params) any { return &p.Spoken.FF }),
		own(waveAt+"head_dim", func(p *Params) any { return &p.Spoken.Head }),
		own(waveAt+"decoder_dim", func(p *Params) any { return &p.Spoken.Channels }),
	}
}()

// speakerRules are those of what hears a speaker.
func speakerRules() []Rule {
	lists := [][]Rule{affine("a.conv1d.0", "speaker_encoder.blocks.0.conv", "voice mel 5")}
	for b := 1; b <= 3; b++ {
		gguf, hf := fmt.Sprintf("a.blk.%d.", b), fmt.Sprintf("speaker_encoder.blocks.%d.", b)
		for i := range 7 {
			lists = append(lists, affine(fmt.Sprint(gguf, "res2.", i), fmt.Sprintf("%sres2net_block.blocks.%d.conv", hf, i), "voice/8 voice/8 3"))
		}
		lists = append(lists, affine(gguf+"se_conv1", hf+"se_block.conv1", "squeeze voice 1"), affine(gguf+"se_conv2", hf+"se_block.conv2", "voice squeeze 1"),
			affine(gguf+"conv_pw1", hf+"tdnn1.conv", "voice voice 1"), affine(gguf+"conv_pw2", hf+"tdnn2.conv", "voice voice 1"))
	}
	lists = append(lists, affine("a.conv_out", "speaker_encoder.mfa.conv", "voices voices 1"), affine("a.asp_tdnn", "speaker_encoder.asp.tdnn.conv", "weights 3voices 1"),
		affine("a.asp_attn", "speaker_encoder.asp.conv", "voices weights 1"), affine("mm.a.fc", "speaker_encoder.fc", "heard-text 2voices 1"))
	return slices.Concat(lists...)
}

// codeRules are those of layers that predict the further codes of an instant. What their feed-forward networks make in the middle is beyond half precision, to which runtimes would round it before a matrix of that.
var codeRules = func() []Rule {
	const at, layer = "talker.code_predictor.", "talker.code_predictor.model.layers.{}."
	narrower := func(p *Params, _ int) bool { return p.Embd != p.Hear.Text }
	rules := []Rule{
		{GGUF: "a.gen.code.embd.weight", HF: at + "model.codec_embedding.{" + upTo(15) + "}.weight", Shape: "further said-rows heard-text"},
		{GGUF: "a.gen.code.head.weight", HF: at + "lm_head.{" + upTo(15) + "}.weight", Shape: "further said-rows E"},
		{GGUF: "a.gen.code.out_embd.weight", HF: "talker.model.codec_embedding.weight", Shape: "said heard-text", Do: lent},
		{GGUF: "a.gen.code.output_norm.weight", HF: at + "model.norm.weight", Shape: "E"},
		{GGUF: "a.gen.code.proj_in.weight", HF: at + "small_to_mtp_projection.weight", Shape: "E heard-text", When: narrower},
		{GGUF: "a.gen.code.proj_in.bias", HF: at + "small_to_mtp_projection.bias", Shape: "E", When: narrower},
	}
	for _, t := range [][3]string{{"ln1", "input_layernorm", "E"}, {"ln2", "post_attention_layernorm", "E"}, {"attn_q", "self_attn.q_proj", "Q E"}, {"attn_k", "self_attn.k_proj", "K E"},
		{"attn_v", "self_attn.v_proj", "K E"}, {"attn_out", "self_attn.o_proj", "E Q"}, {"attn_q_norm", "self_attn.q_norm", "D"}, {"attn_k_norm", "self_attn.k_norm", "D"},
		{"ffn_gate", "mlp.gate_proj", "F E"}, {"ffn_up", "mlp.up_proj", "F E"}, {"ffn_down", "mlp.down_proj", "E F"}} {
		r := Rule{GGUF: "a.gen.code.blk.{}." + t[0] + ".weight", HF: layer + t[1] + ".weight", Shape: t[2]}
		if t[0] == "ffn_down" {
			r.Store = "F32"
		}
		rules = append(rules, r)
	}
	for i := range rules {
		rules[i].Role = RoleTower
	}
	return rules
}()

// upTo are the numbers below n with commas between.
func upTo(n int) string {
	list := "0"
	for i := 1; i < n; i++ {
		list += fmt.Sprint(",", i)
	}
	return list
}

// lent is a tensor that the language model keeps.
var lent = Op{Name: "the language model's", Lent: true, Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return t }}

// finishQwen3TTS refuses what runtimes compute otherwise.
func finishQwen3TTS(c *Config, p *Params) error {
	s := &p.Spoken
	v := s.Voices
	if len(v) != 5 || v[0] != v[1] || v[1] != v[2] || v[2] != v[3] || v[4] != 3*v[3] || v[0] < 8 || v[0] > 1<<16 || v[0]%8 != 0 {
		return c.fail("speaker_encoder_config.enc_channels", formats.Unsupported("is %v: runtimes know four equal numbers, which eight divides, and three of those side by side", v), "")
	}
	if s.Head == 0 {
		s.Head = s.Embd / 16
	}
	if p.HeadDim == 0 {
		p.HeadDim = 128
	}
	return nil
}

// lookQwen3TTS takes sizes from tensors, which files do not tell.
func lookQwen3TTS(src *formats.Source, p *Params) {
	s := &p.Spoken
	s.Voices = make([]int32, 5)
	head := 0
	takeSizes(src, []taken{
		{"a.asp_attn.weight", 1, &s.Attention}, {"a.blk.1.se_conv1.weight", 0, &s.Squeeze}, {"a.gen.code.head.weight", 1, &s.Rows}, {"a.gen.code.out_embd.weight", 0, &p.Speech.Codes},
		{"a.gen.code.blk.0.attn_q_norm.weight", 0, &p.HeadDim}, {"a.gen.wav.quant.first.codebook.weight", 0, &s.Entries}, {"a.gen.wav.quant.first.out_proj.weight", 0, &s.Book},
		{"a.gen.wav.pre_conv.weight", 0, &s.Latent}, {"a.gen.wav.tfm.output_norm.weight", 0, &s.Embd}, {"a.gen.wav.tfm.blk.0.ffn_up.weight", 0, &s.FF},
		{"a.gen.wav.tfm.blk.0.attn_q.weight", 0, &head}, {"a.gen.wav.dac.entry.bias", 0, &s.Channels},
	})
	s.Head = head / 16
	if t := src.Tensor("a.conv1d.0.bias"); t != nil {
		for i := range s.Voices {
			s.Voices[i] = int32(t.Elems())
		}
		s.Voices[4] *= 3
	}
}

// taken is a size that a tensor tells.
type taken struct {
	tensor string
	axis   int
	to     *int
}

func takeSizes(src *formats.Source, sizes []taken) {
	for _, s := range sizes {
		if t := src.Tensor(s.tensor); t != nil && s.axis < len(t.Shape) {
			*s.to = t.Shape[s.axis]
		}
	}
}

// readWave adds what lies in the folder of what makes a wave.
func readWave(src *formats.Source, c *Config) (*Config, error) {
	if err := src.Attach(waveFolder+"/model.safetensors", waveFolder+"/"); err != nil {
		return nil, err
	}
	if _, ok := c.root[waveFolder]; ok {
		return c, nil
	}
	wave, err := ReadConfig(src, waveFolder+"/config.json")
	if err != nil {
		return nil, err
	}
	return c.with(waveFolder, wave.root), nil
}

// with is the configuration with a further value, if it has none of that name.
func (c *Config) with(key string, val any) *Config {
	if _, ok := c.root[key]; ok {
		return c
	}
	root := maps.Clone(c.root)
	root[key] = val
	return &Config{file: c.file, root: root}
}
