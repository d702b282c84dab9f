package formats

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFloats writes a safetensors file of float32 matrices that count up from a number of their own.
func writeFloats(t *testing.T, path string, shapes map[string][2]int, first float32) {
	t.Helper()
	head, off := map[string]any{}, 0
	var data []byte
	for name, s := range shapes {
		n := 4 * s[0] * s[1]
		head[name] = map[string]any{"dtype": "F32", "shape": s, "data_offsets": [2]int{off, off + n}}
		for i := range s[0] * s[1] {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(first+float32(i)))
		}
		off += n
	}
	text, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if err := os.WriteFile(path, append(file, data...), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Matrices that lie on several ranks are whole: those that take what others made are cut by columns, the others by rows.
func TestRanksAreJoined(t *testing.T) {
	dir := t.TempDir()
	write := func(file, name string, rows, cols int, first float32) {
		writeFloats(t, filepath.Join(dir, file), map[string][2]int{name: {rows, cols}}, first)
	}
	write("pytorch_model-00000-TP-common.safetensors", "norm.weight", 1, 3, 7)
	for rank, first := range map[string]float32{"000": 0, "001": 100} {
		write("pytorch_model-00001-TP-"+rank+".safetensors", "e.0.w1.weight", 2, 3, first)
		write("pytorch_model-00002-TP-"+rank+".safetensors", "e.0.w2.weight", 3, 2, first)
	}
	src, err := openHF(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for name, want := range map[string]struct {
		rows int
		all  []float32
	}{
		"norm.weight":   {1, []float32{7, 8, 9}},
		"e.0.w1.weight": {4, []float32{0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105}},
		"e.0.w2.weight": {3, []float32{0, 1, 100, 101, 2, 3, 102, 103, 4, 5, 104, 105}},
	} {
		x := src.Tensor(name)
		if x == nil || x.NumRows() != want.rows {
			t.Fatalf("%s: %+v", name, x)
		}
		for from := range want.rows { // from every row on
			got := make([]float32, (want.rows-from)*x.Cols())
			if err := x.Rows.ReadRows(got, from); err != nil {
				t.Fatal(err)
			}
			for i, g := range got {
				if w := want.all[from*x.Cols()+i]; g != w {
					t.Errorf("%s, from row %d: %v at %d, want %v", name, from, g, i, w)
				}
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "pytorch_model-00001-TP-001.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := openHF(dir); err == nil || !strings.Contains(err.Error(), "rank 1 of 2") {
		t.Errorf("a part is missing: %v", err)
	}
	write("pytorch_model-00001-TP-001.safetensors", "e.0.w1.weight", 5, 3, 0)
	if _, err := openHF(dir); err == nil || !strings.Contains(err.Error(), "one shape") {
		t.Errorf("a part has another shape: %v", err)
	}
}
