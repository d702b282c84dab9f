package formats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sample is a matrix of a dense tensor, and one of three experts of which one was never seen and one rarely.
func sample() *Imatrix {
	return &Imatrix{Datasets: []string{"text.txt"}, Chunks: 3, ChunkSize: 64, Entries: []ImatrixEntry{
		{Name: "blk.0.ffn_up_exps.weight", Sums: []float32{400, 800, 0, 0, 31, 62}, Counts: []int64{100, 0, 31}},
		{Name: "blk.0.attn_q.weight", Sums: []float32{192, 96, 0.5}, Counts: []int64{192}},
	}}
}

func TestImatrixComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	if err := WriteImatrix(path, sample(), false); err != nil {
		t.Fatal(err)
	}
	m, err := ReadImatrix(path)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Sort()
	for i, e := range want.Entries {
		if g := m.Entries[i]; g.Name != e.Name || !slices.Equal(g.Sums, e.Sums) || !slices.Equal(g.Counts, e.Counts) {
			t.Errorf("entry %d is %v, want %v", i, g, e)
		}
	}
	if m.Legacy || m.Chunks != 3 || m.ChunkSize != 64 || !slices.Equal(m.Datasets, want.Datasets) {
		t.Errorf("%+v", m)
	}
	if err := WriteImatrix(path, m, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was replaced without force: %v", err)
	}
}

// The bytes are those that llama-imatrix writes for the same numbers: two dimensions only where there are several matrices.
func TestImatrixLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	m := sample()
	if err := WriteImatrix(path, m, false); err != nil {
		t.Fatal(err)
	}
	r := start(4, 4).str("general.type").u32(kindString).str("imatrix")
	r = r.str("imatrix.datasets").u32(kindArray).u32(kindString).u64(1).str("text.txt")
	r = r.str("imatrix.chunk_count").u32(kindU32).u32(3).str("imatrix.chunk_size").u32(kindU32).u32(64)
	r = r.info("blk.0.attn_q.weight.in_sum2", 0, 0, 3).info("blk.0.attn_q.weight.counts", 0, 32, 1)
	r = r.info("blk.0.ffn_up_exps.weight.in_sum2", 0, 64, 2, 3).info("blk.0.ffn_up_exps.weight.counts", 0, 96, 1, 3).pad()
	for _, list := range [][]float32{{192, 96, 0.5}, {192}, {400, 800, 0, 0, 31, 62}, {100, 0, 31}} {
		r = raw(floatBytes(r, list)).pad()
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, r) {
		t.Errorf("%d bytes differ from the %d of the layout", len(got), len(r))
	}
}

func TestImatrixDat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "imatrix.dat")
	if err := WriteImatrixDat(path, sample(), false); err != nil {
		t.Fatal(err)
	}
	// 131 tokens reached the experts; those that fewer than RareTokens reached have the mean over all of them.
	e0, e1 := float32(431./131), float32(862./131)
	q := raw{}.u32(2)
	q = raw(append(q.u32(19), "blk.0.attn_q.weight"...)).u32(3).u32(3)
	q = floatBytes(q, []float32{3, 1.5, float32(0.5) / 192 * 3})
	q = raw(append(q.u32(24), "blk.0.ffn_up_exps.weight"...)).u32(2).u32(6)
	q = floatBytes(q, []float32{8, 16, e0 * 2, e1 * 2, e0 * 2, e1 * 2})
	q = append(q.u32(3).u32(8), "text.txt"...)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, q) {
		t.Errorf("got  %x\nwant %x", got, []byte(q))
	}
	m, err := ReadImatrix(path)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Legacy || m.Chunks != 3 || m.ChunkSize != 0 || !slices.Equal(m.Datasets, []string{"text.txt"}) || len(m.Entries) != 2 {
		t.Errorf("%+v", m)
	}
	v, e := make([]float32, 3), m.Entry("blk.0.attn_q.weight")
	borrowed, err := e.Borrowed()
	if e.Importance(v, 0); err != nil || borrowed != nil || !slices.Equal(v, []float32{1, 0.5, float32(0.5) / 192 * 3 / 3}) {
		t.Errorf("importance %v, %v, %v", v, borrowed, err)
	}
	if m.Entry("blk.1.attn_q.weight") != nil {
		t.Error("an entry that is not there was found")
	}
	again := filepath.Join(t.TempDir(), "again.dat")
	if err := WriteImatrixDat(again, m, false); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(again); !bytes.Equal(b, got) {
		t.Error("read and written, the old format differs")
	}
}

func TestImportanceOfExperts(t *testing.T) {
	e := sample().Entries[0]
	borrowed, err := e.Borrowed()
	if err != nil || !slices.Equal(borrowed, []int{1, 2}) {
		t.Fatalf("%v, %v", borrowed, err)
	}
	m0, m1 := float32(431./131), float32(862./131)
	for i, want := range [][]float32{{4, 8}, {m0, m1}, {m0, m1}} {
		got := make([]float32, 2)
		if e.Importance(got, i); !slices.Equal(got, want) {
			t.Errorf("expert %d: %v, want %v", i, got, want)
		}
	}
	one := ImatrixEntry{Name: "blk.0.attn_k_b.weight", Sums: []float32{2, 4, 6, 8}, Counts: []int64{2}}
	got := make([]float32, 2)
	if one.Importance(got, 1); !slices.Equal(got, []float32{3, 4}) {
		t.Errorf("the second of two matrices that share a count: %v", got)
	}
	e.Counts = []int64{0, 0, 0}
	if _, err := e.Borrowed(); err == nil || !strings.Contains(err.Error(), e.Name) {
		t.Errorf("an entry without data: %v", err)
	}
}

// Damaged files are refused, and the error says what is wrong where.
func TestImatrixRefuses(t *testing.T) {
	entry := func(n uint32, name string, calls, vals uint32, v ...float32) raw {
		r := raw(append(raw{}.u32(n).u32(uint32(len(name))), name...)).u32(calls).u32(vals)
		return floatBytes(r, v)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		file raw
		says string
	}{
		"entries-more":    {entry(2, "blk.0.a", 1, 1, 1), "after the end"},
		"values-huge":     {entry(1, "blk.0.a", 1, 1<<30, 1), "announced"},
		"values-negative": {entry(1, "blk.0.a", 1, 0xffffffff, 1), "announced"},
		"values-none":     {entry(1, "blk.0.a", 1, 0), "announced"},
		"calls-negative":  {entry(1, "blk.0.a", 0xfffffff0, 1, 1), "announced"},
		"nan":             {entry(1, "blk.0.a", 1, 1, nan), "sum 0 of squares is NaN"},
		"infinite":        {entry(1, "blk.0.a", 1, 2, 0, inf), "sum 1 of squares is +Inf"},
		"negative":        {entry(1, "blk.0.a", 1, 1, -1), "sum 0 of squares is -1"},
		"twice":           {append(entry(2, "blk.0.a", 1, 1, 1), entry(2, "blk.0.a", 1, 1, 1)[4:]...), "twice"},
		"text-cut":        {entry(1, "blk.0.a", 1, 1, 1).u32(3).u32(99), "announced"},
		"more":            {entry(1, "blk.0.a", 1, 1, 1).u32(3).u32(0).u32(0), "follow the end"},
	} {
		path := filepath.Join(t.TempDir(), name+".dat")
		if err := os.WriteFile(path, c.file, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadImatrix(path)
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	two := func(a, b raw, second string) raw {
		r := start(2, 1).str("general.type").u32(kindString).str("imatrix")
		r = r.info("blk.0.a.in_sum2", 0, 0, 4).info(second, 0, 32, 1).pad()
		return append(append(append(r, a...).pad(), b...).pad(), 0)[:len(r)+64]
	}
	four := raw(floatBytes(nil, []float32{1, 2, 3, 4}))
	for name, c := range map[string]struct {
		file raw
		says string
	}{
		"model":       {sound(), "not an importance matrix"},
		"no-counts":   {two(four, four[:4], "blk.0.b.counts"), "no counts"},
		"bad-count":   {two(four, floatBytes(nil, []float32{-1}), "blk.0.a.counts"), "count 0 is -1"},
		"no-entries":  {start(0, 1).str("general.type").u32(kindString).str("imatrix").pad(), "no entries"},
		"counts-only": {bytes.Replace(two(four, four[:4], "blk.0.a.counts"), []byte("in_sum2"), []byte("in_sum9"), 1), "no sums"},
	} {
		path := filepath.Join(t.TempDir(), name+".gguf")
		if err := os.WriteFile(path, c.file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadImatrix(path); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// Every beginning of a file of the old format is refused, but for those that end where older files do.
func TestImatrixDatCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "whole.dat")
	if err := WriteImatrixDat(path, sample(), false); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	tail := len(whole) - 8 - int(binary.LittleEndian.Uint32(whole[len(whole)-12:]))
	for n := 16; n < len(whole); n++ {
		cut := filepath.Join(dir, "cut.dat")
		if err := os.WriteFile(cut, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadImatrix(cut); (err == nil) != (n == tail) {
			t.Errorf("cut to %d of %d: %v", n, len(whole), err)
		}
	}
}

func FuzzImatrixDat(f *testing.F) {
	path := filepath.Join(f.TempDir(), "imatrix.dat")
	if err := WriteImatrixDat(path, sample(), false); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "f.dat")
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := ReadImatrix(file)
		if err != nil {
			return
		}
		for i := range m.Entries {
			if _, err := m.Entries[i].Borrowed(); err != nil {
				t.Errorf("an entry without data was read: %v", err)
			}
		}
	})
}
