package formats

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"quern/internal/golden"
	"testing"
)

// shared finds reference data.
var shared = golden.Path

// goldens are all reference files of a kind.
func goldens(t testing.TB, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(shared(t, "golden", "arch"), "*", pattern))
	if err != nil || len(list) == 0 {
		t.Fatalf("no reference file %s: %v", pattern, err)
	}
	return list
}

// TestRewriteGolden reads the reference converter's files and writes them again: the same tensors, and for GGUF the same
// bytes, since order, padding and kinds are then all as the reference has them.
func TestRewriteGolden(t *testing.T) {
	for _, path := range append(goldens(t, "ref-f32.gguf"), goldens(t, "hf/model.safetensors")...) {
		src, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), filepath.Base(path))
		rewrite(t, src, out, CreateOptions{})
		src.Close()
		if filepath.Ext(path) == ".gguf" {
			a, _ := os.ReadFile(path)
			b, _ := os.ReadFile(out)
			if !bytes.Equal(a, b) {
				t.Errorf("%s: written again it differs", path)
			}
		}
		equalSources(t, path, out)
	}
}

// rewrite copies a source into a new file of its format, last tensor first.
func rewrite(t *testing.T, src *Source, out string, opt CreateOptions) {
	t.Helper()
	sink, err := Create(src.Format.Name, out, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Abort()
	if err := sink.Begin(&src.Meta, src.Tensors); err != nil {
		t.Fatal(err)
	}
	for i := len(src.Tensors) - 1; i >= 0; i-- {
		body, err := io.ReadAll(io.NewSectionReader(src.Tensors[i].Raw, 0, src.Tensors[i].Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		half := len(body) / 2 / src.Tensors[i].Type.Bytes * src.Tensors[i].Type.Bytes
		for _, w := range []struct{ from, to int }{{half, len(body)}, {0, half}} {
			if err := sink.WriteAt(body[w.from:w.to], i, int64(w.from)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
}

// equalSources demands the same metadata and the same tensors, by name, in two checkpoints.
func equalSources(t *testing.T, pathA, pathB string) {
	t.Helper()
	a, err := Open(pathA)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := Open(pathB)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if len(a.Tensors) != len(b.Tensors) || a.Meta.Len() != b.Meta.Len() {
		t.Fatalf("%s has %d tensors and %d keys, %s %d and %d", pathA, len(a.Tensors), a.Meta.Len(), pathB, len(b.Tensors), b.Meta.Len())
	}
	for _, x := range a.Tensors {
		y := b.Tensor(x.Name)
		if y == nil || y.Type != x.Type || y.Bytes() != x.Bytes() {
			t.Fatalf("%s: %v became %v", pathB, x, y)
		}
		p, q := make([]float32, x.Elems()), make([]float32, x.Elems())
		if err := x.Rows.ReadRows(p, 0); err != nil {
			t.Fatal(err)
		}
		if err := y.Rows.ReadRows(q, 0); err != nil {
			t.Fatal(err)
		}
		for i := range p {
			if p[i] != q[i] {
				t.Fatalf("%s: %s: weight %d became %g, was %g", pathB, x.Name, i, q[i], p[i])
			}
		}
	}
}

func TestBigEndianAndSplits(t *testing.T) {
	path := shared(t, "golden", "arch", "llama", "ref-f32.gguf")
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dir := t.TempDir()
	big := filepath.Join(dir, "big.gguf")
	rewrite(t, src, big, CreateOptions{BigEndian: true})
	equalSources(t, path, big)
	rewrite(t, src, filepath.Join(dir, "m.gguf"), CreateOptions{SplitTensors: 4})
	n := (len(src.Tensors) + 3) / 4
	equalSources(t, path, shardName(filepath.Join(dir, "m"), 0, n))
	if _, err := Open(shardName(filepath.Join(dir, "m"), 1, n)); err == nil || Hint(err) == "" {
		t.Errorf("opening the second file of a split: %v", err)
	}
	if err := os.Remove(shardName(filepath.Join(dir, "m"), n-1, n)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(shardName(filepath.Join(dir, "m"), 0, n)); err == nil {
		t.Error("a split opens without its last file")
	}
}

func TestSafetensorsShards(t *testing.T) {
	dir := filepath.Join(shared(t, "golden", "arch", "llama"), "hf")
	src, err := Open(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	out := t.TempDir()
	rewrite(t, src, filepath.Join(out, "model.safetensors"), CreateOptions{SplitBytes: 60000})
	if _, err := os.Stat(filepath.Join(out, indexName)); err != nil {
		t.Fatal(err)
	}
	equalSources(t, dir, out)
}
