package convert

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// every is an adapter for all matrices of all layers of a base, of several ranks.
func every(t *testing.T, base *formats.Source) *peftMade {
	t.Helper()
	turned := base.Tensor("h.0.attn.c_attn.weight") != nil || base.Tensor("transformer.h.0.attn.c_attn.weight") != nil
	m := newAdapter(map[string]any{"rank_pattern": map[string]int{"k_proj": 3}, "fan_in_fan_out": turned})
	for _, x := range base.Tensors {
		name := strings.TrimSuffix(x.Name, ".weight")
		rank := 4
		if strings.HasSuffix(name, "k_proj") {
			rank = 3
		}
		switch {
		case len(x.Shape) == 2 && strings.Contains(name, ".layers."):
			m.linear(name, x.Shape[0], x.Shape[1], rank)
		case len(x.Shape) == 2 && turned && strings.Contains(name, "h."):
			m.linear(name, x.Shape[1], x.Shape[0], rank)
		}
	}
	return m
}

// A folder becomes a GGUF adapter and comes back with the same numbers under the same names; merged into the GGUF of the base it makes
// the file that the folder makes, merged into the base's folder.
func TestAdapterThereAndBack(t *testing.T) {
	for _, name := range []string{"llama", "qwen2", "mixtral", "phi3", "gemma3", "gpt2"} {
		t.Run(name, func(t *testing.T) {
			dir := shared(t, "golden", "arch", name, "hf")
			base := open(t, dir)
			if name == "mixtral" {
				base = perExpert(t, base)
			}
			gguf := converted(t, dir, "F32")
			a := every(t, base).open(t)
			out := filepath.Join(t.TempDir(), "a.gguf")
			if _, err := WriteAdapter(a, base, out, quantize.F32, false); err != nil {
				t.Fatal(err)
			}
			file := open(t, out)
			if x, _ := file.Meta.Float("adapter.lora.alpha"); file.Meta.String("general.type") != "adapter" || file.Meta.String("adapter.type") != "lora" || x == 0 {
				t.Errorf("alpha %v, keys %v", x, file.Meta.Keys())
			}
			for _, from := range []*formats.Source{base, gguf} {
				back, err := AdapterOfGGUF(out, from)
				if err != nil {
					t.Fatal(err)
				}
				defer back.Close()
				sameModules(t, back, a, from == base)
				if name == "mixtral" {
					continue // a GGUF is rebuilt with each expert by itself, as here
				}
				x, y := merged(t, base, []float64{1}, a), merged(t, gguf, []float64{1}, back)
				for _, w := range x.Tensors {
					if g := y.Tensor(w.Name); name != "gemma3" && !slices.Equal(floatRows(t, g), floatRows(t, w)) {
						t.Errorf("%s differs when everything is merged as GGUF", w.Name)
					}
				}
			}
			folder := filepath.Join(t.TempDir(), "peft")
			back, err := AdapterOfGGUF(out, base)
			if err != nil {
				t.Fatal(err)
			}
			defer back.Close()
			if err := WriteFolder(back, folder, "base", false); err != nil {
				t.Fatal(err)
			}
			again, err := OpenAdapter(folder)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			sameModules(t, again, a, true)
		})
	}
}

// perExpert is a base whose experts lie one by one.
func perExpert(t *testing.T, base *formats.Source) *formats.Source {
	t.Helper()
	m, err := Rebuilt(converted(t, base.Path, "F32"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sameModules(t *testing.T, got, want *Adapter, names bool) {
	t.Helper()
	if len(got.modules) != len(want.modules) {
		t.Fatalf("%d modules, want %d", len(got.modules), len(want.modules))
	}
	for i, w := range want.modules {
		g := got.modules[i]
		if names && g.name != w.name || g.rank != w.rank || float32(g.scale) != float32(w.scale) {
			t.Errorf("%s of rank %d, times %v; want %s, %d, %v", g.name, g.rank, g.scale, w.name, w.rank, w.scale)
		}
		if !slices.Equal(floatRows(t, g.a), floatRows(t, w.a)) || !slices.Equal(floatRows(t, g.b), floatRows(t, w.b)) {
			t.Errorf("%s has other numbers", w.name)
		}
	}
}

// Embeddings are turned in a GGUF adapter; heads that are embeddings, lengths and whole tensors have no place in one.
func TestAdapterOfEmbedding(t *testing.T) {
	m := newAdapter(nil)
	m.add("model.embed_tokens.lora_embedding_B", 256, 4)
	m.add("model.embed_tokens.lora_embedding_A", 4, 512)
	base := open(t, shared(t, "golden", "arch", "llama", "hf"))
	a, out := m.open(t), filepath.Join(t.TempDir(), "a.gguf")
	if _, err := WriteAdapter(a, base, out, quantize.F32, false); err != nil {
		t.Fatal(err)
	}
	if x := open(t, out).Tensor("token_embd.weight.lora_a"); !slices.Equal(x.Shape, []int{512, 4}) {
		t.Errorf("shape %v", x.Shape)
	}
	back, err := AdapterOfGGUF(out, base)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	sameModules(t, back, a, true)

	for why, m := range map[string]*peftMade{
		"lengths": func() *peftMade {
			m := newAdapter(map[string]any{"use_dora": true})
			m.linear(qName, 256, 256, 4)
			m.add(qName+".lora_magnitude_vector.weight", 256)
			return m
		}(),
		"whole": func() *peftMade { m := newAdapter(nil); m.add("lm_head.weight", 512, 256); return m }(),
		"place": func() *peftMade { m := newAdapter(nil); m.linear("model.layers.9.mlp.up_proj", 512, 256, 4); return m }(),
	} {
		if _, err := WriteAdapter(m.open(t), base, filepath.Join(t.TempDir(), "b.gguf"), quantize.F32, false); err == nil {
			t.Errorf("%s: was written", why)
		}
	}
	m = newAdapter(nil)
	m.add("model.embed_tokens.lora_embedding_B", 64, 4)
	m.add("model.embed_tokens.lora_embedding_A", 4, 512)
	tied := open(t, shared(t, "golden", "arch", "llama31", "hf"))
	if _, err := WriteAdapter(m.open(t), tied, filepath.Join(t.TempDir(), "c.gguf"), quantize.F32, false); err == nil {
		t.Error("an adapter that runtimes do not load was written")
	}
}

// A matrix that a runtime multiplies with past every adapter is refused: the file would do less than was trained.
func TestAdapterOfLatentAttention(t *testing.T) {
	base := open(t, shared(t, "golden", "arch", "deepseek2", "hf"))
	for name, says := range map[string]string{"q_b_proj": "no adapter", "kv_a_proj_with_mqa": "no adapter", "o_proj": ""} {
		m := newAdapter(nil)
		for _, x := range base.Tensors {
			if strings.Contains(x.Name, name) {
				m.linear(strings.TrimSuffix(x.Name, ".weight"), x.Shape[0], x.Shape[1], 4)
			}
		}
		_, err := WriteAdapter(m.open(t), base, filepath.Join(t.TempDir(), "a.gguf"), quantize.F32, false)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
