package arch

import (
	"errors"
	"strings"
	"testing"

	"quern/formats"
)

// Where GLM-ASR rotates heads, a plan says that runtimes do not, and a file of it does not know; what the model makes no use of is left out by name.
func TestGlmAsr(t *testing.T) {
	for _, rotates := range []any{true, false, nil} {
		config := sees(t)["glma"]
		config["use_rope"] = rotates
		if rotates == nil {
			delete(config, "use_rope")
		}
		c := towerOfConfig(t, config)
		c.tensors = append(c.tensors, numbers("audio_encoder.proj.weight", 16, 12))
		b, err := BindTower(c.source())
		if err != nil {
			t.Fatal(err)
		}
		if said := b.Arch.Mistaken(b); strings.Contains(said, "rotates nothing") != (rotates != false) {
			t.Errorf("use_rope is %v: %q", rotates, said)
		}
		if len(b.Dropped) != 1 {
			t.Errorf("left out are %v", b.Dropped)
		}
		file := &formats.Source{Path: "mmproj.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", clip)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		again, err := Bind(file)
		if err != nil {
			t.Fatal(err)
		}
		if said := again.Arch.Mistaken(again); said != "" {
			t.Errorf("of a file: %q", said)
		}
	}
}

// In the library's layout it has no places, and is refused with that reason; its projector's kind is asked for, too.
func TestGlmAsrRefuses(t *testing.T) {
	for _, c := range []struct {
		config map[string]any
		say    string
	}{
		{map[string]any{"architectures": []string{"GlmAsrForConditionalGeneration"}}, "holds no embeddings of places"},
		{with(sees(t)["glma"], map[string]any{"mlp_adapter_act": "relu"}), "is not gelu"},
		{with(sees(t)["glma"], map[string]any{"adapter_type": "conv"}), "is not two matrices"},
	} {
		made := &checkpoint{config: c.config}
		_, err := BindTower(made.source())
		if e := (*formats.Error)(nil); !errors.As(err, &e) || !strings.Contains(e.Error()+e.Hint, c.say) {
			t.Errorf("want %q, have %v", c.say, err)
		}
	}
}
