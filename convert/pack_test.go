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
