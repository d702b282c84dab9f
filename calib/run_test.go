package calib

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/model"
	"quern/testdata"
)

var tinyFolder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "calib")
	if err == nil {
		err = testdata.Tiny(dir)
	}
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := tinyFolder(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// tiny is the embedded model and chunks of its held-out text.
func tiny(t *testing.T, cut Cutting) (*Subject, [][]int32) {
	t.Helper()
	dir, err := tinyFolder()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	tokens, err := s.Tokens([]Document{{Text: string(testdata.HeldOut())}}, false)
	if err != nil {
		t.Fatal(err)
	}
	cut.BOS = s.BOS
	chunks, err := cut.Chunks(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return s, chunks
}

// file is what a collector's importance matrix looks like on disk.
func file(t *testing.T, c *Collector) []byte {
	t.Helper()
	m, err := c.Imatrix()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	if err := formats.WriteImatrix(path, m, false); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The sums are those of llama-imatrix on the same model and text; testdata/README.md says how its figures were made.
func TestSumsOfLlamaImatrix(t *testing.T) {
	raw, err := os.ReadFile("testdata/llama-imatrix.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Sum     float64
		Every32 []float64
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	s, chunks := tiny(t, Cutting{Ctx: 128, Most: 24})
	// Deploy mode rounds inputs to bfloat16, as the model is stored; the reference's is in F32.
	for mode, tolerance := range map[model.Mode]float64{model.Exact: 2e-5, model.Deploy: 5e-3} {
		c := s.Collector(false)
		if err := Run(context.Background(), s, c, chunks, Options{Options: model.Options{Mode: mode}}); err != nil {
			t.Fatal(err)
		}
		m, err := c.Imatrix()
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Entries) != len(want) || len(want) != 28 {
			t.Fatalf("%d entries, want %d", len(m.Entries), len(want))
		}
		worst := 0.0
		near := func(name string, got, want float64) {
			off := math.Abs(got-want) / want
			if worst = max(worst, off); off > tolerance {
				t.Errorf("%v, %s: %v, want %v", mode, name, got, want)
			}
		}
		for _, e := range m.Entries {
			sum := 0.0
			for i, v := range e.Sums {
				sum += float64(v)
				if i%32 == 0 {
					near(e.Name, float64(v), want[e.Name].Every32[i/32])
				}
			}
			near(e.Name, sum, want[e.Name].Sum)
			if e.Counts[0] != 24*128 {
				t.Errorf("%s: %d tokens", e.Name, e.Counts[0])
			}
		}
		t.Logf("%v: off by at most %.1e", mode, worst)
	}
}

func TestRunIsDeterministic(t *testing.T) {
	s, chunks := tiny(t, Cutting{Ctx: 48, Most: 9})
	var first []byte
	for _, opt := range []Options{{}, {Options: model.Options{Threads: 1}}, {Options: model.Options{Threads: 3, Batch: 100}}, {Every: 2}, {Options: model.Options{MaxRAM: 160 << 20}}} {
		c := s.Collector(true)
		if err := Run(context.Background(), s, c, chunks, opt); err != nil {
			t.Fatal(err)
		}
		b := file(t, c)
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("%+v changes the result", opt)
		}
	}
}

// A run that is cut off goes on to the bytes of one that was not, wherever it was cut.
func TestRunResumes(t *testing.T) {
	s, chunks := tiny(t, Cutting{Ctx: 32, Most: 11})
	whole := s.Collector(false)
	if err := Run(context.Background(), s, whole, chunks, Options{}); err != nil {
		t.Fatal(err)
	}
	want := file(t, whole)
	key, err := s.Key(chunks, "")
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(chunks); cut++ {
		state := State{Path: filepath.Join(t.TempDir(), "state"), Key: key}
		ctx, kill := context.WithCancel(context.Background())
		c := s.Collector(false)
		opt := Options{Every: 3, Save: func(done int) error { return state.Save(c, done) },
			Progress: func(done, _ int) {
				if done >= cut {
					kill()
				}
			}}
		if err := Run(ctx, s, c, chunks, opt); !errors.Is(err, context.Canceled) && cut < 10 {
			t.Fatalf("cut after %d: %v", cut, err)
		}
		kill()
		c = s.Collector(false)
		done, err := state.Load(c)
		if errors.Is(err, fs.ErrNotExist) && cut < 3 {
			err = nil // it was cut off before anything was saved
		}
		if err != nil || done%3 != 0 || done < cut-3 {
			t.Fatalf("cut after %d: %d were saved, %v", cut, done, err)
		}
		if err := Run(context.Background(), s, c, chunks, Options{Done: done}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file(t, c), want) {
			t.Errorf("cut after %d, resumed after %d: the result differs", cut, done)
		}
	}
}

// stub is a model that shows one input of its choice for every token.
type stub struct{ value float32 }

func (stub) Group(seqs [][]int32, _ model.Options) int { return len(seqs) }

func (m stub) States(_ context.Context, seqs [][]int32, _ func(seq, pos int) bool, opt model.Options) (*model.States, error) {
	s := &model.States{}
	for _, tokens := range seqs {
		for range tokens {
			s.Pos, s.H = append(s.Pos, 0), append(s.H, 1, 2, 3, 4)
		}
	}
	opt.Observe(0, arch.RoleQ, []float32{m.value, 1, 1, 1}, 1, 4)
	return s, nil
}

func TestRunStopsAtNaN(t *testing.T) {
	for value, bad := range map[float32]bool{2: false, float32(math.NaN()): true} {
		c := NewCollector(bound(), true)
		err := Run(context.Background(), stub{value}, c, [][]int32{make([]int32, 20), make([]int32, 20)}, Options{})
		if bad && (!errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "blk.0.attn_q.weight")) || !bad && err != nil {
			t.Errorf("inputs of %v: %v", value, err)
		}
		if s := c.entries[2].stats[0]; s.Count != 40 || s.Diag[3] != 40*16 {
			t.Errorf("the output head saw %+v", s)
		}
	}
}
