package convert

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"quern/quantize"
)

// mixModel is one model of the golden plans.
type mixModel struct {
	Shape struct {
		Arch                                       string `json:"a"`
		L, E, F, H, KV, V, X, XF, Hd, Tied, Biases int
	}
	Plans map[string]struct {
		MiB   float64
		Types map[string]string
	}
}

// shapeOf is the shape of a tensor of such a model, outermost first.
func (m *mixModel) shapeOf(t *testing.T, name string) []int {
	s := m.Shape
	head := s.Hd
	if head == 0 {
		head = s.E / s.H
	}
	q, kv := s.H*head, s.KV*head
	switch name {
	case "output.weight", "token_embd.weight":
		return []int{s.V, s.E}
	case "output_norm.weight", "attn_norm.weight", "ffn_norm.weight":
		return []int{s.E}
	case "attn_q.weight":
		return []int{q, s.E}
	case "attn_k.weight", "attn_v.weight":
		return []int{kv, s.E}
	case "attn_output.weight":
		return []int{s.E, q}
	case "attn_q.bias":
		return []int{q}
	case "attn_k.bias", "attn_v.bias":
		return []int{kv}
	case "ffn_gate.weight", "ffn_up.weight":
		return []int{s.F, s.E}
	case "ffn_down.weight":
		return []int{s.E, s.F}
	case "ffn_gate_exps.weight", "ffn_up_exps.weight":
		return []int{s.X, s.XF, s.E}
	case "ffn_down_exps.weight":
		return []int{s.X, s.E, s.XF}
	case "ffn_gate_inp.weight":
		return []int{s.X, s.E}
	}
	t.Fatalf("tensor %s has no shape in this test", name)
	return nil
}

// layersOf expands "0-3:q6_k 4:q4_k" (or one type for all layers).
func layersOf(t *testing.T, text string, n int) []string {
	out := make([]string, n)
	for _, part := range strings.Fields(text) {
		span, typ, ok := strings.Cut(part, ":")
		if !ok {
			span, typ = fmt.Sprintf("0-%d", n-1), part
		}
		from, to, ok := strings.Cut(span, "-")
		if !ok {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || b >= n {
			t.Fatalf("cannot read %q", text)
		}
		for i := a; i <= b; i++ {
			out[i] = typ
		}
	}
	return out
}

// unplanned are the recipes without a golden plan, and why.
var unplanned = map[string]string{
	"F32":   "llama-quantize writes it under another name",
	"NVFP4": "llama-quantize has no file type for it",
	"Q1_0":  "llama-quantize got it after the plans were made",
	"Q2_0":  "llama-quantize got it after the plans were made",
}

// The types of every tensor equal those that llama-quantize plans, for real models of five shapes and every file type that
// there is a recipe for; and so does the size.
func TestRecipesChooseAsLlamaQuantize(t *testing.T) {
	text, err := os.ReadFile(shared(t, "golden", "mix", "plans.json"))
	if err != nil {
		t.Fatal(err)
	}
	var models map[string]*mixModel
	if err := json.Unmarshal(text, &models); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for model, m := range models {
		for file, plan := range m.Plans {
			r, err := RecipeByName(file)
			if err != nil {
				continue
			}
			seen[r.Name] = true
			t.Run(model+"/"+file, func(t *testing.T) { m.check(t, r, plan.Types, plan.MiB) })
		}
	}
	for _, name := range RecipeNames() {
		if !seen[name] && unplanned[name] == "" {
			t.Errorf("no golden plan for %s", name)
		}
	}
}

func (m *mixModel) check(t *testing.T, r *Recipe, types map[string]string, mib float64) {
	want, shape := map[string]string{}, map[string][]int{}
	var names []string
	for name, text := range types {
		top := strings.HasPrefix(name, "output") || strings.HasPrefix(name, "token")
		list := layersOf(t, text, m.Shape.L)
		for i, typ := range list {
			full := fmt.Sprintf("blk.%d.%s", i, name)
			if top {
				full = name
			}
			want[full], shape[full] = typ, m.shapeOf(t, name)
			names = append(names, full)
			if top {
				break
			}
		}
	}
	facts := Facts{Arch: m.Shape.Arch, Layers: m.Shape.L, Heads: m.Shape.H, KVHeads: m.Shape.KV, Experts: m.Shape.X}
	c, err := newChooser(r, Options{Ggml: true}, facts, names, true) // with the reference's own fallbacks
	if err != nil {
		t.Fatal(err)
	}
	var size int
	for name, typ := range want {
		from := quantize.ByName("F16")
		if typ == "f32" {
			from = quantize.ByName("F32")
		}
		got, err := c.choose(name, shape[name], from)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.EqualFold(got.to.Name, typ) {
			t.Errorf("%s %v: %s, want %s", name, shape[name], got.to, typ)
		}
		n, _ := got.to.Size(shape[name][len(shape[name])-1])
		for _, d := range shape[name][:len(shape[name])-1] {
			n *= d
		}
		size += n
	}
	if got := float64(size) / (1 << 20); math.Abs(got-mib) > 0.006 {
		t.Errorf("%.2f MiB, want %.2f", got, mib)
	}
}

// moreBits at 32 layers, from the rule's definition.
func TestMoreBits(t *testing.T) {
	want := map[int]bool{0: true, 1: true, 2: true, 3: true, 6: true, 9: true, 12: true, 15: true, 18: true, 21: true, 24: true, 27: true, 28: true, 29: true, 30: true, 31: true}
	for i := range 32 {
		if moreBits(i, 32) != want[i] {
			t.Errorf("layer %d: %v", i, !want[i])
		}
	}
}

func TestRecipeByName(t *testing.T) {
	for name, want := range map[string]string{"q4_k": "Q4_K_M", "Q3_K": "Q3_K_M", "q5_K": "Q5_K_M", "f16": "F16", "AUTO": "auto", "Q2_k_s": "Q2_K_S"} {
		if r, err := RecipeByName(name); err != nil || r.Name != want {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	if _, err := RecipeByName("Q9"); err == nil {
		t.Error("Q9 exists")
	}
}
