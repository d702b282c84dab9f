package convert

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/quantize"
)

// What GPTQ and AWQ checkpoints become: the type, and whether every weight is the same number as in the source.
func TestBridgeGolden(t *testing.T) {
	for name, want := range map[string]struct {
		typ   string
		exact bool
	}{
		"gptq-4bit-g128-sym": {"Q4_0", true},
		"gptq-3bit-g128-sym": {"Q4_0", true},
		"awq-4bit-g32-gemm":  {"Q4_1", false},
	} {
		src := open(t, shared(t, "golden", "gptq", name))
		p, err := NewPlan(src, Auto, Options{Convert: true, Pre: "gpt-2"})
		if err != nil {
			t.Fatal(err)
		}
		if p.Type != want.typ {
			t.Errorf("%s becomes %s, want %s", name, p.Type, want.typ)
		}
		p.Out = filepath.Join(t.TempDir(), "out.gguf")
		if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
			t.Fatal(err)
		}
		told := strings.Contains(strings.Join(p.Warnings, "\n"), "F16") || want.typ == "Q8_0"
		if told == want.exact {
			t.Errorf("%s: the warnings are %q", name, p.Warnings)
		}
		out := open(t, p.Out)
		for i := range p.Steps {
			s := &p.Steps[i]
			if s.Codes == "" {
				continue
			}
			o := out.Tensor(s.Name)
			if o.Type.Name != want.typ {
				t.Errorf("%s: %s is %s", name, s.Name, o.Type)
			}
			far := apart(t, o, s.tensor)
			if want.exact && far != 0 || far > 0.01 || !want.exact && far == 0 {
				t.Errorf("%s: %s is %g of its largest weight from the source", name, s.Name, far)
			}
			if want.typ == "Q4_1" {
				sameCodes(t, o, s.tensor)
			}
		}
	}
}

// apart is the largest difference between two tensors, in units of the largest weight.
func apart(t *testing.T, a, b *formats.Tensor) float64 {
	t.Helper()
	x, y := make([]float32, a.Elems()), make([]float32, b.Elems())
	if err := a.Rows.ReadRows(x, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Rows.ReadRows(y, 0); err != nil {
		t.Fatal(err)
	}
	most, far := 0.0, 0.0
	for i := range x {
		most = max(most, math.Abs(float64(y[i])))
		far = max(far, math.Abs(float64(x[i])-float64(y[i])))
	}
	return far / most
}

// sameCodes finds the integers of a Q4_1 tensor where the source has them.
func sameCodes(t *testing.T, out, src *formats.Tensor) {
	t.Helper()
	var c quantize.Codes
	if err := formats.CodesOf(src).ReadCodes(&c, 0, src.NumRows()); err != nil {
		t.Fatal(err)
	}
	blocks := body(t, out)
	for i, q := range c.Q {
		b, j := blocks[i/32*20+4:], i%32
		if got := b[j%16] >> (j / 16 * 4) & 15; got != q {
			t.Fatalf("%s: code %d is %d, want %d", out.Name, i, got, q)
		}
	}
}

// Codes in act-order keep their place in a GGUF where the order is nobody else's business: columns of the last matrix of the feed-forward
// network go with the rows of the two before it.
func TestBridgeSortsInner(t *testing.T) {
	src := open(t, shared(t, "golden", "gptq", "gptq-4bit-g32-sym-desc"))
	p, err := NewPlan(src, Auto, Options{Convert: true, Pre: "gpt-2"})
	if err != nil {
		t.Fatal(err)
	}
	p.Out = filepath.Join(t.TempDir(), "out.gguf")
	if err := Run(t.Context(), []*Plan{p}, RunOptions{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "in another order") {
		t.Errorf("the warnings are %q", p.Warnings)
	}
	out := open(t, p.Out)
	for l, layer := range []string{"0", "1"} {
		down := src.Tensor("model.layers." + layer + ".mlp.down_proj.weight")
		order, err := sortedColumns(down)
		if err != nil || len(order) != down.Cols() {
			t.Fatalf("layer %d: %d columns, %v", l, len(order), err)
		}
		got := out.Tensor("blk." + layer + ".ffn_down.weight")
		if got.Type != quantize.Q4_0 {
			t.Errorf("layer %d: %s", l, got.Type)
		}
		a, b := all(t, got), all(t, down)
		for i := range a {
			if from := i/down.Cols()*down.Cols() + order[i%down.Cols()]; a[i] != b[from] {
				t.Fatalf("layer %d: weight %d is %g, want %g", l, i, a[i], b[from])
			}
		}
		for _, name := range []string{"gate", "up"} {
			from := src.Tensor("model.layers." + layer + ".mlp." + name + "_proj.weight")
			a, b := all(t, out.Tensor("blk."+layer+".ffn_"+name+".weight")), all(t, from)
			for i := range a {
				if w := b[order[i/from.Cols()]*from.Cols()+i%from.Cols()]; math.Abs(float64(a[i]-w)) > 0.01 {
					t.Fatalf("layer %d, %s: weight %d is %g, want %g", l, name, i, a[i], w)
				}
			}
		}
	}
}

func all(t *testing.T, x *formats.Tensor) []float32 {
	t.Helper()
	f := make([]float32, x.Elems())
	if err := x.Rows.ReadRows(f, 0); err != nil {
		t.Fatal(err)
	}
	return f
}
