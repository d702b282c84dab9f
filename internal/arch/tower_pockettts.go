package arch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// PocketTower is what Pocket TTS has around its language model: what makes a voice of a wave (Mimi's encoder, arXiv:2410.00037), what makes of a state, by flow matching, the numbers of the next instant, and what makes a wave of those
// (Mimi's decoder). Runtimes have the rates of convolutions built in (llama.cpp's tools/mtmd/clip.cpp).
var PocketTower = registerTower(Arch{
	Projector: "pockettts_spkenc",
	Variants:  []Variant{{Type: "pockettts", HF: []string{"PocketTTSModel"}, Language: "PocketTTSModel"}},
	Own:       []string{"mimi.*", "flow_lm.flow_net.*", "flow_lm.speaker_proj_weight", "flow_lm.emb_mean", "flow_lm.emb_std", "flow_lm.out_eos.*"},
	Keys:      pocketKeys,
	Tensors:   slices.Concat(hearing(mimiLayers("a.blk.{}.", "encoder"), mimiLayers("a.gen.wav.tfm.blk.{}.", "decoder")), flowRules(), seanet("encoder"), seanet("decoder")),
	Further: func(src *formats.Source, c *Config) (*Config, error) {
		return c.with("variant", filepath.Base(src.Path)), nil
	},
	Look: lookPocket,
})

// Pocket are the sizes of what Pocket TTS has around its language model.
type Pocket struct {
	Has       bool
	Projector string
	Variant   string // after which runtimes choose what is in code only
	Latent    int    // numbers of an instant
	Voice     int    // of a voice
	Filters   int    // channels of the first convolution of a wave
	Freqs     int    // that a time is told by
}

func (s *Pocket) dim(word string, p *Params) int {
	if n, ok := strings.CutPrefix(word, "filters/2*"); ok {
		times, _ := strconv.Atoi(n)
		return s.Filters * times / 2
	}
	switch word {
	case "latent-instant":
		return s.Latent
	case "latent-voice":
		return s.Voice
	case "freqs":
		return s.Freqs
	case "2freqs":
		return 2 * s.Freqs
	case "3heard":
		return 3 * p.Hear.Embd
	}
	return 0
}

// check refuses sizes that contradict each other or overflow.
func (s *Pocket) check(p *Params) error {
	if !s.Has {
		return nil
	}
	return checkSizes("flow", p.Layers, p.Embd, 1, p.NormEps, size{"number of numbers of an instant", s.Latent}, size{"number of numbers of a voice", s.Voice}, size{"number of channels of a wave", s.Filters},
		size{"number of frequencies of a time", s.Freqs})
}

var pocketKeys = func() []Key {
	gen := func(name string, at func(*Params) any) Key {
		return Key{GGUF: "clip.gen.audio." + name, Field: at, Default: nothing}
	}
	own := func(key string, at func(*Params) any) Key {
		return Key{HF: []string{key}, Field: at, Default: nothing, When: never}
	}
	keys := hearingKeys("audio_config.")
	keys[0].Default = func(p *Params) { p.Hear.Has = true }
	text, embd, ff, blocks, heads := keys[1], keys[2], keys[3], keys[4], keys[5]
	eps := hearingEnds("")[1]
	return []Key{
		{GGUF: "general.file_type"}, keys[0],
		projectorAt("clip.audio.projector_type", "pockettts_spkenc"),
		text, blocks, embd, ff, heads, eps,
		{GGUF: "clip.audio.num_mel_bins", Field: func(p *Params) any { return &p.Hear.Mel }, Default: func(p *Params) { p.Hear.Mel = 1 }}, // a wave itself
		{GGUF: "clip.has_gen_audio_encoder", Field: func(p *Params) any { return &p.Pocket.Has }, Default: func(p *Params) { p.Pocket.Has = true }},
		{GGUF: "clip.gen.audio.projector_type", Field: func(p *Params) any { return &p.Pocket.Projector }, Default: func(p *Params) { p.Pocket.Projector = "pockettts_gen" }},
		gen("projection_dim", text.Field), gen("embedding_length", embd.Field), gen("feed_forward_length", ff.Field), gen("block_count", blocks.Field), gen("attention.head_count", heads.Field),
		gen("attention.layer_norm_epsilon", eps.Field),
		{GGUF: "clip.gen.audio.model_variant", HF: []string{"variant"}, Field: func(p *Params) any { return &p.Pocket.Variant }},
		own("flow_config.hidden_size", func(p *Params) any { return &p.Embd }),
		own("flow_config.num_hidden_layers", func(p *Params) any { return &p.Layers }),
		own("flow_config.num_frequencies", func(p *Params) any { return &p.Pocket.Freqs }),
		own("latent_size", func(p *Params) any { return &p.Pocket.Latent }),
		own("audio_config.latent_size", func(p *Params) any { return &p.Pocket.Voice }),
		own("audio_config.num_filters", func(p *Params) any { return &p.Pocket.Filters }),
		{Field: func(p *Params) any { return &p.NormEps }, Default: func(p *Params) { p.NormEps = 1e-6 }, When: never},
	}
}()

// mimiLayers are those before a voice, and those before a wave.
func mimiLayers(gguf, part string) (rules []Rule) {
	at := "mimi." + part + "_transformer.transformer.layers.{}."
	for i, third := range []Op{FirstThird, SecondThird, ThirdThird} {
		rules = append(rules, Rule{GGUF: gguf + "attn_" + "qkv"[i:i+1] + ".weight", HF: at + "self_attn.in_proj.weight", Role: RoleTower, Shape: "heard heard", From: "3heard heard", Do: third})
	}
	for _, t := range [][3]string{{"attn_out", "self_attn.out_proj.weight", "heard heard"}, {"ffn_up", "linear1.weight", "heard-ff heard"}, {"ffn_down", "linear2.weight", "heard heard-ff"},
		{"ls1", "layer_scale_1.scale", "heard"}, {"ls2", "layer_scale_2.scale", "heard"}} {
		rules = append(rules, Rule{GGUF: gguf + t[0] + ".weight", HF: at + t[1], Role: RoleTower, Shape: t[2]})
	}
	return slices.Concat(rules, affine(gguf+"ln1", at+"norm1", "heard"), affine(gguf+"ln2", at+"norm2", "heard"))
}

// flowRules are those of what makes of a state the numbers of the next instant, and what stands at both ends of it.
func flowRules() []Rule {
	const at = "flow_lm.flow_net."
	lists := [][]Rule{{
		{GGUF: "a.speaker_proj.weight", HF: "flow_lm.speaker_proj_weight", Role: RoleTower, Shape: "heard-text latent-voice"},
		{GGUF: "a.downsample.conv.weight", HF: "mimi.downsample.conv.conv.weight", Role: RoleTower, Shape: "latent-voice heard 32", Store: "F16"},
		{GGUF: "a.gen.input_linear.weight", HF: "flow_lm.input_linear.weight", Role: RoleTower, Shape: "heard-text latent-instant", Do: lent},
		{GGUF: "a.gen.emb_mean", HF: "flow_lm.emb_mean", Role: RoleTower, Shape: "latent-instant"},
		{GGUF: "a.gen.emb_std", HF: "flow_lm.emb_std", Role: RoleTower, Shape: "latent-instant"},
		{GGUF: "a.gen.wav.quant_out.weight", HF: "mimi.quantizer.output_proj.weight", Role: RoleTower, Shape: "heard latent-instant", From: "heard latent-instant 1", Do: onePoint},
		{GGUF: "a.gen.wav.upsample.weight", HF: "mimi.upsample.convtr.convtr.weight", Role: RoleTower, Shape: "heard 1 32", Store: "F16"},
	}, affine("a.gen.out_eos", "flow_lm.out_eos", "1 heard-text"), affine("a.gen.flow.input_proj", at+"input_proj", "E latent-instant"), affine("a.gen.flow.cond_embd", at+"cond_embed", "E heard-text"),
		affine("a.gen.flow.final.proj", at+"final_layer.linear", "latent-instant E"), affine("a.gen.flow.final.ada", at+"final_layer.adaLN_modulation.1", "2E E"),
		affine("a.gen.flow.blk.{}.norm", at+"res_blocks.{}.in_ln", "E"), affine("a.gen.flow.blk.{}.up", at+"res_blocks.{}.mlp.0", "E E"), affine("a.gen.flow.blk.{}.down", at+"res_blocks.{}.mlp.2", "E E"),
		affine("a.gen.flow.blk.{}.ada", at+"res_blocks.{}.adaLN_modulation.1", "3E E")}
	for i := range 2 {
		gguf, hf := fmt.Sprintf("a.gen.flow.time.%d.", i), fmt.Sprintf("%stime_embed.%d.", at, i)
		lists = append(lists, []Rule{
			{GGUF: gguf + "freqs", HF: hf + "freqs", Role: RoleTower, Shape: "freqs"},
			{GGUF: gguf + "norm", HF: hf + "mlp.3.alpha", Role: RoleTower, Shape: "E"},
		}, affine(gguf+"up", hf+"mlp.0", "E 2freqs"), affine(gguf+"down", hf+"mlp.2", "E E"))
	}
	return slices.Concat(lists...)
}

// seanet are convolutions of a wave that shorten it, or make one longer and longer: three stages, of each of which the second convolution is over one instant.
func seanet(part string) (rules []Rule) {
	gguf, at := "a.seanet.", "mimi."+part+".model."
	if part == "decoder" {
		gguf = "a.gen.wav.seanet."
	}
	add := func(to, from, shape string) {
		pair := affine(gguf+to, at+from, shape)
		pair[0].Store, pair[1].Store = "F16", ""
		rules = append(rules, pair...)
	}
	filters := func(n int) string { return fmt.Sprint("filters/2*", 2*n) }
	if part == "encoder" {
		add("conv_in", "0.conv", filters(1)+" 1 7")
	} else {
		add("conv_in", "0.conv", filters(8)+" heard 7")
	}
	for i, rate := range []int{4, 5, 6} {
		n, unit, scale := 1<<i, 1+3*i, 3+3*i
		if part == "decoder" {
			rate, n, unit, scale = 6-i, 4>>i, 3+3*i, 2+3*i
		}
		res, kernel := fmt.Sprintf("blk.%d.", i), fmt.Sprint(" ", 2*rate)
		add(res+"res_conv1", fmt.Sprint(unit, ".block.1.conv"), fmt.Sprint("filters/2*", n)+" "+filters(n)+" 3")
		add(res+"res_conv2", fmt.Sprint(unit, ".block.3.conv"), filters(n)+fmt.Sprint(" filters/2*", n)+" 1")
		if part == "encoder" {
			add(res+"scale_conv", fmt.Sprint(scale, ".conv"), filters(2*n)+" "+filters(n)+kernel)
			continue
		}
		add(res+"scale_conv", fmt.Sprint(scale, ".convtr"), filters(2*n)+" "+filters(n)+kernel)
		rules[len(rules)-1].Shape = filters(n) // what lengthens is stored with inputs first
	}
	if part == "encoder" {
		add("conv_out", "11.conv", "heard "+filters(8)+" 3")
	} else {
		add("conv_out", "11.conv", "1 "+filters(1)+" 3")
	}
	return rules
}

// lookPocket takes sizes from tensors, which files do not tell.
func lookPocket(src *formats.Source, p *Params) {
	s := &p.Pocket
	takeSizes(src, []taken{{"a.gen.flow.input_proj.weight", 0, &p.Embd}, {"a.gen.flow.time.0.freqs", 0, &s.Freqs}, {"a.gen.emb_mean", 0, &s.Latent}, {"a.downsample.conv.weight", 0, &s.Voice},
		{"a.seanet.conv_in.bias", 0, &s.Filters}})
	for src.Tensor(fmt.Sprintf("a.gen.flow.blk.%d.norm.weight", p.Layers)) != nil {
		p.Layers++
	}
}
