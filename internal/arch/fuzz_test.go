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

// What a configuration demands is understood when it is there, and every row of it can be read, there and back.
func FuzzExpected(f *testing.F) {
	for _, text := range tinyFamilies(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig("config.json", text)
		if err != nil {
			return
		}
		list, err := Expected(c, len(text)%2 == 1)
		if err != nil {
			if !errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		most := 0
		for _, x := range list {
			most = max(most, x.Elems())
		}
		if len(list) > 2000 || most > 1<<20 {
			return
		}
		src := (&checkpoint{tensors: list}).source()
		src.File = func(string) ([]byte, error) { return text, nil }
		for _, x := range list {
			x.Rows = counting(x.Cols())
		}
		b, err := Bind(src)
		if err != nil {
			return // settings that are refused
		}
		back, err := b.Unbind()
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range append(b.Tensors, back...) {
			for _, row := range []int{0, x.NumRows() - 1} {
				if x.Elems() > 0 && x.Rows.ReadRows(make([]float32, x.Cols()), row) != nil {
					t.Fatalf("row %d of %s %v cannot be read", row, x.Name, x.Shape)
				}
			}
		}
	})
}
