package arch

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/golden"
	"quern/quantize"
)

// tinyOf is a checkpoint of a configuration, its numbers all different.
func tinyOf(t *testing.T, text []byte, last bool) *checkpoint {
	t.Helper()
	c, err := ParseConfig("config.json", text)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Expected(c, last)
	if err != nil {
		t.Fatal(err)
	}
	made := &checkpoint{}
	if err := json.Unmarshal(text, &made.config); err != nil {
		t.Fatal(err)
	}
	for i, x := range list {
		made.tensors = append(made.tensors, shifted(&formats.Tensor{Name: x.Name, Shape: x.Shape, Type: numbers("", 1).Type}, float32(i*4096)))
	}
	return made
}

// configurations are those of the golden checkpoints and of the tiny families of internal/model, by name.
func configurations(t *testing.T) map[string][]byte {
	all := map[string][]byte{}
	for _, name := range []string{"llama", "llama31", "mistral", "mixtral", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "phi3", "deepseek2", "deepseek3", "gpt2", "stablelm"} {
		text, err := os.ReadFile(golden.Path(t, "golden", "arch", name, "hf", "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = text
	}
	for name, text := range tinyFamilies(t) {
		all[name] = text
	}
	return all
}

// tinyFamilies are configurations of tiny models, by name.
func tinyFamilies(t testing.TB) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	files, _ := filepath.Glob("../model/testdata/families*.json")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []struct {
			Name   string
			Config json.RawMessage
		}
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(file, err)
		}
		for _, f := range list {
			all[f.Name] = f.Config
		}
	}
	return all
}

// A checkpoint becomes a GGUF and comes back with the same names, shapes and bits, from either layout of experts.
func TestThereAndBack(t *testing.T) {
	for name, text := range configurations(t) {
		for _, last := range []bool{false, true} {
			c := tinyOf(t, text, last)
			there, err := Bind(c.source())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: there.Tensors}
			file.Meta.Set("general.architecture", there.Arch.Name)
			there.Arch.WriteKeys(&file.Meta, &there.Params, func(string) {})
			file.Meta.Set("tokenizer.ggml.tokens", make([]string, there.Params.Vocab))
			again, err := Bind(file)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if again.Params.Window != there.Params.Window {
				t.Errorf("%s: its window is lost", name)
			}
			back, err := again.Unbind()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			back = slices.DeleteFunc(back, func(t *formats.Tensor) bool {
				return strings.Contains(t.Name, ".ple_embedding.") && t.Type == quantize.I64
			}) // which c leaves out
			c.settle(there)
			first := tinyOf(t, text, false)
			first.settle(there)
			sameCheckpoint(t, name, back, first.tensors, c.tensors, last)
		}
	}
}

// settle does what is not undone.
func (c *checkpoint) settle(b *Bound) {
	for _, o := range b.Origins {
		if o.Rule.Forms != nil {
			c.settleParts(&o, &b.Params)
			continue
		}
		if i := slices.IndexFunc(c.tensors, func(t *formats.Tensor) bool { return t.Name == o.Source }); i >= 0 && (o.Rule.Do.OneWay && !o.Rule.Do.Lent || o.Rule.Do.Near) {
			c.tensors[i] = o.Rule.Do.Forward(c.tensors[i], b.Params.At(o.Layer))
			if o.Rule.Do.Near {
				c.tensors[i] = o.Rule.Do.Inverse(c.tensors[i], b.Params.At(o.Layer))
			}
		} else if i >= 0 && o.Rule.Do.Rounds {
			c.tensors[i] = o.Rule.Do.Inverse(o.Rule.Do.Forward(c.tensors[i], b.Params.At(o.Layer)), b.Params.At(o.Layer))
			c.tensors[i].Name = o.Source
		}
	}
}

// settleParts is the same of tensors that one is made of.
func (c *checkpoint) settleParts(o *Origin, p *Params) {
	var at []int
	var parts []*formats.Tensor
	for _, name := range o.Parts {
		i := slices.IndexFunc(c.tensors, func(t *formats.Tensor) bool { return t.Name == name })
		at, parts = append(at, i), append(parts, c.tensors[i])
	}
	for i, one := range o.Rule.Do.Split(o.Rule.Do.Combine(parts, p), p) {
		was := c.tensors[at[i]]
		one = shapedAs(one, was.Shape...)
		one.Name = was.Name
		c.tensors[at[i]] = one
	}
}

// sameCheckpoint compares with what went in, or where that was in the other layout, with its names and shapes.
func sameCheckpoint(t *testing.T, name string, got, want, in []*formats.Tensor, last bool) {
	t.Helper()
	byName := map[string]*formats.Tensor{}
	for _, x := range got {
		byName[x.Name] = x
	}
	if len(byName) != len(got) || len(got) != len(want) {
		t.Errorf("%s: %d tensors came back, %d went in", name, len(got), len(want))
	}
	source := map[string]*formats.Tensor{}
	for _, x := range in {
		source[x.Name] = x
	}
	for _, w := range want {
		g := byName[w.Name]
		if g == nil || !slices.Equal(g.Shape, w.Shape) {
			t.Errorf("%s: %s came back as %+v", name, w.Name, g)
			continue
		}
		if x := source[w.Name]; x != nil && equal(x.Shape, w.Shape) && !slices.Equal(floatsOf(t, g), floatsOf(t, x)) {
			t.Errorf("%s: %s has other numbers", name, w.Name)
		} else if x == nil && !last {
			t.Errorf("%s: %s did not go in", name, w.Name)
		}
	}
}

// A tensor that no rule leads back is an error.
func TestUnbindRefuses(t *testing.T) {
	b, err := Bind(tiny(map[string]any{}).source())
	if err != nil {
		t.Fatal(err)
	}
	c := *b
	c.Tensors = append(slices.Clone(b.Tensors), numbers("blk.0.stranger", 3))
	c.Origins = append(slices.Clone(b.Origins), Origin{Rule: &Rule{GGUF: "blk.0.stranger"}})
	if _, err := c.Unbind(); err == nil {
		t.Error("a stranger found a way back")
	}
}

// Every family has a tiny checkpoint that goes there and back: among those of TestThereAndBack, in gemma_test.go, whose norms come back
// rounded, or with a tower.
func TestEveryFamilyIsTried(t *testing.T) {
	tried := map[string]bool{"gemma": true, "gemma2": true, "gemma3": true}
	all := configurations(t)
	for name, config := range sees(t) {
		if !wordless(config) {
			all[name] = must(json.Marshal(config))
		}
	}
	for name, text := range all {
		c, err := ParseConfig("config.json", text)
		if err != nil {
			t.Fatal(err)
		}
		a, _, _, err := findClass(c.Language())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tried[a.Name] = true
	}
	for _, a := range All() {
		if !tried[a.Name] && !a.isDraft() && a.Silent == "" { // those are in convert/testdata/drafts.json
			t.Errorf("%s has no tiny checkpoint: add one to internal/model/testdata/families*.json, with logits that transformers computes", a.Name)
		}
	}
}
