package arch

import "maps"

// SarashinaTower is the tower of Sarashina 2.2 Vision: Qwen2-VL's, and a norm behind its projector, for which llama.cpp's computation has no room (as in SGLang's class of the model, the norm
// has the width of the language model, a mean and a bias). The file is the reference converter's, without that norm, and the plan says so.
var SarashinaTower = registerTower(sarashina())

func sarashina() Arch {
	a := *Qwen2Tower
	v := a.Variants[0]
	v.Type, v.HF, v.Language = "sarashina2_vision", []string{"Sarashina2VisionForCausalLM"}, "LlamaForCausalLM"
	v.Defaults = maps.Clone(v.Defaults)
	a.Variants = []Variant{v}
	a.Own = []string{"visual.*", "norm.*"}
	a.Drop = []string{"norm.weight", "norm.bias"}
	a.Mistaken = func(*Bound) string {
		return "runtimes give the language model what the projector makes, without the norm that stands behind it in this model (norm.weight): what it says of images is not what the model says"
	}
	return a
}
