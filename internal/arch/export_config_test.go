package arch

import (
	"encoding/json"
	"testing"

	"quern/formats"
)

// inGGUF is a bound checkpoint as a GGUF file tells it.
func inGGUF(t *testing.T, name string, there *Bound) *Bound {
	t.Helper()
	file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: there.Tensors}
	file.Meta.Set("general.architecture", there.Arch.Name)
	there.Arch.WriteKeys(&file.Meta, &there.Params, func(string) {})
	file.Meta.Set("tokenizer.ggml.tokens", make([]string, there.Params.Vocab))
	b, err := Bind(file)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

// The config.json of what went into a GGUF comes back: another checkpoint with it is bound to the same model, and its class is one of
// the same model type where the type matters.
func TestConfigThereAndBack(t *testing.T) {
	done := 0
	for name, text := range configurations(t) {
		there, err := Bind(tinyOf(t, text, false).source())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b := inGGUF(t, name, there)
		folder, err := b.Folder()
		if tellingOf(there.Config.root["model_type"].(string)).Cannot == needsTower {
			if err == nil {
				t.Errorf("%s: made a folder that lacks its tower", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := json.Marshal(folder.Config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Bind(tinyOf(t, again, false).source()); err != nil {
			t.Errorf("%s: %v in %s", name, err, again)
		}
		t.Logf("%s: %s", name, again)
		done++
	}
	if done < 40 {
		t.Errorf("%d configurations came back", done)
	}
}
