package arch

import (
	"slices"

	"quern/formats"
)

// Sam is what SAM's image encoder (arXiv:2304.02643) has, which stands before another tower: layers that see windows of patches, some of them the whole image, with
// embeddings of distances between rows and between columns; behind them four convolutions, of which the last two halve rows and columns.
type Sam struct {
	Layers   int
	Embd     int
	Heads    int
	Channels []int32 // of the last two convolutions; the very last has as many as what follows is wide
}

const (
	samImage = 1024 // pixels along a side
	samPatch = 16   // of those, in one patch
	samSide  = samImage / samPatch
)

// samWide says of a layer that it sees the whole image. Runtimes have these numbers built in.
func samWide(layer int) bool { return slices.Contains([]int{2, 5, 8, 11}, layer) }

// samDim is the size of a dimension of SAM's encoder.
func (p *Params) samDim(word string) int {
	s := &p.Vision.Sam
	switch word {
	case "sam":
		return s.Embd
	case "3sam":
		return 3 * s.Embd
	case "4sam":
		return 4 * s.Embd
	case "sam-head":
		return s.Embd / max(1, s.Heads)
	case "sam-side":
		return samSide
	case "sam-patch":
		return samPatch
	case "sam-far": // distances in the whole image, either way
		return 2*samSide - 1
	case "sam-near": // and in a window
		return 2*p.Vision.Window - 1
	case "sam-neck":
		return 256
	case "sam-middle":
		if len(s.Channels) > 0 {
			return int(s.Channels[0])
		}
	}
	return 0
}

// check refuses sizes that contradict each other or overflow.
func (s *Sam) check(v *Vision) error {
	if s.Layers == 0 && s.Embd == 0 && s.Heads == 0 {
		return nil
	}
	if v.Window < 1 || v.Window > 1<<12 || len(s.Channels) > 0 && (s.Channels[0] < 1 || s.Channels[0] > 1<<16) {
		return formats.Corrupt("windows of %d patches, and convolutions with %v channels", v.Window, s.Channels)
	}
	return checkSizes("tower before", s.Layers, s.Embd, s.Heads, 1)
}

// Where config.json has its sizes: as published, and as the library stores them.
const (
	samConfig = "vision_config.width.sam_vit_b."
	samStored = "vision_config.sam_config."
)

// samKeys end a file, samNumbers are not in it.
var (
	samKeys = []Key{
		{GGUF: "clip.vision.window_size", HF: []string{"vision_config.window_size", samStored + "window_size"}, Field: func(p *Params) any { return &p.Vision.Window }, Default: func(p *Params) { p.Vision.Window = 14 }},
		{GGUF: "clip.vision.preproc_min_tiles", HF: []string{"preprocessor.min_patches"}, Field: func(p *Params) any { return &p.Vision.MinTiles }, Default: func(p *Params) { p.Vision.MinTiles = 2 }},
		{GGUF: "clip.vision.preproc_max_tiles", HF: []string{"preprocessor.max_patches"}, Field: func(p *Params) any { return &p.Vision.MaxTiles }},
		{GGUF: "clip.vision.sam.block_count", HF: []string{samConfig + "layers", samStored + "num_hidden_layers"}, Field: func(p *Params) any { return &p.Vision.Sam.Layers }},
		{GGUF: "clip.vision.sam.embedding_length", HF: []string{samConfig + "width", samStored + "hidden_size"}, Field: func(p *Params) any { return &p.Vision.Sam.Embd }},
		{GGUF: "clip.vision.sam.head_count", HF: []string{samConfig + "heads", samStored + "num_attention_heads"}, Field: func(p *Params) any { return &p.Vision.Sam.Heads }},
	}
	samNumbers = []Key{{HF: []string{samConfig + "downsample_channels", samStored + "downsample_channels"}, Field: func(p *Params) any { return &p.Vision.Sam.Channels }, When: never, Default: nothing}}
	samRefuses = []Refusal{
		{HF: "vision_config.image_size", Unless: []string{"1024"}, Why: "images that are not 1024 pixels wide"},
		{HF: samStored + "image_size", Unless: []string{"1024"}, Why: "images that are not 1024 pixels wide"},
		{HF: samStored + "patch_size", Unless: []string{"16"}, Why: "patches that are not 16 pixels wide"},
		{HF: samStored + "output_channels", Unless: []string{"256"}, Why: "convolutions of other than 256 channels"},
		{HF: samStored + "layer_norm_eps", Unless: []string{"1e-06"}, Why: "norms with another epsilon"},
		{HF: ocrStored + "layer_norm_eps", Unless: []string{"1e-05"}, Why: "norms of the tower behind with another epsilon"},
		{HF: ocrStored + "rope_parameters.rope_theta", Unless: []string{"1000000"}, Why: "places are rotated with another base"},
		{HF: samStored + "hidden_act", Unless: []string{"gelu"}, Why: "the first tower's activation function is not gelu"},
		{HF: samStored + "use_abs_pos", Unless: []string{"true"}, Why: "places are not learned"},
		{HF: samStored + "use_rel_pos", Unless: []string{"true"}, Why: "distances are not learned"},
		{HF: "projector_config.projector_type", Unless: []string{"linear"}, Why: "a projector that is not one matrix"},
		{HF: "tile_tag", Unless: []string{"2D"}, Why: "tiles that are not put together as a square"},
	}
)

// samDefaults are the sizes of SAM's base model.
var samDefaults = with(halfColours, map[string]any{samConfig + "layers": 12, samConfig + "width": 768, samConfig + "heads": 12, samConfig + "downsample_channels": []any{512, 1024}})

// sam are its rules.
var sam = func() []Rule {
	const at, layer = "model.sam_model.", "model.sam_model.blocks.{}."
	plain := func(gguf, hf, shape string) Rule {
		return Rule{GGUF: "v.sam." + gguf, HF: at + hf, Role: RoleTower, Shape: shape, Store: "F32"}
	}
	distances := func(gguf, hf, shape string, wide bool) Rule {
		r := plain("blk.{}.attn."+gguf+".weight", "blocks.{}.attn."+hf, shape)
		r.When = func(_ *Params, l int) bool { return samWide(l) == wide }
		return r
	}
	rules := slices.Concat(affine("v.sam.blk.{}.pre_ln", layer+"norm1", "sam"), affine("v.sam.blk.{}.post_ln", layer+"norm2", "sam"), affine("v.sam.blk.{}.attn.qkv", layer+"attn.qkv", "3sam sam"),
		affine("v.sam.blk.{}.attn.out", layer+"attn.proj", "sam sam"), affine("v.sam.blk.{}.mlp.lin1", layer+"mlp.lin1", "4sam sam"), affine("v.sam.blk.{}.mlp.lin2", layer+"mlp.lin2", "sam 4sam"), []Rule{
			distances("pos_h", "rel_pos_h", "sam-far sam-head", true), distances("pos_h", "rel_pos_h", "sam-near sam-head", false),
			distances("pos_w", "rel_pos_w", "sam-far sam-head", true), distances("pos_w", "rel_pos_w", "sam-near sam-head", false),
		})
	for i := range rules {
		rules[i].Before = true
	}
	return slices.Concat(rules, convolution("v.sam.patch_embd", at+"patch_embed.proj", "sam rgb sam-patch sam-patch"), []Rule{
		plain("pos_embd.weight", "pos_embed", "1 sam-side sam-side sam"),
		plain("neck.0.weight", "neck.0.weight", "sam-neck sam 1 1"), plain("neck.1.weight", "neck.1.weight", "sam-neck"), plain("neck.1.bias", "neck.1.bias", "sam-neck"),
		plain("neck.2.weight", "neck.2.weight", "sam-neck sam-neck three three"), plain("neck.3.weight", "neck.3.weight", "sam-neck"), plain("neck.3.bias", "neck.3.bias", "sam-neck"),
		plain("net_2.weight", "net_2.weight", "sam-middle sam-neck three three"), plain("net_3.weight", "net_3.weight", "E sam-middle three three"),
	})
}()

// finishSam refuses layers that see the whole image where runtimes take them to see windows, or the other way round.
func finishSam(c *Config, p *Params) error {
	key, v, ok := c.Find(samConfig+"global_attn_indexes", samStored+"global_attn_indexes")
	if !ok {
		return nil
	}
	var wide []int32
	if err := c.assign(key, v, &wide); err != nil {
		return err
	}
	for l := range min(p.Vision.Sam.Layers, 512) {
		if slices.Contains(wide, int32(l)) != samWide(l) {
			return c.fail(key, formats.Unsupported("is %v; runtimes take layers 2, 5, 8 and 11 to see the whole image", wide), "")
		}
	}
	return nil
}

// lookSam takes from tensors what the keys do not tell.
func lookSam(src *formats.Source, p *Params) {
	if t := src.Tensor("v.sam.net_2.weight"); t != nil && len(t.Shape) == 4 {
		p.Vision.Sam.Channels = []int32{int32(min(t.Shape[0], 1<<17))}
	}
}
