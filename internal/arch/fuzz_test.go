package arch

import (
	"encoding/json"
	"errors"
	"testing"

	"quern/formats"
)

// Whatever a config.json says, Bind understands it or refuses it with a kind of error, and never panics.
func FuzzBind(f *testing.F) {
	for _, change := range []map[string]any{nil, {"rope_scaling": map[string]any{"type": "linear", "factor": 4.0}}, {"head_dim": 6, "attention_bias": true},
		{"rope_parameters": map[string]any{"rope_type": "llama3", "factor": 8, "rope_theta": 5e5}}, {"architectures": []string{"MistralForCausalLM"}, "model_type": "mistral"}} {
		text, _ := json.Marshal(tiny(change).config)
		f.Add(text)
	}
	tensors := tiny(nil).tensors
	f.Fuzz(func(t *testing.T, text []byte) {
		src := (&checkpoint{tensors: tensors}).source()
		src.File = func(string) ([]byte, error) { return text, nil }
		b, err := Bind(src)
		if err != nil && !errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
			t.Fatalf("an error of no kind: %v", err)
		}
		if err == nil && len(b.Tensors) != len(b.Origins) {
			t.Fatal("tensors without origins")
		}
	})
}
