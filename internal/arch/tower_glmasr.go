package arch

import (
	"slices"

	"quern/formats"
)

// GlmAsrTower is what GLM-ASR hears with, in the layout of its authors (the class GlmasrModel, as zai-org/GLM-ASR-Nano-2512 was published): Whisper's encoder without its last norm, a norm of the
// projector's own, and two matrices that are given several instants at once. Two embeddings stand around those of a sound. The model rotates half of each head and adds no places; runtimes add
// those that the checkpoint still holds and rotate nothing (tools/mtmd/models/whisper-enc.cpp of llama.cpp), which Mistaken says.
var GlmAsrTower = registerTower(glmAsr())

var (
	glmAsrAt = whisperAt{"audio_encoder.whisper.", "whisper_config.", []string{"audio_encoder.*"}}

	// glmAsrText is what the library assumes of the language model, whose layout of the whole holds no places (wrappers.go).
	glmAsrText = map[string]map[string]any{"llama": {
		"vocab_size": 59264, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 4,
		"max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
	}}
)

func glmAsr() Arch {
	a := glmAsrAt.tower("glma", "F16", Variant{
		Type: "glmasr", HF: []string{"GlmasrModel"}, Language: "LlamaForCausalLM", Inner: glmAsrText,
		Defaults: with(glmAsrAt.defaults(), map[string]any{"merge_factor": 4, "mlp_adapter_act": "gelu", "adapter_type": "mlp"}),
	}, slices.Concat(affine("mm.a.norm_pre", "audio_encoder.layer_norm", "heard"),
		affine("mm.a.mlp.1", "audio_encoder.adapting.0", "heard-out heard-stack"),
		affine("mm.a.mlp.2", "audio_encoder.adapting.2", "heard-text heard-out"), []Rule{
			{GGUF: "v.boi", HF: "audio_encoder.audio_bos_eos_token.weight", Role: RoleTower, Shape: "heard-text", From: "2 heard-text", Do: rowOfTwo("first row", 0)},
			{GGUF: "v.eoi", HF: "audio_encoder.audio_bos_eos_token.weight", Role: RoleTower, Shape: "heard-text", From: "2 heard-text", Do: rowOfTwo("second row", 1)},
		}), []Key{framesAtOnce(4, "merge_factor")}, func(_ *Config, p *Params) error {
		p.Hear.Out = 2 * p.Hear.Text
		return nil
	})
	a.Tensors = slices.DeleteFunc(a.Tensors, func(r Rule) bool { return r.GGUF == "a.post_ln.weight" || r.GGUF == "a.post_ln.bias" })
	a.Drop = []string{"audio_encoder.proj.*"} // the model has no use for it
	a.Refuse = append(a.Refuse,
		Refusal{HF: "mlp_adapter_act", Unless: []string{"gelu"}, Why: "the projector's activation function is not gelu"},
		Refusal{HF: "adapter_type", Unless: []string{"mlp"}, Why: "the projector is not two matrices"})
	places := a.Look
	a.Look = func(src *formats.Source, p *Params) {
		places(src, p)
		p.Hear.Out = heightOf(src, "mm.a.mlp.1.weight")
	}
	a.Mistaken = func(b *Bound) string {
		if b.Config == nil {
			return "" // a file does not tell
		}
		if rotates, ok := b.Config.Value("use_rope"); ok && rotates == false {
			return ""
		}
		return "the model rotates half of each head and adds no embeddings of places (use_rope); llama.cpp adds those that the checkpoint still holds and rotates nothing: it hears with another tower than the model's, and no file can tell it otherwise"
	}
	return a
}

// rowOfTwo is one row of a matrix of two, as a vector.
func rowOfTwo(name string, i int) Op {
	half := part(name, i, 2)
	return Op{Name: name,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			t = half.Forward(t, p)
			return regrouped(t, t.Shape[1])
		},
		Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
			var rows []*formats.Tensor
			for _, t := range parts {
				rows = append(rows, regrouped(t, 1, t.Shape[0]))
			}
			return half.Join(rows, p)
		},
	}
}
