package convert

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Rows that were cut for processors take no adapter.
func TestMergeRefusesPartsOfProcessors(t *testing.T) {
	base := &formats.Source{Path: t.TempDir(), Format: &formats.Format{Name: "hf"}, File: func(name string) ([]byte, error) { return []byte(`{}`), nil }}
	m := newAdapter(nil)
	v := m.add("model.layers.0.self_attn.qkv_proj.weight", 8, 4)
	base.Tensors = []*formats.Tensor{{Name: "model.layers.0.self_attn.qkv_proj.weight", Shape: []int{8, 4}, Type: quantize.ByName("F32"), Rows: memoryRows{v, 4}, Ranks: 2}}
	m.tensors = nil
	m.linear("model.layers.0.self_attn.qkv_proj", 8, 4, 4)
	if _, _, err := Merge(base, []*Adapter{m.open(t)}, []float64{1}); !errors.Is(err, formats.ErrUnsupported) {
		t.Error(err)
	}
}

// An adapter with the library's names of modules is added to a checkpoint with those of published files.
func TestMergeByOtherNames(t *testing.T) {
	config := json.RawMessage(`{"architectures": ["BailingMoeV3ForCausalLM"], "model_type": "bailing_hybrid", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
		"num_attention_heads": 2, "layer_group_size": 2, "head_dim": 8, "q_lora_rank": null, "kv_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8, "first_k_dense_replace": 2}`)
	c, err := arch.ParseConfig("config.json", config)
	if err != nil {
		t.Fatal(err)
	}
	base := &formats.Source{Path: t.TempDir(), Format: &formats.Format{Name: "hf"}, File: func(name string) ([]byte, error) {
		if name == "config.json" {
			return config, nil
		}
		return nil, os.ErrNotExist
	}}
	if base.Tensors, err = arch.Expected(c, false); err != nil {
		t.Fatal(err)
	}
	m := newAdapter(nil)
	for _, x := range base.Tensors {
		v := m.add(x.Name, x.Shape...)
		x.Rows, x.Raw = memoryRows{v, x.Cols()}, arch.Floats(x.Name, v).Raw
	}
	m.tensors = nil
	for theirs, ours := range map[string]string{"model.layers.0.self_attn.o_proj": "model.layers.0.attention.o_proj", "model.layers.1.self_attn.o_proj": "model.layers.1.attention.dense"} {
		b, a := m.linear(theirs, 16, 16, 4)
		out := merged(t, base, []float64{1}, m.open(t))
		if !near(weight(t, out, ours), naive(weight(t, base, ours), b, a, 16, 16, 4, 1.5)) {
			t.Errorf("%s: other numbers than the naive sum", ours)
		}
		m.tensors = nil
	}
}
