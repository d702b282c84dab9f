package convert

import (
	"os"
	"path/filepath"
	"testing"

	"quern/formats"
)

func packed(t *testing.T, src string, opt PackOptions) (*Pack, *formats.Source) {
	t.Helper()
	p, err := NewPack(open(t, src), opt)
	if err != nil {
		t.Fatal(err)
	}
	p.Out = filepath.Join(t.TempDir(), "out")
	if err := p.Run(t.Context(), RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return p, open(t, p.Out)
}

// Codes move between formats without a change where both can say them: weights stay the same numbers.
func TestPackKeepsCodes(t *testing.T) {
	for _, c := range []struct {
		src, format string
		exact       bool
	}{
		{"gptq-4bit-g128-sym", "gptq", true}, {"gptq-4bit-g128-sym", "gptq_v2", true}, {"gptq-4bit-g128-sym", "awq", true},
		{"gptq-4bit-g128-sym", "compressed-tensors", true}, {"gptq-4bit-g128-sym", "mlx", true},
		{"gptq-3bit-g128-sym", "gptq_v2", true}, {"gptq-3bit-g128-sym", "compressed-tensors", true}, {"gptq-3bit-g128-sym", "mlx", true},
		{"gptq-4bit-g32-sym-desc", "gptq_v2", true},
		{"awq-4bit-g32-gemm", "awq", true}, {"awq-4bit-g32-gemm", "gptq", true}, {"awq-4bit-g32-gemm", "compressed-tensors", true},
		{"awq-4bit-g32-gemm", "mlx", false},
	} {
		t.Run(c.src+"/"+c.format, func(t *testing.T) {
			dir := shared(t, "golden", "gptq", c.src)
			p, out := packed(t, dir, PackOptions{Format: c.format, Keep: true})
			if out.Quantized == nil || out.Quantized.Modules != 14 {
				t.Fatalf("%+v", out.Quantized)
			}
			for i := range p.Tensors {
				s := &p.Tensors[i]
				far := apart(t, out.Tensor(s.Name), s.tensor)
				if far != 0 && (c.exact || !s.Codes) || far > 0.01 {
					t.Errorf("%s is %g of its largest weight from the source", s.Name, far)
				}
			}
			for _, name := range []string{"config.json", "tokenizer.json", "generation_config.json", "README.md"} {
				if _, err := os.Stat(filepath.Join(p.Out, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Codes of experts survive the stack that a GGUF makes of them, codes of query rows their permutation, and codes of a matrix that a family
// stores in one its division.
func TestPackedFamiliesBridge(t *testing.T) {
	for _, name := range []string{"llama31", "mixtral", "qwen3moe", "phi3"} {
		p, out := packed(t, shared(t, "golden", "arch", name, "hf"), PackOptions{Format: "gptq", Group: 32})
		plan, err := NewPlan(out, Auto, Options{Convert: true, Pre: "gpt-2"})
		if err != nil {
			t.Fatal(err)
		}
		plan.Out = filepath.Join(t.TempDir(), "out.gguf")
		if err := Run(t.Context(), []*Plan{plan}, RunOptions{Threads: 2}); err != nil {
			t.Fatal(err)
		}
		kept, gguf := int64(0), open(t, plan.Out)
		for i := range plan.Steps {
			s := &plan.Steps[i]
			if s.Codes == "" {
				continue
			}
			kept += int64(s.tensor.Elems())
			if o := gguf.Tensor(s.Name); o.Type.Name != "Q4_0" || apart(t, o, s.tensor) != 0 {
				t.Errorf("%s: %s is %s, and %g from the source", name, s.Name, o.Type, apart(t, o, s.tensor))
			}
		}
		want := int64(0)
		for i := range p.Tensors {
			if p.Tensors[i].Codes {
				want += int64(p.Tensors[i].tensor.Elems())
			}
		}
		if kept != want {
			t.Errorf("%s: of %d weights with codes %d kept them", name, want, kept)
		}
	}
}
