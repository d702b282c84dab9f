package arch

import (
	"slices"

	"quern/formats"
)

// Qwen3HearsTower is what Qwen3-ASR hears with, in the layout of its authors and in the library's: three convolutions over instants and frequencies, each of which halves both,
// of one second at a time, layers like Whisper's whose keys have biases, and a projector of two matrices.
var Qwen3HearsTower = registerTower(Arch{
	Projector: "qwen3a",
	Variants: []Variant{
		{Type: "qwen3_asr", HF: []string{"Qwen3ASRForConditionalGeneration"}, Language: "Qwen3VLForConditionalGeneration", // whose rotations are qwen3's in a text
			Inner:    map[string]map[string]any{"qwen3": onlyHears, "qwen3_asr_text": onlyHears, "qwen3_asr": onlyHears},
			Defaults: with(qwen3Hears, map[string]any{"audio_config.encoder_layers": 24, "audio_config.encoder_attention_heads": 16, "audio_config.encoder_ffn_dim": 4096, "audio_config.d_model": 1024})},
	},
	Own: []string{"audio_tower.*", "multi_modal_projector.*"},
	Keys: slices.Concat([]Key{{GGUF: "general.file_type"}}, alwaysHearing("audio_config."), hearingEnds("", "audio_config.num_mel_bins"), []Key{
		projectorAt("clip.audio.projector_type", "qwen3a"),
		qwen3Planes,
	}),
	Tensors: hearing(qwen3Heard, affine("mm.a.mlp.1", "audio_tower.proj1", "heard heard"), affine("mm.a.mlp.1", "multi_modal_projector.linear_1", "heard heard"),
		affine("mm.a.mlp.2", "audio_tower.proj2", "heard-text heard"), affine("mm.a.mlp.2", "multi_modal_projector.linear_2", "heard-text heard")),
	Refuse: qwen3HearsRefuses,
	Look:   lookQwen3Hears,
})

// qwen3Hears are what the library assumes of towers of this kind.
var qwen3Hears = map[string]any{
	"audio_config.encoder_layers": 32, "audio_config.encoder_attention_heads": 20, "audio_config.encoder_ffn_dim": 5120, "audio_config.d_model": 1280, "audio_config.num_mel_bins": 128,
	"audio_config.downsample_hidden_size": 480, "audio_config.activation_function": "gelu", "audio_config.scale_embedding": false, "audio_config.n_window": 50,
	"audio_config.n_window_infer": 800,
}

var qwen3HearsRefuses = []Refusal{
	{HF: "audio_config.activation_function", Unless: []string{"gelu"}, Why: "the activation function of the tower that hears is not gelu"},
	{HF: "audio_config.scale_embedding", Unless: []string{"false"}, Why: "embeddings of sounds are multiplied"},
	{HF: "audio_config.n_window", Unless: []string{"50"}, Why: "convolutions are given other than one second of sound at a time, which runtimes have built in"},
	{HF: "audio_config.n_window_infer", Unless: []string{"800"}, Why: "layers see other than eight seconds at a time, which runtimes have built in"},
}

var qwen3Planes = Key{HF: []string{"audio_config.downsample_hidden_size"}, Field: func(p *Params) any { return &p.Hear.Planes }, Default: nothing, When: never}

// qwen3Heard are its tensors before the projector.
var qwen3Heard = slices.Concat([]Rule{madePlaces},
	qwen3Convolution("1", "planes 1 three three"), qwen3Convolution("2", "planes planes three three"), qwen3Convolution("3", "planes planes three three"), []Rule{
		{GGUF: "a.conv_out.weight", HF: "audio_tower.conv_out.weight", Role: RoleTower, Shape: "heard planes-bands", Store: "F16"},
	}, whisperLayers("audio_tower.layers.{}."), []Rule{
		{GGUF: "a.blk.{}.attn_k.bias", HF: "audio_tower.layers.{}.self_attn.k_proj.bias", Role: RoleTower, Shape: "heard"},
	}, affine("a.post_ln", "audio_tower.ln_post", "heard"))

func qwen3Convolution(n, shape string) []Rule {
	return []Rule{
		{GGUF: "a.conv2d." + n + ".weight", HF: "audio_tower.conv2d" + n + ".weight", Role: RoleTower, Shape: shape, Store: "F16"},
		{GGUF: "a.conv2d." + n + ".bias", HF: "audio_tower.conv2d" + n + ".bias", Role: RoleTower, Shape: "planes 1 1", From: "planes",
			Do: ofOnePlace},
	}
}

// ofOnePlace makes a vector one number of each plane.
var ofOnePlace = Op{Name: "of one place",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return regrouped(t, t.Shape[0], 1, 1) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return regrouped(t, t.Shape[0]) },
}

func lookQwen3Hears(src *formats.Source, p *Params) {
	if t := src.Tensor("a.conv2d.1.weight"); t != nil && len(t.Shape) == 4 {
		p.Hear.Planes = t.Shape[0]
	}
}

// madePlaces are the embeddings of instants of towers that compute them, which runtimes want in the file: as many as half a minute has.
var madePlaces = Rule{GGUF: "a.position_embd.weight", Role: RoleTower, Shape: "half-minute heard", Store: "F32", Do: Op{Name: "make", Make: func(p *Params) *formats.Tensor {
	if !p.Hear.Has || p.Hear.Embd < 4 || p.Hear.Embd%2 != 0 {
		return nil
	}
	t := Floats("a.position_embd.weight", nil)
	t.Shape, t.Rows, t.Raw = []int{halfMinute, p.Hear.Embd}, sinusoids(p.Hear.Embd), nil
	return t
}}}

const halfMinute = 1500

// sinusoids are rows of so many numbers: sines of an instant times falling frequencies, from 1 to 1/10000, then cosines, each step rounded to float32 like the library's.
type sinusoids int

func (width sinusoids) ReadRows(dst []float32, row int) error {
	n := int(width) / 2
	step := float32(-Natural(10000) / float64(n-1))
	for ; len(dst) >= 2*n; dst, row = dst[2*n:], row+1 {
		for i := range n {
			f := float32(Exponential(float64(step * float32(i))))
			sin, cos := Sincos(float64(float32(row) * f))
			dst[i], dst[n+i] = float32(sin), float32(cos)
		}
	}
	return nil
}
