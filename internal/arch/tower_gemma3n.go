package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// MobileNetTower is what Gemma 3n sees and hears with. It sees with MobileNetV5, which is convolutions, and attention in its last two stages, whose outputs are joined and projected by
// one matrix; the published code has its layers built in (timm, mobilenetv5.py), and config.json tells how wide they are. It hears with a conformer (tower_gemma3n_hears.go).
var MobileNetTower = registerTower(Arch{
	Projector: "gemma3nv",
	Variants: []Variant{{
		Type: "gemma3n", HF: []string{"Gemma3nForConditionalGeneration"},
		Defaults: with(gemma3nHearsDefaults, map[string]any{
			"vision_config.hidden_size": 2048, "vision_config.intermediate_size": 2048, "vision_config.num_attention_heads": 8, "vision_config.vocab_size": 128,
			"preprocessor.size.height": 768, "hidden_size": 2048,
		}),
	}},
	Own: []string{"vision_tower.*", "audio_tower.*", "model.embed_vision.*", "model.embed_audio.*"},
	Keys: slices.Concat(replaceKeys(visionKeys,
		Key{GGUF: "clip.vision.image_size", HF: []string{"preprocessor.size.height"}, Field: func(p *Params) any { return &p.Vision.Image }},
		Key{GGUF: "clip.vision.patch_size", Field: func(p *Params) any { return &p.Vision.Patch }, Default: func(p *Params) { p.Vision.Patch = p.Vision.Image / mobileSquare }}, // by how many embeddings an image makes
		Key{GGUF: "clip.vision.block_count", Field: func(p *Params) any { return &p.Layers }, Default: func(p *Params) { p.Layers = 128 }},
		Key{GGUF: "clip.vision.image_mean", Field: func(p *Params) any { return &p.Vision.Mean }, Default: func(p *Params) { p.Vision.Mean = []float32{0, 0, 0} }}, // images are not normed,
		Key{GGUF: "clip.vision.image_std", Field: func(p *Params) any { return &p.Vision.Std }, Default: func(p *Params) { p.Vision.Std = []float32{1, 1, 1} }},    // whatever the processor says
	), gemma3nHearingKeys, []Key{
		{HF: []string{"vision_config.vocab_size"}, Field: func(p *Params) any { return &p.Vision.Places }, Default: nothing, When: never},
		projectorAt("clip.vision.projector_type", "gemma3nv"),
		towerEps("vision_config.rms_norm_eps"),
	}, hearingEnds("gemma3na", "audio_config.input_feat_size")),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.conv_stem.conv.weight", HF: mobileAt + "conv_stem.conv.weight", Role: RoleTower, Shape: "w0 rgb 3 3", Store: "F32"},
		{GGUF: "v.conv_stem.conv.bias", HF: mobileAt + "conv_stem.conv.bias", Role: RoleTower, Shape: "1 w0 1 1", From: "w0", Do: widthOfOnePlace(0), Store: "F32"},
		{GGUF: "v.conv_stem.bn.weight", HF: mobileAt + "conv_stem.bn.weight", Role: RoleTower, Shape: "w0"},
	}, mobileBlocks(), mobile("msfa.ffn.pw_exp.conv", "2w5 w5 1 1"), mobile("msfa.ffn.pw_exp.bn", "2w5"), mobile("msfa.ffn.pw_proj.conv", "E 2w5 1 1"), mobile("msfa.ffn.pw_proj.bn", "E"),
		mobile("msfa.norm", "E"), gemma3nEmbeds("mm.", "model.embed_vision.", "table E", "E", "text E"), gemma3nHears),
	Refuse: append([]Refusal{
		{HF: "vision_config.architecture", Unless: []string{"mobilenetv5_300m_enc"}, Why: "another tower"},
		{HF: "vision_config.rms_norm_eps", Unless: []string{"1e-06"}, Why: "norms have another epsilon"},
		{HF: "preprocessor.image_seq_length", Unless: []string{"256"}, Why: "an image makes other than 16×16 embeddings"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
	}, gemma3nHearsRefuses...),
	Finish: finishMobileNet,
	Look:   lookMobileNet,
})

const (
	mobileAt     = clipAt + "timm_model."
	mobileSquare = 256 // embeddings of an image
)

// A mobileBlock is a layer of MobileNetV5. Of convolutions: the sides of those that take each channel alone, before and behind the widening, none if they are zero, and how many times
// wider it is. Of attention: its queries, and the size of a head.
type mobileBlock struct{ start, middle, times, queries, head int }

// mobileStages are its layers, of which the first stage's are other convolutions, four times as wide inside.
var mobileStages = [4][]mobileBlock{
	make([]mobileBlock, 3),
	{{start: 3, middle: 5, times: 6}, {start: 5, times: 4}, {start: 3, times: 4}, {start: 5, times: 4}, {start: 3, times: 4}},
	slices.Concat([]mobileBlock{{start: 5, middle: 5, times: 6}}, slices.Repeat([]mobileBlock{{start: 5, times: 4}}, 7), []mobileBlock{{times: 1}},
		slices.Repeat([]mobileBlock{{queries: 768, head: 64}, {times: 2}}, 14)),
	slices.Concat([]mobileBlock{{start: 5, middle: 5, times: 6}}, slices.Repeat([]mobileBlock{{queries: 1536, head: 96}, {times: 2}}, 19)),
}

// mobile is the rule of a weight. Shapes are numbers, and words: "w2" is the width of the second stage, "4w2" four times that as far as eights go.
func mobile(name, shape string) []Rule {
	file := name
	if rest, ok := strings.CutPrefix(name, "blocks."); ok {
		file = "blk." + rest
	}
	store := ""
	if dims := strings.Fields(shape); len(dims) == 4 {
		if store = StoreConvs; dims[1] == "1" { // of each channel alone: runtimes have one way
			store = "F16"
		}
	}
	return []Rule{{GGUF: "v." + file + ".weight", HF: mobileAt + name + ".weight", Role: RoleTower, Shape: shape, Store: store}}
}

// mobileBlocks are the rules of all layers.
func mobileBlocks() (rules []Rule) {
	for i, stage := range mobileStages {
		before := fmt.Sprint("w", i) // of the stage before, in the first layer
		width := fmt.Sprint("w", i+1)
		for j, b := range stage {
			at := fmt.Sprintf("blocks.%d.%d.", i, j)
			switch {
			case i == 0:
				wide := "4" + before
				rules = slices.Concat(rules, mobile(at+"conv_exp", wide+" "+before+" 3 3"), mobile(at+"bn1", wide), mobile(at+"conv_pwl", width+" "+wide+" 1 1"), mobile(at+"bn2", width))
			case b.queries > 0:
				rules = append(rules, b.attention(at, width, i == 2)...)
			default:
				rules = append(rules, b.convolutions(at, before, width)...)
			}
			if i > 0 {
				rules = append(rules, Rule{GGUF: fmt.Sprintf("v.blk.%d.%d.layer_scale.gamma", i, j), HF: mobileAt + at + "layer_scale.gamma", Role: RoleTower,
					Shape: "1 " + width + " 1 1", From: width, Do: widthOfOnePlace(i + 1), Store: "F32"})
			}
			before = width
		}
	}
	return rules
}

// attention are the rules of a layer of it. Where it shrinks what keys and values are made of, a convolution and a norm do that.
func (b mobileBlock) attention(at, width string, shrinks bool) []Rule {
	rules := slices.Concat(mobile(at+"norm", width), mobile(at+"attn.query.proj", fmt.Sprintf("%d %s 1 1", b.queries, width)),
		mobile(at+"attn.output.proj", fmt.Sprintf("%s %d 1 1", width, b.queries)))
	for _, part := range []string{"attn.key.", "attn.value."} {
		if shrinks {
			rules = slices.Concat(rules, mobile(at+part+"down_conv", width+" 1 3 3"), mobile(at+part+"norm", width))
		}
		rules = append(rules, mobile(at+part+"proj", fmt.Sprintf("%d %s 1 1", b.head, width))...)
	}
	return rules
}

func (b mobileBlock) convolutions(at, before, width string) []Rule {
	wide := strconv.Itoa(b.times) + before
	rules := slices.Concat(mobile(at+"pw_exp.conv", wide+" "+before+" 1 1"), mobile(at+"pw_exp.bn", wide), mobile(at+"pw_proj.conv", width+" "+wide+" 1 1"), mobile(at+"pw_proj.bn", width))
	if b.start > 0 {
		rules = slices.Concat(rules, mobile(at+"dw_start.conv", fmt.Sprintf("%s 1 %d %[2]d", before, b.start)), mobile(at+"dw_start.bn", before))
	}
	if b.middle > 0 {
		rules = slices.Concat(rules, mobile(at+"dw_mid.conv", fmt.Sprintf("%s 1 %d %[2]d", wide, b.middle)), mobile(at+"dw_mid.bn", wide))
	}
	return rules
}

// widthOfOnePlace makes an image of one place of a vector with the width of a stage.
func widthOfOnePlace(stage int) Op {
	return reshaped("of one place", func(p *Params) []int { return []int{1, p.Vision.Widths[stage], 1, 1} })
}

// mobileDim is the size of a dimension of MobileNetV5: a number, or a width, times a number.
func (v *Vision) mobileDim(word string) int {
	if n, err := strconv.Atoi(word); err == nil {
		return n
	}
	times, stage, _ := strings.Cut(word, "w")
	i, err := strconv.Atoi(stage)
	if err != nil || i < 0 || i >= len(v.Widths) {
		return 0
	}
	if times == "" {
		return v.Widths[i]
	}
	n, err := strconv.Atoi(times)
	if err != nil {
		return 0
	}
	return inEights(float64(n * v.Widths[i]))
}

// inEights is the multiple of eight that a number of channels is rounded to, which is not less than nine tenths of it.
func inEights(channels float64) int {
	n := max(8, int(channels+4)/8*8)
	if float64(n) < 0.9*channels {
		n += 8
	}
	return n
}

// finishMobileNet finds the widths of all stages.
func finishMobileNet(c *Config, p *Params) error {
	const key = "vision_config.model_args"
	args, _ := c.Value(key)
	more, _ := args.(map[string]any)
	for name := range more {
		if name != "channel_multiplier" {
			return c.fail(key+"."+name, formats.Unsupported("a tower that is built otherwise"), "")
		}
	}
	times, err := c.Float(key+".channel_multiplier", 1)
	if err != nil {
		return err
	}
	if !(times > 0 && times <= 16) {
		return c.fail(key+".channel_multiplier", formats.Unsupported("is %v", times), "")
	}
	v := &p.Vision
	for i, usual := range []float64{64, 128, 256, 640, 1280} {
		if v.Widths[i] = inEights(usual * times); i == 0 && times < 1 {
			v.Widths[i] = int(usual)
		}
	}
	v.Widths[5] = v.Widths[3] + v.Widths[4] // the last two are joined
	width, err := c.Float("preprocessor.size.width", float64(v.Image))
	if err != nil {
		return err
	}
	if width != float64(v.Image) || v.Image < mobileSquare || v.Image%mobileSquare != 0 {
		return c.fail("preprocessor.size", formats.Unsupported("images of %v×%d pixels: runtimes make %d embeddings of squares whose side is a multiple of that", width, v.Image, mobileSquare), "")
	}
	p.FF = min(p.FF, 1<<20) * 4 // as the reference has it: nothing goes by it
	return finishGemma3nHears(c, p)
}

// lookMobileNet takes from tensors what the keys do not tell.
func lookMobileNet(src *formats.Source, p *Params) {
	v := &p.Vision
	v.Places = heightOf(src, "mm.embedding.weight")
	for i, name := range []string{"v.conv_stem.conv.weight", "v.blk.0.0.conv_pwl.weight", "v.blk.1.0.pw_proj.conv.weight", "v.blk.2.0.pw_proj.conv.weight", "v.blk.3.0.pw_proj.conv.weight"} {
		if t := src.Tensor(name); t != nil && len(t.Shape) == 4 {
			v.Widths[i] = t.Shape[0]
		}
	}
	v.Widths[5] = v.Widths[3] + v.Widths[4]
	lookGemma3nHears(src, p)
}
