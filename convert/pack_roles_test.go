package convert

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
)

const towerMatrix = "visual.blocks.0.attn.qkv.weight"

// Whatever a family calls them, embeddings, routers and heads are no layers for a format of codes, nor is a tower; matrices that stand with inputs first are
// refused, with a hint.
func TestPackKnowsRoles(t *testing.T) {
	files, _ := filepath.Glob("../internal/model/testdata/families*.json")
	heads := map[string]bool{}
	for _, file := range files {
		var list []struct {
			Name   string
			Fused  bool
			Config json.RawMessage
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &list)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			c, err := arch.ParseConfig("config.json", f.Config)
			if err != nil {
				t.Fatal(err)
			}
			src := &formats.Source{Path: f.Name, Format: &formats.Format{Name: "hf"}, File: func(name string) ([]byte, error) {
				if name == "config.json" {
					return f.Config, nil
				}
				return nil, os.ErrNotExist
			}}
			if src.Tensors, err = arch.Expected(c, f.Fused); err != nil {
				t.Fatal(f.Name, err)
			}
			if f.Name == "qwen2vl" {
				src.Tensors = append(src.Tensors, &formats.Tensor{Name: towerMatrix, Shape: []int{96, 32}, Type: src.Tensors[0].Type})
			}
			for _, x := range src.Tensors {
				x.Rows = absent{}
			}
			p, err := NewPack(src, PackOptions{Format: "gptq", Group: 32})
			if strings.HasPrefix(f.Name, "gpt2") || f.Name == "jais" { // stored with inputs first
				if e, ok := err.(*formats.Error); !ok || e.Hint == "" {
					t.Errorf("%s: %v", f.Name, err)
				}
				continue
			}
			if err != nil && strings.Contains(err.Error(), "not whole") || f.Name == "gpt_oss" {
				continue // widths of tiny models
			}
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				continue
			}
			for i, x := range p.Tensors {
				if vocab := len(src.Tensors[i].Shape) > 0 && src.Tensors[i].Shape[0] == 96 && !strings.Contains(x.Name, "layers.") && !strings.Contains(x.Name, "blocks.") && !strings.Contains(x.Name, ".layer.") && !strings.Contains(x.Name, "h."); vocab && x.Codes {
					t.Errorf("%s: %s is to become codes", f.Name, x.Name)
				}
				if x.Codes && (strings.HasSuffix(x.Name, "mlp.gate.weight") || strings.HasSuffix(x.Name, "gate.wg.weight") || strings.Contains(strings.ReplaceAll(x.Name, "norm_attn_norm.", ""), "norm")) {
					t.Errorf("%s: the router or norm %s is to become codes", f.Name, x.Name)
				}
			}
			for _, s := range p.skip {
				heads[s] = true
			}
		}
	}
	for _, want := range []string{"lm_head", "output", "embed_out", "transformer.output_layer", strings.TrimSuffix(towerMatrix, ".weight")} {
		if !heads[want] {
			t.Errorf("no %s among %v", want, slices.Sorted(maps.Keys(heads)))
		}
	}
}
