package arch

import (
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// GraniteTower is the tower of Granite 4 vision: SigLIP, after whose layers projectors let queries of windows attend to patches (arXiv:2301.12597). What the first projector makes stands for
// the image; what the others make is added to it before later layers of the language model. Queries begin as means of their window's squares, or as one patch of each.
var GraniteTower = registerTower(Arch{
	Projector: "granite4_vision",
	Variants: []Variant{{
		Type: "granite4_vision", HF: []string{"Granite4VisionForConditionalGeneration"}, Language: "GraniteForCausalLM",
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 768, "vision_config.intermediate_size": 3072, "vision_config.num_hidden_layers": 12, "vision_config.num_attention_heads": 12,
			"vision_config.image_size": 224, "vision_config.patch_size": 16, "vision_config.hidden_act": "gelu_pytorch_tanh", "vision_config.layer_norm_eps": 1e-6,
			"qformer_config.intermediate_size": 3072, "image_grid_pinpoints": llavaPinpoints,
		}),
	}},
	Own: []string{"vision_tower.*", "layerwise_projectors.*", "spatial_projectors.*", "image_newline"},
	Keys: slices.Concat(visionKeys, []Key{projector("granite4_vision"), towerEps("vision_config.layer_norm_eps")}, towerAct, []Key{
		{GGUF: "clip.vision.preproc_image_size", Field: func(p *Params) any { return &p.Vision.Longest }, Default: func(p *Params) { p.Vision.Longest = p.Vision.Image }},
		{GGUF: "clip.vision.projector.query_side", Field: func(p *Params) any { return &p.Vision.Queries }, Default: nothing},
		{GGUF: "clip.vision.projector.window_side", Field: func(p *Params) any { return &p.Vision.Window }, Default: nothing},
		{GGUF: "clip.vision.feature_layer", Field: func(p *Params) any { return &p.Vision.Features }, Default: nothing},
		{GGUF: "clip.vision.projector.spatial_offsets", Field: func(p *Params) any { return &p.Vision.Corners }, Default: nothing},
		{GGUF: "clip.vision.image_grid_pinpoints", HF: []string{"image_grid_pinpoints"}, Field: func(p *Params) any { return &p.Vision.Pinpoints }},
		{HF: []string{"qformer_config.intermediate_size"}, Field: func(p *Params) any { return &p.Vision.Middle }, Default: nothing, When: never},
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "embeddings.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", Store: StoreConv},
		{GGUF: "v.patch_embd.bias", HF: clipAt + "embeddings.patch_embedding.bias", Role: RoleTower, Shape: "E"},
		{GGUF: "v.position_embd.weight", HF: clipAt + "embeddings.position_embedding.weight", Role: RoleTower, Shape: "patches E", Store: "F32"},
	}, encoder(clipAt+"encoder"), affine("v.post_ln", clipAt+"post_layernorm", "E"), graniteProjectors(), []Rule{
		{GGUF: "v.image_newline", HF: "image_newline", Role: RoleTower, Shape: "text"},
	}),
	Drop: []string{"*.position_ids", clipAt + "head.*"},
	Refuse: []Refusal{
		{HF: "vision_config.model_type", Unless: []string{"siglip_vision_model"}, Why: "the tower is not SigLIP's"},
		{HF: "vision_config.num_channels", Unless: []string{"3"}, Why: "images without three colours"},
		{HF: "vision_config.layer_norm_eps", Unless: []string{"1e-06"}, Why: "the projectors' norms have another epsilon than the tower's"},
		{HF: "vision_feature_select_strategy", Unless: []string{"full"}, Why: "the first patch is left out"},
		{HF: "use_spatial_sampling", Unless: []string{"true"}, Why: "projectors that no image goes through"},
		{HF: "use_image_newline_parameter", Unless: []string{"true"}, Why: "rows of an image that nothing ends"},
		{HF: "spatial_stride", Unless: []string{"2"}, Why: "one patch is taken of other than four"},
		{HF: "qformer_config.num_hidden_layers", Unless: []string{"1"}, Why: "projectors of several layers"},
		{HF: "qformer_config.cross_attention_frequency", Unless: []string{"1"}, Why: "layers of projectors that do not see the image"},
		{HF: "qformer_config.use_qformer_text_input", Unless: []string{"false"}, Why: "projectors that read a text"},
		{HF: "qformer_config.hidden_act", Unless: []string{"gelu"}, Why: "the projectors' activation function is not gelu"},
		{HF: "qformer_config.layer_norm_eps", Unless: []string{"1e-12"}, Why: "norms within projectors have another epsilon, and runtimes have one built in"},
	},
	Finish: finishGraniteTower,
	Look: func(src *formats.Source, p *Params) {
		p.Vision.Middle = heightOf(src, "v.proj_blk.0.ffn_up.weight")
	},
})

// graniteProjectors are the rules of all projectors, in the order of the language model's layers that they are for.
func graniteProjectors() (rules []Rule) {
	for _, t := range [][3]string{{"linear", "out_linear", "text E"}, {"norm", "norm", "E"}, {"post_norm", "qformer.layernorm", "E"}} {
		rules = append(rules, affine("v.proj_blk.{}."+t[0], "{at}."+t[1], t[2])...)
	}
	rules = append(rules, queryLayer("v.proj_blk.{}.", "{at}.qformer.encoder.layer.0.", "E", "E", "middle")...)
	rules = append(rules, Rule{GGUF: "v.proj_blk.{}.img_pos", HF: "{at}.image_positions", Role: RoleTower, Shape: "1 window E", Store: "F32"},
		Rule{GGUF: "v.proj_blk.{}.query", HF: "{at}.query", Role: RoleTower, Shape: "1 queries E", Store: "F32"})
	for i := range rules {
		rules[i].Blocks = (*Params).graniteBlocks
	}
	return rules
}

// queryLayer are the rules of a layer of queries (BLIP-2's Q-Former, arXiv:2301.12597) of a width, which are answered by what is as wide as seen, before a network that is ff wide.
func queryLayer(gguf, hf, width, seen, ff string) (rules []Rule) {
	square := width + " " + width
	for _, t := range [][3]string{{"self_attn_q", "attention.attention.query", square}, {"self_attn_k", "attention.attention.key", square}, {"self_attn_v", "attention.attention.value", square},
		{"self_attn_out", "attention.output.dense", square}, {"self_attn_norm", "attention.output.LayerNorm", width},
		{"cross_attn_q", "crossattention.attention.query", square}, {"cross_attn_k", "crossattention.attention.key", width + " " + seen},
		{"cross_attn_v", "crossattention.attention.value", width + " " + seen}, {"cross_attn_out", "crossattention.output.dense", square},
		{"cross_attn_norm", "crossattention.output.LayerNorm", width}, {"ffn_up", "intermediate_query.dense", ff + " " + width},
		{"ffn_down", "output_query.dense", width + " " + ff}, {"ffn_norm", "output_query.LayerNorm", width}} {
		rules = append(rules, affine(gguf+t[0], hf+t[1], t[2])...)
	}
	return rules
}

// graniteBlocks are what a checkpoint calls the projectors: those of single patches by the patch's corner, the others as their layers of the tower follow each other.
func (p *Params) graniteBlocks() []string {
	v := &p.Vision
	names := make([]string, min(len(v.Features), len(v.Corners)))
	for i := range names {
		if names[i] = "spatial_projectors." + strconv.Itoa(int(v.Corners[i])); v.Corners[i] >= 0 {
			continue
		}
		before := 0
		for j := range names {
			if v.Corners[j] < 0 && v.Features[j] < v.Features[i] {
				before++
			}
		}
		names[i] = "layerwise_projectors." + strconv.Itoa(before)
	}
	return names
}

// A stream is what one projector makes of an image.
type stream struct {
	at     int // behind which layer of the tower
	into   int // before which layer of the language model it is added
	corner int // of each square of patches, -1 for the mean
}

// streams are those of Granite 4 vision, in the order of the language model's layers. config.json counts the tower's layers from the last, or from what is before the first.
func (c *Config) streams(tower, language int) ([]stream, error) {
	const deep, spatial, behind = "deepstack_layer_map", "spatial_target_layers", "spatial_vision_layer"
	var pairs, targets, at []int32
	for key, to := range map[string]*[]int32{deep: &pairs, spatial: &targets, behind: &at} {
		if v, _ := c.Value(key); v != nil {
			if err := c.assignInts(key, v, to); err != nil {
				return nil, err
			}
		}
	}
	if len(targets) == 0 {
		targets = []int32{12, 15, 18, 21} // the library's
	}
	var list []stream
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, stream{int(pairs[i]), int(pairs[i+1]), -1})
	}
	for i, into := range targets {
		list = append(list, stream{int(append(at, -1)[0]), int(into), i})
	}
	last := -1
	for i := range list {
		s := &list[i]
		if s.at < 0 {
			s.at += tower + 1
		}
		if s.at--; s.into < 0 {
			s.into += language
		}
		if s.at < 0 || s.at >= tower || s.into < 0 || s.into >= language {
			return nil, c.fail(deep, formats.Unsupported("features behind layer %d of %d are given to layer %d of %d", s.at, tower, s.into, language), "")
		}
		if s.corner < 0 && s.at <= last {
			return nil, c.fail(deep, formats.Unsupported("layers of the tower in no ascending order"), "the reference gives projectors the tensors of others then")
		}
		last = s.at
	}
	slices.SortStableFunc(list, func(a, b stream) int { return a.into - b.into })
	for i, s := range list {
		if i == 0 && s.into != 0 || i > 0 && s.into == list[i-1].into {
			return nil, c.fail(deep, formats.Unsupported("the language model's first layer is given nothing of an image, or layer %d twice", s.into), "runtimes know neither")
		}
	}
	return list, nil
}

// finishGraniteTower finds the projectors, and the sides of windows.
func finishGraniteTower(c *Config, p *Params) error {
	v := &p.Vision
	language, err := c.Float("text_config.num_hidden_layers", 32)
	if err != nil {
		return err
	}
	list, err := c.streams(p.Layers, int(language))
	if err != nil {
		return err
	}
	for _, s := range list {
		v.Features, v.Corners = append(v.Features, int32(s.at)), append(v.Corners, int32(s.corner))
	}
	rate, _ := c.String("downsample_rate")
	query, window, _ := strings.Cut(rate, "/")
	v.Queries, _ = strconv.Atoi(query)
	v.Window, _ = strconv.Atoi(window)
	if v.Queries < 1 || v.Window != 2*v.Queries || v.Window > 1<<10 || v.side()%v.Window != 0 {
		return c.fail("downsample_rate", formats.Unsupported("is %.20q of %d patches along a side: windows are not whole, or their side is not twice the queries'", rate, v.side()), "")
	}
	if len(v.Pinpoints)%2 != 0 {
		return c.fail("image_grid_pinpoints", formats.Corrupt("%d numbers are no pairs", len(v.Pinpoints)), "")
	}
	for i := 0; i < len(v.Pinpoints); i += 2 {
		v.Pinpoints[i], v.Pinpoints[i+1] = v.Pinpoints[i+1], v.Pinpoints[i] // height and width in config.json
	}
	return nil
}

// finishGranite finds which layers of the language model are given what of an image, where the model sees.
func finishGranite(c *Config, p *Params) error {
	if err := plainHybrid(c, p); err != nil {
		return err
	}
	if _, sees := c.Value("deepstack_layer_map"); !sees {
		return nil
	}
	tower, err := c.Float("vision_config.num_hidden_layers", 12)
	if err != nil {
		return err
	}
	list, err := c.streams(int(tower), p.Layers)
	if err != nil || p.Layers > 512 {
		return err
	}
	p.Streams = slices.Repeat([]int32{-1}, p.Layers)
	for i, s := range list[1:] {
		p.Streams[s.into] = int32(i + 1)
	}
	return nil
}
