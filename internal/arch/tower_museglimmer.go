package arch

import (
	"fmt"
	"slices"

	"quern/formats"
	"quern/quantize"
)

// GlimmerTower is what Muse Glimmer sees with: learned places, stretched to the image, heads rotated by column and by row, windows in three of four layers; patches joined in squares
// number by number, and projected by three matrices with GELU between them.
var GlimmerTower = registerTower(Arch{
	Projector: "muse-glimmer",
	Variants: []Variant{{
		Type: "muse_glimmer", HF: []string{"MuseGlimmerForConditionalGeneration"}, Language: "MuseGlimmerForConditionalGeneration",
		Defaults: with(halfColours, map[string]any{
			"vision_config.hidden_size": 1536, "vision_config.intermediate_size": 8960, "vision_config.num_hidden_layers": 50, "vision_config.num_attention_heads": 16,
			"vision_config.patch_size": 14, "vision_config.pos_emb_height": 32, "vision_config.pos_emb_width": 32, "vision_config.merge_size": 2,
			"vision_config.layer_norm_eps": 1e-5, "projector_hidden_size": 4096,
		}),
	}},
	Own: []string{"vision_tower.*", "model.vision_adapter.*", "multi_modal_projector.*"},
	Keys: slices.Concat(replaceKey(visionKeys, ofAnySize(0)), []Key{
		{HF: []string{"vision_config.pos_emb_height"}, Field: func(p *Params) any { return &p.Vision.Side }, Default: nothing, When: never},
		{HF: []string{"projector_hidden_size"}, Field: func(p *Params) any { return &p.Vision.Middle }, Default: nothing, When: never},
		projector("muse-glimmer"), towerEps("vision_config.layer_norm_eps"),
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
	}),
	Tensors: slices.Concat([]Rule{
		{GGUF: "v.patch_embd.weight", HF: clipAt + "patch_embedder.patch_embedding.weight", Role: RoleTower, Shape: "E rgb patch patch", From: "E 2pixels", Do: instantsSummed, Store: StoreConv},
		{GGUF: "v.position_embd.weight", HF: clipAt + "patch_embedder.position_embedding_table.weight", Role: RoleTower, Shape: "table E", Store: "F32"},
	}, affine("v.pre_ln", clipAt+"ln_pre", "E"), affine("v.post_ln", clipAt+"ln_post", "E"), glimmerLayers, []Rule{
		{GGUF: "mm.0.weight", HF: "model.vision_adapter.fc1.weight", Role: RoleTower, Shape: "middle merged"},
		{GGUF: "mm.1.weight", HF: "model.vision_adapter.fc2.weight", Role: RoleTower, Shape: "middle middle"},
		{GGUF: "mm.2.weight", HF: "multi_modal_projector.weight", Role: RoleTower, Shape: "text middle"},
	}),
	Refuse: []Refusal{
		{HF: "vision_config.hidden_act", Unless: []string{"gelu"}, Why: "the tower's activation function is not gelu"},
		{HF: "projector_hidden_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		{HF: "vision_config.layer_norm_eps", Unless: []string{"1e-05"}, Why: "norms before and behind the layers have another epsilon than those in them"},
		{HF: "vision_config.merge_size", Unless: []string{"2"}, Why: "squares of other than four patches are joined"},
		{HF: "vision_config.patch_temporal", Unless: []string{"2"}, Why: "patches that are other than two images deep"},
		{HF: "vision_config.rope_parameters.rope_theta", Unless: []string{"10000"}, Why: "places are rotated with another base"},
		{HF: "vision_config.rope_parameters.rope_type", Unless: []string{"axial"}, Why: "places are rotated in another way"},
	},
	Finish: finishGlimmerTower,
	Look: func(src *formats.Source, p *Params) {
		p.Vision.Places, p.Vision.Middle = heightOf(src, "v.position_embd.weight"), heightOf(src, "mm.0.weight")
	},
})

// glimmerLayers are its layers; queries and keys are rotated in pairs in files, and in halves in checkpoints.
var glimmerLayers = func() []Rule {
	at := clipAt + "layers.{}."
	rules := slices.Concat(affine("v.blk.{}.ln1", at+"norm1", "E"), affine("v.blk.{}.ln2", at+"norm2", "E"), affine("v.blk.{}.attn_v", at+"attn.v_proj", "E E"),
		affine("v.blk.{}.attn_out", at+"attn.proj", "E E"), affine("v.blk.{}.ffn_up", at+"mlp.fc1", "F E"), affine("v.blk.{}.ffn_down", at+"mlp.fc2", "E F"))
	for _, r := range slices.Concat(affine("v.blk.{}.attn_q", at+"attn.q_proj", "E E"), affine("v.blk.{}.attn_k", at+"attn.k_proj", "E E")) {
		r.Do = PermuteQ
		rules = append(rules, r)
	}
	return rules
}()

// instantsSummed makes a convolution of an image of a matrix that is given two images of a film, which are the same: each number is the sum of what both are multiplied with, in float32.
var instantsSummed = Op{Name: "instants summed", Near: true,
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		n := shapedAs(t, t.Shape[0], 3*p.Vision.Patch*p.Vision.Patch)
		if n.Type, n.Raw = quantize.ByName("F32"), nil; t.Rows != nil {
			n.Rows = summedRows{t.Rows, n.Cols()}
		}
		return patchByColour.Forward(n, p)
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		t = patchByColour.Inverse(t, p)
		n := shapedAs(t, t.Shape[0], 2*t.Cols())
		if n.Type, n.Raw = quantize.ByName("F32"), nil; t.Rows != nil {
			n.Rows = halvedRows{t.Rows, t.Cols()}
		}
		return n
	},
}

// summedRows are rows of so many numbers, each the sum of two that stand as far apart in the rows that they are made of.
type summedRows struct {
	rows formats.Rows
	cols int
}

func (r summedRows) ReadRows(dst []float32, row int) error {
	in := make([]float32, 2*r.cols)
	for ; len(dst) >= r.cols && r.cols > 0; dst, row = dst[r.cols:], row+1 {
		if err := r.rows.ReadRows(in, row); err != nil {
			return err
		}
		for i := range r.cols {
			dst[i] = in[i] + in[r.cols+i]
		}
	}
	return nil
}

// halvedRows are rows of half of so many numbers, twice.
type halvedRows struct {
	rows formats.Rows
	cols int
}

func (r halvedRows) ReadRows(dst []float32, row int) error {
	for ; len(dst) >= 2*r.cols && r.cols > 0; dst, row = dst[2*r.cols:], row+1 {
		if err := r.rows.ReadRows(dst[:r.cols], row); err != nil {
			return err
		}
		for i := range r.cols {
			dst[i] /= 2
		}
		copy(dst[r.cols:2*r.cols], dst)
	}
	return nil
}

// finishGlimmerTower refuses windows in other layers than runtimes have them in, and places that are not those of a square.
func finishGlimmerTower(c *Config, p *Params) error {
	v := &p.Vision
	width, err := c.Float("vision_config.pos_emb_width", 32)
	switch {
	case err != nil:
		return err
	case v.Side < 1 || v.Side > 1<<10 || width != float64(v.Side) || v.Patch > 1<<10:
		return c.fail("vision_config.pos_emb_height", formats.Unsupported("places of %d×%v patches of %d pixels: runtimes know squares", v.Side, width, v.Patch), "")
	}
	const key = "vision_config.layer_types"
	if list, _ := c.Value(key); list != nil {
		kinds, err := c.perLayer(key, p.Layers)
		if err != nil {
			return err
		}
		for i, kind := range kinds {
			want := "window_attention"
			if (i+1)%4 == 0 || i == p.Layers-1 {
				want = "full_attention"
			}
			if kind != want {
				return c.fail(key, formats.Unsupported("is %.40s in layer %d; runtimes take it to be %s", fmt.Sprint(kind), i, want), "")
			}
		}
	}
	v.Places, v.Image = v.Side*v.Side, v.Side*v.Patch*v.Merge
	v.Side = 0
	return nil
}
