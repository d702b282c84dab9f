package formats

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/quantize"
)

// torchGolden is what testdata/torch_files.py wrote.
type torchGolden struct {
	Read map[string]struct {
		File    []byte
		Tensors map[string]struct {
			Shape []int
			Dtype string
			Bytes string
		}
	}
	Refused map[string][]byte
}

func readTorchGolden(t testing.TB) *torchGolden {
	t.Helper()
	data, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var g torchGolden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

func torchFileOf(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pytorch_model.bin")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// What torch wrote is read as torch reads it, views of every kind included.
func TestTorchGolden(t *testing.T) {
	for name, c := range readTorchGolden(t).Read {
		t.Run(name, func(t *testing.T) {
			src, err := Open(torchFileOf(t, c.File))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if len(src.Tensors) != len(c.Tensors) || src.Format != Torch {
				t.Errorf("%d tensors in %s, want %d", len(src.Tensors), src.Format.Name, len(c.Tensors))
			}
			for name, want := range c.Tensors {
				got := src.Tensor(name)
				if got == nil {
					t.Errorf("%s is missing", name)
					continue
				}
				if got.Type != torchTypes["torch."+want.Dtype] || !slices.Equal(got.Shape, want.Shape) {
					t.Errorf("%s is %v of %s, want %v of %s", name, got.Shape, got.Type.Name, want.Shape, want.Dtype)
				}
				body := make([]byte, got.Bytes())
				if _, err := got.Raw.ReadAt(body, 0); err != nil && len(body) > 0 || hex.EncodeToString(body) != want.Bytes {
					t.Errorf("%s: %v\n got %x\nwant %s", name, err, body, want.Bytes)
				}
				sameRows(t, got, body)
			}
		})
	}
}

// sameRows reads rows one by one, and bytes in pieces of odd sizes.
func sameRows(t *testing.T, of *Tensor, body []byte) {
	t.Helper()
	for from := 0; from < len(body); from += 5 {
		p := make([]byte, min(7, len(body)-from))
		if _, err := of.Raw.ReadAt(p, int64(from)); err != nil || !slices.Equal(p, body[from:from+len(p)]) {
			t.Fatalf("%s: bytes from %d are %x, %v", of.Name, from, p, err)
		}
	}
	if of.Rows == nil || of.Elems() == 0 {
		return
	}
	want, row := make([]float32, of.Cols()), make([]float32, of.Cols())
	size := len(body) / of.NumRows()
	for i := range of.NumRows() {
		of.Type.Decode(want, body[i*size:(i+1)*size])
		if err := of.Rows.ReadRows(row, i); err != nil || !slices.Equal(row, want) {
			t.Fatalf("%s: row %d is %v, want %v, %v", of.Name, i, row, want, err)
		}
	}
}

// Files that are no dictionary of tensors are refused, by what they are.
func TestTorchRefused(t *testing.T) {
	says := map[string]string{"module": "torch.nn.modules.container.Sequential", "nested": "a dictionary, not a tensor", "number": "a number, not a tensor", "legacy": "before 1.6",
		"sparse": "torch._utils._rebuild_sparse_tensor", "expanded": "repeats", "list": "a list, not a dictionary"}
	g := readTorchGolden(t)
	if len(g.Refused) != len(says) {
		t.Errorf("%d files, %d reasons", len(g.Refused), len(says))
	}
	for name, data := range g.Refused {
		path := torchFileOf(t, data)
		_, err := Open(path)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), says[name]) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tar := make([]byte, 1024)
	copy(tar[257:], "ustar")
	if _, err := readTorch(strings.NewReader(string(tar)), 1024, "x.pth"); !errors.Is(err, ErrUnsupported) || Hint(err) == "" {
		t.Errorf("tar: %v", err)
	}
}

// A folder of torch's shards is the same checkpoint as one of safetensors.
func TestTorchFolder(t *testing.T) {
	c := readTorchGolden(t).Read["state_dict"]
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("training_args.bin", "no tensors")
	if _, err := Open(dir); !errors.Is(err, ErrUnsupported) || !strings.Contains(Hint(err), "training_args.bin") {
		t.Errorf("%v, %s", err, Hint(err))
	}
	write("pytorch_model.bin", string(c.File))
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	src.Close()
	if len(src.Tensors) != len(c.Tensors) || src.Tensors[0].Name != "0.bias" {
		t.Errorf("%d tensors", len(src.Tensors))
	}
	var names []string
	for name := range c.Tensors {
		names = append(names, `"`+name+`":"pytorch_model.bin"`)
	}
	index := `{"metadata":{},"weight_map":{` + strings.Join(names, ",") + `}}`
	write("pytorch_model.bin.index.json", index)
	if src, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	src.Close()
	write("pytorch_model.bin.index.json", strings.Replace(index, `"0.bias"`, `"0.byas"`, 1))
	if _, err = Open(dir); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "pytorch_model.bin.index.json") {
		t.Errorf("%v", err)
	}
}

// Two names of the same bytes are the same, other views of one storage are not.
func TestSame(t *testing.T) {
	src, err := Open(torchFileOf(t, readTorchGolden(t).Read["dictionary"].File))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	a := src.Tensor("a")
	for name, want := range map[string]bool{"a": true, "twin": true, "later": false, "transposed": false, "float64": false} {
		if Same(a, src.Tensor(name)) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if Same(a, &Tensor{Name: "a", Type: quantize.F32}) {
		t.Error("no bytes are the same")
	}
}
