package arch

// Kimi K2.5 is a DeepSeek-V3 that sees. Its tower (MoonViT) has no rules here: the language model is converted, and what the tower's tensors
// are is known, so that they are named instead of refused.
var _ = registerTower(Arch{
	Variants: []Variant{{Type: "kimi_k25", HF: []string{"KimiK25ForConditionalGeneration"}}},
	Own:      []string{"vision_tower.*", "mm_projector.*", "multi_modal_projector.*"},
})
