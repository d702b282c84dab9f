package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// MiMoTower is what MiMo-V2.5 sees and hears with. It sees with Qwen2.5-VL's tower, whose heads of queries share heads of keys, and most of whose layers see a band of patches, by rows or by columns,
// with a number for each head that stands for nothing seen. It hears with an encoder in a folder of its own, which makes codes of sound, one after another of what the code before left over;
// embeddings of the codes go through layers that see a few instants each.
var MiMoTower = registerTower(Arch{
	Projector: "mimovl",
	Variants: []Variant{{
		Type: "mimo_v2", HF: []string{"MiMoV2ForCausalLM"}, Language: "MiMoV2ForCausalLM",
		Defaults: with(qwenTower, map[string]any{
			"vision_config.depth": 28, "vision_config.hidden_size": 1280, "vision_config.intermediate_size": 4608, "vision_config.num_heads": 32, "vision_config.num_key_value_heads": 8,
			"vision_config.qk_channels": 64, "vision_config.patch_size": 16, "audio_config.input_local_intermediate_size": 4096,
		}),
	}},
	Own: []string{"visual.*", "audio_encoder.*", "speech_embeddings.*", inTokenizer + "*"},
	Keys: slices.Concat(visionKeys, alwaysHearing(audioTokenizer+"."), []Key{
		projectorAt("clip.vision.projector_type", "mimovl"),
		alwaysSiLU,
		{GGUF: "clip.vision.attention.head_count_kv", HF: []string{"vision_config.num_key_value_heads"}, Field: func(p *Params) any { return &p.KVHeads }},
		{GGUF: "clip.vision.spatial_merge_size", HF: []string{"vision_config.spatial_merge_size"}, Field: func(p *Params) any { return &p.Vision.Merge }},
		{GGUF: "clip.vision.window_size", HF: []string{"vision_config.visual_token_window_size"}, Field: func(p *Params) any { return &p.Vision.Window }},
		{GGUF: "clip.vision.wa_pattern_mode", HF: []string{"vision_config.vit_window_attn_types"}, Field: func(p *Params) any { return &p.Vision.Bands }},
		towerEps("vision_config.rms_norm_eps"), minPixels, maxPixels,
		{HF: []string{"vision_config.fullatt_block_indexes"}, Field: func(p *Params) any { return &p.Vision.Full }, Default: nothing, When: never},
		{HF: []string{"vision_config.qk_channels"}, Field: func(p *Params) any { return &p.HeadDim }, Default: nothing, When: never},
	}, mimoHeard),
	Tensors: slices.Concat(qwenPatches, mimoSees, hearing(mimoCodes, mimoLocal)),
	Drop: []string{inTokenizer + "decoder.*", inTokenizer + "encoder.quantizer.*._codebook.cluster_size", inTokenizer + "encoder.quantizer.*._codebook.embed_avg",
		inTokenizer + "encoder.quantizer.*._codebook.inited"},
	Refuse:  mimoTowerRefuses,
	Further: readMiMo,
	Finish:  finishMiMoTower,
	Look:    lookMiMo,
})

// audioTokenizer is the folder with the encoder of sound.
const (
	audioTokenizer = "audio_tokenizer"
	inTokenizer    = audioTokenizer + "/"
	bookName       = inTokenizer + "encoder.quantizer.vq.layers.%d._codebook.embed"
)

var mimoHeard = slices.Concat(replaceKey(hearingEnds("mimo_audio", audioTokenizer+".n_mels"), Key{
	GGUF: "clip.audio.attention.layer_norm_epsilon", HF: []string{audioTokenizer + ".layer_norm_eps"}, Field: func(p *Params) any { return &p.Hear.Eps }, Default: func(p *Params) { p.Hear.Eps = 1e-5 },
}), []Key{
	{GGUF: "clip.audio.rvq.num_quantizers", Field: func(p *Params) any { return &p.Hear.Codes }, Default: func(p *Params) { p.Hear.Codes = len(p.Hear.Books) }},
	{GGUF: "clip.audio.rvq.codebook_size", HF: []string{"codebooks"}, Field: func(p *Params) any { return &p.Hear.Books }},
	{GGUF: "clip.audio.wa_pattern_mode", Field: func(p *Params) any { return &p.Hear.Bands }, Default: nothing},
	{GGUF: "clip.audio.window_size", Field: func(p *Params) any { return &p.Hear.Window }, Default: nothing},
	{GGUF: "clip.audio.local_block_count", HF: []string{"audio_config.input_local_layers"}, Field: func(p *Params) any { return &p.Hear.Local }},
	{GGUF: "clip.audio.local_group_size", HF: []string{"audio_config.group_size"}, Field: func(p *Params) any { return &p.Hear.Stack }},
	{HF: []string{"audio_config.input_local_intermediate_size"}, Field: func(p *Params) any { return &p.Hear.LocalFF }, Default: nothing, When: never},
	{HF: []string{"rows_of_codes"}, Field: func(p *Params) any { return &p.Hear.CodeRows }, Default: nothing, When: never},
	{HF: []string{"rows_of_projector"}, Field: func(p *Params) any { return &p.Hear.Out }, Default: nothing, When: never},
})

var mimoSees = slices.Concat([]Rule{
	{GGUF: "v.blk.{}.ln1.weight", HF: "visual.blocks.{}.norm1.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.ln2.weight", HF: "visual.blocks.{}.norm2.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "v.blk.{}.attn_sinks", HF: "visual.blocks.{}.attn.sinks", Role: RoleTower, Shape: "H", When: func(p *Params, layer int) bool {
		return layer >= 0 && layer < len(p.Vision.Bands) && p.Vision.Bands[layer] >= 0
	}},
	{GGUF: "v.post_ln.weight", HF: "visual.merger.ln_q.weight", Role: RoleTower, Shape: "E"},
	{GGUF: "mm.0.weight", HF: "visual.merger.mlp.0.weight", Role: RoleTower, Shape: "merged merged"},
	{GGUF: "mm.2.weight", HF: "visual.merger.mlp.2.weight", Role: RoleTower, Shape: "text merged"},
}, affine("v.blk.{}.attn_qkv", "visual.blocks.{}.attn.qkv", "QKK E"), affine("v.blk.{}.attn_out", "visual.blocks.{}.attn.proj", "E Q"),
	affine("v.blk.{}.ffn_gate", "visual.blocks.{}.mlp.gate_proj", "F E"), affine("v.blk.{}.ffn_up", "visual.blocks.{}.mlp.up_proj", "F E"),
	affine("v.blk.{}.ffn_down", "visual.blocks.{}.mlp.down_proj", "E F"))

// mimoCodes make codes of sound.
var mimoCodes = slices.Concat(whisperConvolutions(inTokenizer+"encoder.", "F32"), whisperLayers(inTokenizer+"encoder.layers.{}."),
	affine("a.post_ln", inTokenizer+"encoder.layer_norm", "heard"), []Rule{
		{GGUF: "a.downsample.conv.weight", HF: inTokenizer + "encoder.down_sample_layer.0.weight", Role: RoleTower, Shape: "heard heard two", Store: "F32"},
	}, affine("a.downsample.norm", inTokenizer+"encoder.down_sample_norm", "heard"), []Rule{
		{GGUF: "a.rvq.codebook.weight", HF: inTokenizer + "codebooks", Role: RoleTower, Shape: "codes book heard", Store: "F32"},
	})

// mimoLocal make embeddings of them.
var mimoLocal = func() []Rule {
	const layer = "audio_encoder.input_local_transformer.layers.{at}."
	rules := slices.Concat(affine("mm.a.local_blk.{}.attn_q", layer+"self_attn.q_proj", "heard heard"), affine("mm.a.local_blk.{}.attn_k", layer+"self_attn.k_proj", "heard heard"),
		affine("mm.a.local_blk.{}.attn_v", layer+"self_attn.v_proj", "heard heard"), []Rule{
			{GGUF: "mm.a.local_blk.{}.attn_out.weight", HF: layer + "self_attn.o_proj.weight", Role: RoleTower, Shape: "heard heard"},
			{GGUF: "mm.a.local_blk.{}.ffn_gate.weight", HF: layer + "mlp.gate_proj.weight", Role: RoleTower, Shape: "local-ff heard"},
			{GGUF: "mm.a.local_blk.{}.ffn_up.weight", HF: layer + "mlp.up_proj.weight", Role: RoleTower, Shape: "local-ff heard"},
			{GGUF: "mm.a.local_blk.{}.ffn_down.weight", HF: layer + "mlp.down_proj.weight", Role: RoleTower, Shape: "heard local-ff"},
			{GGUF: "mm.a.local_blk.{}.ln1.weight", HF: layer + "input_layernorm.weight", Role: RoleTower, Shape: "heard"},
			{GGUF: "mm.a.local_blk.{}.ln2.weight", HF: layer + "post_attention_layernorm.weight", Role: RoleTower, Shape: "heard"},
		})
	for i := range rules {
		rules[i].Blocks = func(p *Params) []string {
			names := make([]string, max(0, min(p.Hear.Local, 1<<10)))
			for l := range names {
				names[l] = strconv.Itoa(l)
			}
			return names
		}
	}
	return append(rules,
		Rule{GGUF: "mm.a.local_norm.weight", HF: "audio_encoder.input_local_transformer.norm.weight", Role: RoleTower, Shape: "heard"},
		Rule{GGUF: "mm.a.code_embd.weight", HF: "speech_embeddings.{c}.weight", Role: RoleTower, Shape: "codes code-rows heard", Store: "F32"},
		Rule{GGUF: "mm.a.mlp.1.weight", HF: "audio_encoder.projection.mlp.0.weight", Role: RoleTower, Shape: "heard-wide heard-stack"},
		Rule{GGUF: "mm.a.mlp.2.weight", HF: "audio_encoder.projection.mlp.2.weight", Role: RoleTower, Shape: "heard-text heard-wide"})
}()

// lookMiMo takes from tensors what the keys do not tell.
func lookMiMo(src *formats.Source, p *Params) {
	p.Hear.LocalFF, p.Hear.Out = heightOf(src, "mm.a.local_blk.0.ffn_gate.weight"), heightOf(src, "mm.a.mlp.1.weight")
	p.HeadDim = heightOf(src, "v.blk.0.attn_qkv.weight") / max(1, p.Heads+2*p.KVHeads)
	if t := src.Tensor("mm.a.code_embd.weight"); t != nil && len(t.Shape) == 3 {
		p.Hear.CodeRows = t.Shape[1]
	}
}

// readMiMo adds what lies in the folder with the encoder of sound, whose codebooks become one tensor, and the sizes that no configuration tells.
func readMiMo(src *formats.Source, c *Config) (*Config, error) {
	if err := src.Attach(audioTokenizer+"/model.safetensors", inTokenizer); err != nil {
		return nil, err
	}
	if _, ok := c.root[audioTokenizer]; !ok {
		own, err := ReadConfig(src, audioTokenizer+"/config.json")
		if err != nil {
			return nil, err
		}
		c = c.with(audioTokenizer, own.root)
	}
	var own, others []*formats.Tensor
	var found books
	for _, t := range src.Tensors {
		var n int
		_, err := fmt.Sscanf(t.Name, bookName, &n)
		switch {
		case !strings.HasPrefix(t.Name, inTokenizer):
			others = append(others, t)
		case err != nil || t.Name != fmt.Sprintf(bookName, n):
			own = append(own, t)
		case n < 0 || n > 1<<10 || len(t.Shape) != 2:
			return nil, &formats.Error{File: src.Path, Tensor: t.Name, Err: formats.Corrupt("is no matrix of few codebooks")}
		default:
			found = append(found, make([]*formats.Tensor, max(0, n+1-len(found)))...)
			found[n] = t
		}
	}
	if len(found) > 0 {
		whole, err := found.stacked()
		if err != nil {
			return nil, &formats.Error{File: src.Path, Err: err}
		}
		own = append(own, whole)
	}
	src.Tensors = append(own, others...)
	return c.withRows(src), nil
}

// withRows is the configuration with the heights of codebooks, of embeddings of codes, and of the projector's first matrix.
func (c *Config) withRows(src *formats.Source) *Config {
	if t := src.Tensor(inTokenizer + "codebooks"); t != nil {
		if rows, ok := t.Rows.(bookRows); ok {
			var sizes []any
			for _, book := range rows.books {
				sizes = append(sizes, float64(book.Shape[0]))
			}
			c = c.with("codebooks", sizes)
		}
	}
	for key, name := range map[string]string{"rows_of_codes": "speech_embeddings.0.weight", "rows_of_projector": "audio_encoder.projection.mlp.0.weight"} {
		if t := src.Tensor(name); t != nil && len(t.Shape) == 2 {
			c = c.with(key, float64(t.Shape[0]))
		}
	}
	return c
}

// books are codebooks, of one width and of different heights.
type books []*formats.Tensor

// stacked is one tensor of all, those that are lower with rows of zeros below.
func (b books) stacked() (*formats.Tensor, error) {
	height := 0
	for i, t := range b {
		if t == nil || t.Rows == nil || t.Cols() != b[len(b)-1].Cols() {
			return nil, formats.Corrupt("codebook %d of %d is missing, of another width, or cannot be decoded", i, len(b))
		}
		height = max(height, t.Shape[0])
	}
	whole := Floats(inTokenizer+"codebooks", nil)
	whole.Shape, whole.Raw = []int{len(b), height, b[0].Cols()}, nil
	whole.Rows = bookRows{b, height}
	return whole, nil
}

type bookRows struct {
	books  books
	height int
}

func (r bookRows) ReadRows(dst []float32, row int) error {
	for n := r.books[0].Cols(); len(dst) > 0; dst, row = dst[n:], row+1 {
		t := r.books[row/r.height]
		if row%r.height >= t.Shape[0] {
			clear(dst[:n])
		} else if err := t.Rows.ReadRows(dst[:n], row%r.height); err != nil {
			return err
		}
	}
	return nil
}

var mimoTowerRefuses = append(slices.Clone(qwenTowerRefuses),
	Refusal{HF: "vision_config.hidden_act", Unless: []string{"silu"}, Why: "the tower's activation function is not silu"},
	Refusal{HF: "vision_config.use_sink", Unless: []string{"true"}, Why: "bands without numbers for what is not seen"},
	Refusal{HF: audioTokenizer + ".kernel_size", Unless: []string{"3"}, Why: "convolutions of other than three instants"},
	Refusal{HF: audioTokenizer + ".stride_size", Unless: []string{"2"}, Why: "instants are left out otherwise"},
	Refusal{HF: audioTokenizer + ".avg_pooler", Unless: []string{"2"}, Why: "instants are joined otherwise"},
	Refusal{HF: audioTokenizer + ".encoder_skip_layer_id", Unless: []string{"3"}, Why: "another layer is added behind the last"},
	Refusal{HF: audioTokenizer + ".encoder_causal", Unless: []string{"true"}, Why: "instants that hear those behind them"},
	Refusal{HF: audioTokenizer + ".rope_theta", Unless: []string{"10000"}, Why: "instants are rotated with another base"},
	Refusal{HF: audioTokenizer + ".sampling_rate", Unless: []string{"24000"}, Why: "another rate of sound, and runtimes have one built in"},
	Refusal{HF: audioTokenizer + ".hop_length", Unless: []string{"240"}, Why: "instants of another length, and runtimes have one built in"},
	Refusal{HF: audioTokenizer + ".nfft", Unless: []string{"960"}, Why: "other spectra, and runtimes have one kind built in"},
	Refusal{HF: audioTokenizer + ".window_size", Unless: []string{"960"}, Why: "other spectra, and runtimes have one kind built in"},
	Refusal{HF: audioTokenizer + ".ln_type", Unless: []string{"LayerNorm"}, Why: "other norms"},
	Refusal{HF: audioTokenizer + ".scale_embedding", Unless: []string{"false"}, Why: "embeddings of sounds are multiplied"},
	Refusal{HF: audioTokenizer + ".activation_function", Unless: []string{"gelu"}, Why: "the activation function of the tower that hears is not gelu"},
	Refusal{HF: "audio_config.input_full_attention", Unless: []string{"true"}, Why: "codes that see only those before"},
	Refusal{HF: "audio_config.add_post_norm", Unless: []string{"true"}, Why: "no norm behind the last layer"},
	Refusal{HF: "audio_config.projection_layers", Unless: []string{"2"}, Why: "the projector is not two matrices"},
	Refusal{HF: "audio_config.rope_theta", Unless: []string{"640000"}, Why: "codes are rotated with another base, and runtimes have one built in"},
	Refusal{HF: "audio_config.partial_rotary_factor", Unless: []string{"1"}, Why: "parts of heads are rotated"})

// finishMiMoTower finds which layers that hear have a window, and refuses what runtimes take for granted.
func finishMiMoTower(c *Config, p *Params) error {
	v, h := &p.Vision, &p.Hear
	if v.Window < 1 {
		return c.fail("vision_config.visual_token_window_size", formats.Unsupported("is %d: bands of no patches", v.Window), "")
	}
	for l, kind := range v.Bands {
		if kind < -1 || kind > 1 || (kind == -1) != slices.Contains(v.Full, int32(l)) {
			return c.fail("vision_config.vit_window_attn_types", formats.Unsupported("%v has kinds other than -1 for layers %v, which see the whole image, and 0 and 1 for the others", v.Bands, v.Full), "")
		}
	}
	var window []int32
	if w, _ := c.Value(audioTokenizer + ".encoder_attn_window_size"); w != nil {
		if err := c.assignInts(audioTokenizer+".encoder_attn_window_size", w, &window); err != nil {
			return err
		}
	}
	if len(window) != 2 || window[0] < 1 || window[1] != 0 {
		return c.fail(audioTokenizer+".encoder_attn_window_size", formats.Unsupported("is %v, which is no number of instants before one", window), "")
	}
	h.Window = int(window[0])
	some, err := c.Bool(audioTokenizer + ".hybrid_attention")
	if err != nil {
		return err
	}
	every, err := c.Float(audioTokenizer+".swa_per_block", 1)
	if err != nil || h.Layers > 512 {
		return err
	}
	h.Bands = slices.Repeat([]int32{-1}, max(0, h.Layers))
	for l := range h.Bands {
		if some && every > 1 && float64(l%int(every)) < every-1 {
			h.Bands[l] = 0
		}
	}
	for key, want := range map[string]int{"input_local_dim": h.Embd, "input_local_attn_heads": h.Heads, "audio_channels": h.Codes} {
		if n, err := c.Float("audio_config."+key, float64(want)); err != nil {
			return err
		} else if n != float64(want) {
			return c.fail("audio_config."+key, formats.Unsupported("is %v where the encoder of sound has %d, and a runtime takes them to be the same", n, want), "")
		}
	}
	if h.Layers < 3 {
		return c.fail(audioTokenizer+".encoder_layers", formats.Unsupported("%d layers, and what the third makes is added behind the last", h.Layers), "")
	}
	return nil
}
