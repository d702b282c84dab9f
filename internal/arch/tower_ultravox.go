package arch

import "quern/formats"

// UltravoxTower is what Ultravox is: Whisper's encoder and a projector between RMS norms, for a language model that was published on its own and stayed as it was. The
// projector is given several instants at once, and half of its middle gates the other half (the published code, ultravox_model.py).
var UltravoxTower = registerTower(ultravox())

func ultravox() Arch {
	a := usualWhisper.tower("ultravox", "F16", Variant{
		Type: "ultravox", HF: []string{"UltravoxModel"}, Language: "UltravoxModel", // of which there is none
		Defaults: with(whisperDefaults, map[string]any{"hidden_size": 4096, "stack_factor": 8, "projector_act": "swiglu", "projector_ln_mid": false}),
	}, []Rule{
		{GGUF: "mm.a.norm_pre.weight", HF: "multi_modal_projector.ln_pre.weight", Role: RoleTower, Shape: "heard-stack"},
		{GGUF: "mm.a.mlp.1.weight", HF: "multi_modal_projector.linear_1.weight", Role: RoleTower, Shape: "heard-out heard-stack"},
		{GGUF: "mm.a.norm_mid.weight", HF: "multi_modal_projector.ln_mid.weight", Role: RoleTower, Shape: "half-out"},
		{GGUF: "mm.a.mlp.2.weight", HF: "multi_modal_projector.linear_2.weight", Role: RoleTower, Shape: "heard-text half-out"},
	}, []Key{
		framesAtOnce(8, "stack_factor"),
		{HF: []string{"hidden_size"}, Field: func(p *Params) any { return &p.Hear.Out }, Default: nothing, When: never},
	}, nil)
	a.Refuse = append(a.Refuse,
		Refusal{HF: "projector_act", Unless: []string{"swiglu"}, Why: "half of the projector's middle does not gate the other"},
		Refusal{HF: "projector_ln_mid", Unless: []string{"true"}, Why: "the projector's second norm is behind it, where runtimes have it in its middle"})
	places := a.Look
	a.Look = func(src *formats.Source, p *Params) {
		places(src, p)
		p.Hear.Out = heightOf(src, "mm.a.mlp.1.weight")
	}
	return a
}
