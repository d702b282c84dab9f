package formats

import (
	"os"
	"path/filepath"
	"testing"

	"quern/quantize"
)

// Every checkpoint of GPTQModel decodes to what it decodes to there, bit for bit, in whatever pieces rows are asked for.
func TestQuantizedGolden(t *testing.T) {
	dirs, err := os.ReadDir(shared(t, "golden", "gptq"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no reference: %v", err)
	}
	for _, d := range dirs {
		t.Run(d.Name(), func(t *testing.T) {
			dir := shared(t, "golden", "gptq", d.Name())
			want := opened(t, filepath.Join(dir, "dequantized.f32.safetensors"))
			for _, path := range []string{dir, filepath.Join(dir, "model.safetensors")} {
				got := opened(t, path)
				if got.Quantized.Modules != 14 || got.Quantized.Err != nil {
					t.Fatalf("%+v", got.Quantized)
				}
				for _, w := range want.Tensors {
					sameWeights(t, got.Tensor(w.Name), w)
				}
			}
		})
	}
}

func opened(t *testing.T, path string) *Source {
	t.Helper()
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// sameWeights reads one tensor in pieces, by floats and by codes, and the other at once.
func sameWeights(t *testing.T, got, want *Tensor) {
	t.Helper()
	if got == nil || got.NumRows() != want.NumRows() || got.Cols() != want.Cols() {
		t.Fatalf("%s: %v is not of shape %v", want.Name, got, want.Shape)
	}
	n := want.Cols()
	w := floatsOf(t, want, 0, want.NumRows())
	for row, step := 0, 1; row < want.NumRows(); row, step = row+step, step+7 {
		step = min(step, want.NumRows()-row)
		pieces := [][]float32{floatsOf(t, got, row, step)}
		if c := CodesOf(got); c != nil {
			var q quantize.Codes
			if err := c.ReadCodes(&q, row, step); err != nil {
				t.Fatal(err)
			}
			if err := q.Check(); err != nil {
				t.Fatal(err)
			}
			decoded := make([]float32, step*n)
			for i := range step {
				q.Row(decoded[i*n:(i+1)*n], i)
			}
			pieces = append(pieces, decoded)
		}
		for which, p := range pieces {
			for i, v := range p {
				if v != w[row*n+i] {
					t.Fatalf("%s, %d: row %d, column %d is %g, want %g", want.Name, which, row+i/n, i%n, v, w[row*n+i])
				}
			}
		}
	}
}

func floatsOf(t *testing.T, x *Tensor, row, rows int) []float32 {
	t.Helper()
	f := make([]float32, rows*x.Cols())
	if err := x.Rows.ReadRows(f, row); err != nil {
		t.Fatal(err)
	}
	return f
}
