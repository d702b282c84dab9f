package arch

import (
	"cmp"
	"math"
	"slices"

	"quern/formats"
)

// Vision is what a vision tower and its projector have beside Params' sizes, which are then the tower's own.
type Vision struct {
	Has       bool      // always
	Flat      bool      // it has no layers
	Widths    [6]int    // of the stages of a tower of convolutions: what is before the first, four of them, and the last two joined
	Projector string    // clip.projector_type
	Act       string    // the activation function, as config.json calls it
	GELU      bool      // of the runtime's three functions …
	SiLU      bool      // … neither is GELU's quick approximation
	Text      int       // the width of the language model
	TextFF    int       // and of its feed-forward network
	Image     int       // pixels along a side
	Patch     int       // of those, in one patch
	Mean, Std []float32 // of the three colours
	Merge     int       // so many patches along each side become one embedding
	Scale     int       // the same, under another name
	Longest   int       // pixels along the longer side before an image is cut into tiles
	MinTiles  int       // of an image
	MaxTiles  int       //
	Middle    int       // the width between the projector's matrices, where it is neither the tower's nor the language model's
	Window    int       // the side of one: in pixels, or in patches, which so many queries attend to along a side
	Queries   int       // along the side of a window
	Every     int       // one layer in so many sees the whole image, the others a window
	Bands     []int32   // of each layer, what patches see: -1 all, 0 a band by rows, 1 one by columns
	Full      []int32   // the layers that do, or those after which there is a projector …
	Deep      []bool    // … which runtimes know of each layer
	At        []int32   // layers that a file names: behind one of them patches are joined
	Places    int       // of patches, that are learned
	Wholes    int       // embeddings that stand for the whole image
	Side      int       // of the square of those, where they are told so …
	Width     int       // … twice
	Instants  int       // of a film, that have places, too
	Clamp     float32   // what gated networks cut off
	MinPixels int       // of an image: smaller ones are stretched …
	MaxPixels int       // … and larger ones shrunk
	Features  []int32   // after how many layers features are taken; more than one lie side by side
	Corners   []int32   // which patch of each square is taken of the features, -1 for their mean
	Pinpoints []int32   // sizes of images that are cut into tiles, in pairs
	Unpad     string    // what is done with the borders of tiles
	SaysFF    int       // what a file tells of FF
	MLPRatio  float32   // FF by Embd
	Sam       Sam       // a tower before
	Break     int       // the token that ends a row of an image
}

// visionDim is the size of a tower's dimension, which has a word instead of a letter.
func (p *Params) visionDim(word string) int {
	v := &p.Vision
	switch word {
	case "rgb":
		return 3
	case "two":
		return 2
	case "patch":
		return v.Patch
	case "side":
		return v.side()
	case "patches":
		return v.patches()
	case "places": // of the patches, and of what stands for the whole image
		return v.patches() + 1
	case "text":
		return v.Text
	case "queries-768":
		return 144 // one for 16 patches
	case "queries-1024":
		return 256
	case "tower-keys":
		return p.KVHeads * (p.Embd / max(1, p.Heads))
	case "text-ff":
		return v.TextFF
	case "pixels": // of a patch, in three colours
		return 3 * v.Patch * v.Patch
	case "2pixels": // of two images of a film
		return 6 * v.Patch * v.Patch
	case "square-pixels": // of a square of patches that become one embedding
		return 3 * v.Patch * v.Patch * v.Scale * v.Scale
	case "window":
		return v.Window * v.Window
	case "queries":
		return v.Queries * v.Queries
	case "table":
		return v.Places
	case "head":
		return p.Embd / p.Heads
	case "middle":
		return v.Middle
	case "scaled":
		return p.Embd * v.Scale * v.Scale
	case "merged":
		return p.Embd * v.Merge * v.Merge
	case "merged-text": // the same of what is the language model's already
		return v.Text * v.Merge * v.Merge
	case "features":
		return p.Embd * len(v.Features)
	case "QKK": // queries of all heads, and keys and values of fewer, of a size of their own
		return (p.Heads + 2*p.KVHeads) * p.HeadDim
	case "3E":
		return 3 * p.Embd
	case "wholes":
		return v.Wholes
	case "2E":
		return 2 * p.Embd
	case "shared": // queries of all heads, and keys and values of fewer
		return p.Embd + 2*p.KVHeads*(p.Embd/max(1, p.Heads))
	case "4E":
		return 4 * p.Embd
	case "4F":
		return 4 * p.FF
	}
	return v.mobileDim(word)
}

func (v *Vision) side() int { return v.Image / max(1, v.Patch) }

func (v *Vision) patches() int { return v.side() * v.side() }

// checkTower refuses sizes that contradict each other or overflow.
func (p *Params) checkTower() error {
	v := &p.Vision
	if err := cmp.Or(p.Hear.check(), p.Spoken.check(p), p.Pocket.check(p)); err != nil || p.Hear.Has && !v.Has {
		return err
	}
	layers, heads, ff := p.Layers, p.Heads, p.FF
	if v.Flat {
		layers, heads, ff = 1, 1, 1
	}
	if err := checkSizes("tower", layers, p.Embd, heads, p.NormEps, size{"width of its feed-forward network", ff}, size{"size of a patch", v.Patch},
		size{"width of the language model", v.Text}); err != nil {
		return err
	}
	if err := v.Sam.check(v); err != nil {
		return err
	}
	switch {
	case v.Image != 0 && v.Image < v.Patch || v.Image > 1<<14 || max(v.Merge, v.Scale) > 64:
		return formats.Corrupt("patches of %d in images of %d, %d merged", v.Patch, v.Image, max(v.Merge, v.Scale))
	case max(v.Window, v.Queries) > 1<<14 || len(v.Corners) > 0 && len(v.Corners) != len(v.Features):
		return formats.Corrupt("windows of %d patches a side, %d queries, %d projectors of %d layers", v.Window, v.Queries, len(v.Corners), len(v.Features))
	case p.Mix.CountIn != nil && (len(p.Mix.CountIn) != p.Layers || slices.Min(p.Mix.CountIn) < 0 || slices.Max(p.Mix.CountIn) > 1<<10 || p.Mix.FF > 1<<20 || p.Mix.Used < 1 || p.Mix.Used > 1<<10):
		return formats.Corrupt("experts of %d layers in a tower of %d, of width %d, of which each patch has %d", len(p.Mix.CountIn), p.Layers, p.Mix.FF, p.Mix.Used)
	case v.Bands != nil && (len(v.Bands) != p.Layers || p.HeadDim < 1 || p.HeadDim > 1<<12 || p.KVHeads < 1 || p.Heads%p.KVHeads != 0):
		return formats.Corrupt("bands of %d layers in a tower of %d, whose %d heads of %d share %d of keys", len(v.Bands), p.Layers, p.Heads, p.HeadDim, p.KVHeads)
	case len(v.Mean) != 3 || len(v.Std) != 3:
		return formats.Corrupt("images are normalized by %v and %v, which are not three colours each", v.Mean, v.Std)
	case v.Act != "" && !v.GELU && !v.SiLU && v.Act != "quick_gelu":
		return formats.Unsupported("the tower's activation function is %.40q; runtimes know gelu, gelu_pytorch_tanh, silu and quick_gelu", v.Act)
	}
	return nil
}

// A size is a number of a tower that is not zero.
type size struct {
	name string
	n    int
}

// checkSizes refuses layers of a tower that contradict each other, and sizes that overflow.
func checkSizes(tower string, layers, embd, heads int, eps float32, more ...size) error {
	for _, f := range append([]size{{"number of the layers of the " + tower, layers}, {"width of the " + tower, embd}, {"number of its heads", heads}}, more...) {
		if f.n <= 0 || f.n > 1<<20 {
			return formats.Corrupt("the %s is %d", f.name, f.n)
		}
	}
	switch {
	case layers > 512:
		return formats.Unsupported("%d layers are more than the 512 that runtimes load", layers)
	case embd%heads != 0:
		return formats.Corrupt("a width of %d for %d heads", embd, heads)
	case !positive(eps):
		return formats.Corrupt("the norm's epsilon is %v", eps)
	}
	return nil
}

// visionKeys begin the files of all towers, in the reference's order. at is where config.json has the tower's sizes.
var visionKeys = []Key{
	{GGUF: "general.file_type"},
	{GGUF: "clip.has_vision_encoder", Field: func(p *Params) any { return &p.Vision.Has }, Default: func(p *Params) { p.Vision.Has = true }},
	{GGUF: "clip.vision.projection_dim", HF: []string{"text_config.hidden_size", "llm_config.hidden_size", "hidden_size"}, Field: func(p *Params) any { return &p.Vision.Text }},
	{GGUF: "clip.vision.image_size", HF: []string{"vision_config.image_size"}, Field: func(p *Params) any { return &p.Vision.Image }},
	{GGUF: "clip.vision.patch_size", HF: []string{"vision_config.patch_size"}, Field: func(p *Params) any { return &p.Vision.Patch }},
	{GGUF: "clip.vision.embedding_length", HF: []string{"vision_config.embed_dim", "vision_config.hidden_size"}, Field: func(p *Params) any { return &p.Embd }},
	{GGUF: "clip.vision.feed_forward_length", HF: []string{"vision_config.intermediate_size"}, Field: func(p *Params) any { return &p.FF }},
	{GGUF: "clip.vision.block_count", HF: []string{"vision_config.num_hidden_layers", "vision_config.depth"}, Field: func(p *Params) any { return &p.Layers }},
	{GGUF: "clip.vision.attention.head_count", HF: []string{"vision_config.num_attention_heads", "vision_config.num_heads"},
		Field: func(p *Params) any { return &p.Heads }},
	{GGUF: "clip.vision.image_mean", HF: []string{"preprocessor.image_mean"}, Field: func(p *Params) any { return &p.Vision.Mean }},
	{GGUF: "clip.vision.image_std", HF: []string{"preprocessor.image_std"}, Field: func(p *Params) any { return &p.Vision.Std }},
}

// projector is the key that tells runtimes which tower this is.
func projector(name string) Key {
	return projectorAt("clip.projector_type", name)
}

// projectorAt is that key where a file has it under another name, since it has towers of several kinds.
func projectorAt(gguf, name string) Key {
	return Key{GGUF: gguf, Field: func(p *Params) any { return &p.Vision.Projector }, Default: func(p *Params) { p.Vision.Projector = name }}
}

// towerEps is the key of the epsilon of a tower's norms.
func towerEps(hf ...string) Key {
	return Key{GGUF: "clip.vision.attention.layer_norm_epsilon", HF: hf, Field: func(p *Params) any { return &p.NormEps },
		Default: func(p *Params) { p.NormEps = 1e-6 }}
}

// squareScale is the key of how many patches along each side become one embedding.
func squareScale(hf ...string) Key {
	return Key{GGUF: "clip.vision.projector.scale_factor", HF: hf, Field: func(p *Params) any { return &p.Vision.Scale }, Default: nothing}
}

// squaresOf finds that in the ratio of sides that config.json tells instead.
func (c *Config) squaresOf(key string, assumed float64, p *Params) error {
	ratio, err := c.Float(key, assumed)
	if err != nil {
		return err
	}
	if p.Vision.Scale = int(1 / math.Max(ratio, 1e-3)); float64(p.Vision.Scale)*ratio != 1 {
		return c.fail(key, formats.Unsupported("is %v: squares of patches have no whole side", ratio), "")
	}
	return nil
}

// towerAct reads the activation function; gelu and silu are told by keys of their own, quick_gelu is what runtimes assume.
var towerAct = []Key{
	{HF: []string{"vision_config.hidden_act", "vision_config.hidden_activation"}, Field: func(p *Params) any { return &p.Vision.Act }, Default: nothing, When: never},
	{GGUF: "clip.use_gelu", Field: func(p *Params) any { return &p.Vision.GELU },
		Default: func(p *Params) { p.Vision.GELU = p.Vision.Act == "gelu" || p.Vision.Act == "gelu_pytorch_tanh" },
		When:    func(p *Params) bool { return p.Vision.GELU }},
	{GGUF: "clip.use_silu", Field: func(p *Params) any { return &p.Vision.SiLU }, Default: func(p *Params) { p.Vision.SiLU = p.Vision.Act == "silu" },
		When: func(p *Params) bool { return p.Vision.SiLU }},
}

// encoder are the layers that CLIP and SigLIP share.
func encoder(at string) (rules []Rule) {
	for _, t := range []struct{ gguf, hf, shape string }{
		{"ln1", "layer_norm1", "E"}, {"ln2", "layer_norm2", "E"},
		{"attn_q", "self_attn.q_proj", "E E"}, {"attn_k", "self_attn.k_proj", "E E"}, {"attn_v", "self_attn.v_proj", "E E"},
		{"attn_out", "self_attn.out_proj", "E E"}, {"ffn_up", "mlp.fc1", "F E"}, {"ffn_down", "mlp.fc2", "E F"},
	} {
		rules = append(rules, affine("v.blk.{}."+t.gguf, at+".layers.{}."+t.hf, t.shape)...)
	}
	return rules
}

// affine are the rules of a weight and its bias.
func affine(gguf, hf, shape string) []Rule {
	return []Rule{
		{GGUF: gguf + ".weight", HF: hf + ".weight", Role: RoleTower, Shape: shape},
		{GGUF: gguf + ".bias", HF: hf + ".bias", Role: RoleTower, Shape: firstWord(shape)},
	}
}
