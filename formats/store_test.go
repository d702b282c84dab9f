package formats

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/quantize"
)

// Every Store at every width and group: what is put in, in bands, comes out through the reader.
func TestStores(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, s := range Stores() {
		for _, bits := range s.Bits {
			for _, group := range []int{0, 32, 64} {
				for _, sym := range []bool{true, false} {
					g := quantize.Grid{Bits: bits, Group: group, Symmetric: sym}
					if s.Takes(g, s.Offsets, false) != nil || sym && s.Offsets {
						continue
					}
					roundTrip(t, r, s, g)
				}
			}
		}
	}
}

func roundTrip(t *testing.T, r *rand.Rand, s *Store, g quantize.Grid) {
	t.Helper()
	const n, k = 160, 192
	all := randomCodes(r, g, n, k, s.Offsets)
	dir := filepath.Join(t.TempDir(), "out")
	sink := begun(t, s, g, dir, n, k)
	defer sink.Abort()
	var part quantize.Codes
	for _, from := range []int{0, 32, 96} {
		to := map[int]int{0: 32, 32: 96, 96: n}[from]
		part.Reshape(g, to-from, k, s.Offsets)
		part.CopyRows(0, all, from, to-from)
		if err := sink.WriteCodes(&part, 0, from); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Describe(map[string]any{}, s.Config(g, nil, false)); err != nil {
		t.Fatal(err)
	}
	if err := sink.Commit(); err != nil {
		t.Fatalf("%s %+v: %v", s.Name, g, err)
	}
	got := opened(t, dir).Tensor("m.weight")
	want := make([]float32, n*k)
	for i := range n {
		all.Row(want[i*k:(i+1)*k], i)
	}
	sameWeights(t, got, &Tensor{Name: "m.weight", Shape: []int{n, k}, Rows: flatRows{want, k}})
	c := CodesOf(got)
	if u, err := c.Uniform(); err != nil || u != g.Symmetric {
		t.Errorf("%s %+v: uniform is %v, %v", s.Name, g, u, err)
	}
}

func begun(t *testing.T, s *Store, g quantize.Grid, dir string, n, k int) *FolderSink {
	t.Helper()
	sink, err := CreateFolder(dir, s, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Begin([]Planned{{Tensor: &Tensor{Name: "m.weight", Shape: []int{n, k}}, Codes: &g, Scale: quantize.F32}}); err != nil {
		t.Fatal(err)
	}
	return sink
}

func randomCodes(r *rand.Rand, g quantize.Grid, n, k int, offsets bool) *quantize.Codes {
	c := &quantize.Codes{}
	c.Reshape(g, n, k, offsets)
	for i := range c.Q {
		c.Q[i] = uint8(r.IntN(g.Levels()))
	}
	for i := range c.Scale {
		c.Scale[i] = float32(r.NormFloat64())
		if c.Offset != nil {
			c.Offset[i] = float32(r.NormFloat64())
		}
		if c.Zero != nil {
			c.Zero[i] = uint8(r.IntN(g.Levels()))
		}
	}
	return c
}

// What is not written as it was meant is found before the folder has its name, and nothing stays.
func TestFolderIsReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	g := quantize.Grid{Bits: 4, Group: 32, Symmetric: true}
	for _, s := range []*Store{GPTQ, CompressedTensors} {
		spoilt := *s
		spoilt.Pack = func(c *quantize.Codes, row, n int, scale *quantize.Type, put Put) error {
			return s.Pack(c, row, n, scale, func(part int, p []byte, off int64) error {
				if len(p) > 100 {
					p[77] ^= 4
				}
				return put(part, p, off)
			})
		}
		dir := filepath.Join(t.TempDir(), "out")
		sink := begun(t, &spoilt, g, dir, 64, 64)
		if err := sink.WriteCodes(randomCodes(r, g, 64, 64, false), 0, 0); err != nil {
			t.Fatal(err)
		}
		if err := sink.Describe(map[string]any{}, s.Config(g, nil, false)); err != nil {
			t.Fatal(err)
		}
		err := sink.Commit()
		if err == nil || !strings.Contains(err.Error(), "what was written is not") {
			t.Errorf("%s: %v", s.Name, err)
		}
		sink.Abort()
		if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
			t.Errorf("%s: %v stays", s.Name, left)
		}
	}
}

// Known words of the layouts.
func TestStoreVectors(t *testing.T) {
	codes := func(n, k int, sym bool) *quantize.Codes {
		c := &quantize.Codes{}
		c.Reshape(quantize.Grid{Bits: 4, Group: 32, Symmetric: sym}, n, k, false)
		for i := range c.Scale {
			c.Scale[i] = 1
		}
		return c
	}
	first := func(s *Store, c *quantize.Codes, part int) (w uint32) {
		done := false
		err := s.Pack(c, 0, c.Rows, quantize.F16, func(p int, b []byte, off int64) error {
			if p == part && off == 0 && !done {
				w, done = word(b, 0), true
			}
			return nil
		})
		if err != nil || !done {
			t.Fatalf("%s: part %d: %v", s.Name, part, err)
		}
		return w
	}
	down, across := codes(32, 32, true), codes(32, 32, true)
	for i := range 8 {
		down.Q[i] = uint8(i)      // along the inputs of output 0
		across.Q[i*32] = uint8(i) // along the outputs of input 0
	}
	for _, v := range []struct {
		s    *Store
		c    *quantize.Codes
		part int
		want uint32
	}{
		{GPTQ, down, 1, 0x76543210}, {GPTQ, down, 2, 0x77777777}, {GPTQv2, down, 2, 0x88888888},
		{AWQ, across, 0, 0x75316420}, {AWQ, across, 1, 0x88888888}, {CompressedTensors, down, 0, 0x76543210},
	} {
		if got := first(v.s, v.c, v.part); got != v.want {
			t.Errorf("%s: part %d begins with %08x, want %08x", v.s.Name, v.part, got, v.want)
		}
	}
}
