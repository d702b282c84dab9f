package arch

import (
	"slices"

	"quern/formats"
)

// WavTokenizer is the decoder of WavTokenizer (arXiv 2408.16532), which makes a spectrum of sound of codes: convolutions with norms of groups and one attention over all positions (posnet), then
// convolutions of each column by itself with a network for each position (convnext). It is read in the layout that llama.cpp's scripts make of the published checkpoint.
var WavTokenizer = register(Arch{
	Name:     "wavtokenizer-dec",
	Variants: []Variant{{Type: "wavtokenizer", HF: []string{"WavTokenizerDec"}, Defaults: map[string]any{"layer_norm_epsilon": 1e-6}}},
	Keys: slices.Concat([]Key{
		{GGUF: "{a}.block_count", HF: []string{"n_layer", "num_hidden_layers"}, Field: func(p *Params) any { return &p.Layers }},
	}, named("context_length", "embedding_length"), []Key{
		told("attention.head_count", "n_head", "num_attention_heads"),
		{GGUF: "{a}.attention.layer_norm_epsilon", HF: []string{"layer_norm_epsilon"}, Field: func(p *Params) any { return &p.NormEps }},
		{GGUF: "general.file_type"},
		{GGUF: "{a}.vocab_size", HF: []string{"vocab_size"}, Field: func(p *Params) any { return &p.Vocab }},
		{GGUF: "{a}.features_length", HF: []string{"n_embd_features"}, Field: func(p *Params) any { return &p.Sound.Features }},
		told("feed_forward_length", "n_ff"),
		{GGUF: "{a}.attention.group_norm_epsilon", HF: []string{"group_norm_epsilon"}, Field: func(p *Params) any { return &p.Sound.GroupEps }},
		{GGUF: "{a}.attention.group_norm_groups", HF: []string{"group_norm_groups"}, Field: func(p *Params) any { return &p.Sound.Groups }},
		{GGUF: "{a}.posnet.embedding_length", HF: []string{"posnet.n_embd"}, Field: func(p *Params) any { return &p.Sound.Pos }},
		{GGUF: "{a}.posnet.block_count", HF: []string{"posnet.n_layer"}, Field: func(p *Params) any { return &p.Sound.PosLayers }},
		{GGUF: "{a}.convnext.embedding_length", HF: []string{"convnext.n_embd"}, Field: func(p *Params) any { return &p.Sound.Conv }},
		{GGUF: "{a}.convnext.block_count", HF: []string{"convnext.n_layer"}, Field: func(p *Params) any { return &p.Sound.ConvLayers }},
		{GGUF: "{a}.attention.causal", Field: func(p *Params) any { return &p.Causal }, Default: nothing},
	}, quiet(named("attention.head_count_kv")...), stillKeys),
	Prefix:  noPrefix,
	Tensors: slices.Concat(waveEnds(), waveLayers()),
	Drop:    []string{"*codebook.cluster_size", "*codebook.embed_avg", "*codebook.inited"},
	Finish:  finishWave,
	Silent:  "it makes a spectrum of sound of codes that a model predicts",
})

// Sound are the sizes of what makes sound of codes; zero without.
type Sound struct {
	Features   int // of a code
	Pos, Conv  int // width of the first layers and of those behind
	PosLayers  int
	ConvLayers int
	Groups     int // of columns that a norm is for
	GroupEps   float32
}

func (s *Sound) dim(letter string) int {
	switch letter {
	case "features":
		return s.Features
	case "pos":
		return s.Pos
	case "conv":
		return s.Conv
	case "k3", "k7": // positions that a convolution reaches
		return int(letter[1]-'0') * min(1, s.Pos)
	}
	return 0
}

// waveEnds are what stands before and behind the layers.
func waveEnds() []Rule {
	rules := []Rule{{GGUF: "token_embd.weight", HF: "backbone.embedding.weight", Role: RoleEmbed, Shape: "V features"}}
	for _, t := range []struct{ gguf, hf, shape, bias string }{
		{"conv1d", "backbone.embed", "pos features k7", "pos 1"}, {"token_embd_norm", "backbone.norm", "pos", "pos"},
		{"output_norm", "backbone.final_layer_norm", "conv", "conv"}, {"output", "head.out", "E conv", "E"},
	} {
		rules = append(rules, wave(t.gguf, t.hf, t.shape, t.bias, nil)...)
	}
	return rules
}

// wave are the rules of a weight and its bias.
func wave(gguf, hf, shape, bias string, when func(*Params, int) bool) []Rule {
	return []Rule{
		{GGUF: gguf + ".weight", HF: hf + ".weight", Role: RoleSound, Shape: shape, When: when},
		{GGUF: gguf + ".bias", HF: hf + ".bias", Role: RoleSound, Shape: bias, When: when},
	}
}

// waveLayers are the layers of both kinds.
func waveLayers() (rules []Rule) {
	for _, t := range []struct {
		gguf, hf, shape string
		layers          []int
	}{
		{"norm1", "norm1", "pos 1", []int{0, 1, 3, 4}}, {"conv1", "conv1", "pos pos k3", []int{0, 1, 3, 4}},
		{"norm2", "norm2", "pos 1", []int{0, 1, 3, 4}}, {"conv2", "conv2", "pos pos k3", []int{0, 1, 3, 4}},
		{"attn_norm", "norm", "pos 1", []int{2, 5}},
		{"attn_q", "q", "pos pos 1", []int{2}}, {"attn_k", "k", "pos pos 1", []int{2}}, {"attn_v", "v", "pos pos 1", []int{2}}, {"attn_output", "proj_out", "pos pos 1", []int{2}},
	} {
		pair := wave("posnet.{}."+t.gguf, "backbone.posnet.{}."+t.hf, t.shape, "pos 1", func(_ *Params, l int) bool { return slices.Contains(t.layers, l) })
		if t.shape == "pos 1" {
			pair[0].Store = "F32"
		}
		rules = append(rules, pair...)
	}
	rules = append(rules, wave("convnext.{}.dw", "backbone.convnext.{}.dwconv", "conv 1 k7", "conv 1", nil)...)
	rules = append(rules, wave("convnext.{}.norm", "backbone.convnext.{}.norm", "conv", "conv", nil)...)
	rules = append(rules, wave("convnext.{}.pw1", "backbone.convnext.{}.pwconv1", "F conv", "F", nil)...)
	rules = append(rules, wave("convnext.{}.pw2", "backbone.convnext.{}.pwconv2", "conv F", "conv", nil)...)
	return append(rules, Rule{GGUF: "convnext.{}.gamma.weight", HF: "backbone.convnext.{}.gamma.weight", Role: RoleSound, Shape: "conv"})
}

// finishWave refuses what runtimes do not load.
func finishWave(c *Config, p *Params) error {
	s := &p.Sound
	switch {
	case s.PosLayers != 6:
		return c.fail("posnet.n_layer", formats.Unsupported("is %d; runtimes know six layers, of which the third is attention and the last a norm", s.PosLayers), "")
	case s.Pos != s.Conv || s.Pos < 1 || s.Pos > 1<<20 || s.Features < 1 || s.Features > 1<<20:
		return c.fail("convnext.n_embd", formats.Unsupported("is %d behind layers of width %d", s.Conv, s.Pos), "")
	case s.ConvLayers != p.Layers || p.Layers < s.PosLayers:
		return c.fail("convnext.n_layer", formats.Unsupported("is %d, and n_layer %d; runtimes take both to be one number of six at least", s.ConvLayers, p.Layers), "")
	}
	return nil
}

// tellWave is the way back.
func tellWave(p *Params) map[string]any {
	s := &p.Sound
	return map[string]any{"n_layer": p.Layers, "n_embd": unsaid, "model_type": unsaid, "posnet": map[string]any{"n_embd": s.Pos, "n_layer": s.PosLayers},
		"convnext": map[string]any{"n_embd": s.Conv, "n_layer": s.ConvLayers}}
}
