package calib

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
)

// feed gives every matrix of the collector some inputs.
func feed(c *Collector, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	some := func(m, k int) []float32 {
		x := make([]float32, m*k)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	c.Observe(0, arch.RoleQ, some(7, 4), 7, 4)
	for x := range 3 {
		c.ObserveExpert(0, arch.RoleDownExps, x, some(x+1, 6), x+1, 6)
	}
}

// What was saved goes on to the same bits, in float64.
func TestStateGoesOn(t *testing.T) {
	whole, first, second := NewCollector(bound(), false), NewCollector(bound(), false), NewCollector(bound(), false)
	feed(whole, 1)
	feed(whole, 2)
	feed(first, 1)
	s := State{Path: filepath.Join(t.TempDir(), "state"), Key: "k"}
	if _, err := s.Load(second); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a state that is not there: %v", err)
	}
	if err := s.Save(NewCollector(bound(), false), 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(first, 5); err != nil {
		t.Fatal(err)
	}
	done, err := s.Load(second)
	if err != nil || done != 5 {
		t.Fatalf("%d chunks, %v", done, err)
	}
	feed(second, 2)
	for i, e := range whole.entries {
		for j, st := range e.stats {
			o := second.entries[i].stats[j]
			if o.Count != st.Count || !equal(o.Diag, st.Diag) {
				t.Errorf("%s, matrix %d: %v, want %v", e.name, j, o, st)
			}
		}
	}
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestStateRefuses(t *testing.T) {
	dir := t.TempDir()
	s := State{Path: filepath.Join(dir, "state"), Key: "k"}
	c := NewCollector(bound(), false)
	feed(c, 1)
	if err := s.Save(c, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := (State{s.Path, "other"}).Load(NewCollector(bound(), false)); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("another run's state: %v", err)
	}
	if _, err := s.Load(NewCollector(bound(), true)); err == nil || !strings.Contains(err.Error(), "4 tensors, want 6") {
		t.Errorf("a state with fewer tensors: %v", err)
	}
	raw, _ := os.ReadFile(s.Path)
	for from, to := range map[string]string{"attn_q.weight.sum2": "attn_z.weight.sum2", "quern-calibration": "quern-calibratiom"} {
		other := State{filepath.Join(dir, "other"), "k"}
		if err := os.WriteFile(other.Path, bytes.Replace(raw, []byte(from), []byte(to), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Load(NewCollector(bound(), false)); !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("with %s: %v", to, err)
		}
	}
}

// The key changes with everything that changes the result.
func TestRunKey(t *testing.T) {
	weights := func(v float32) []*formats.Tensor {
		w := arch.Floats("w", []float32{1, v})
		return []*formats.Tensor{w}
	}
	key := func(v float32, chunks [][]int32, opt string) string {
		k, err := RunKey(weights(v), chunks, opt)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	base := [][]int32{{1, 2}, {3}}
	seen := map[string]bool{key(1, base, ""): true}
	if !seen[key(1, base, "")] {
		t.Error("the key is not the same twice")
	}
	for _, k := range []string{key(2, base, ""), key(1, [][]int32{{1}, {2, 3}}, ""), key(1, [][]int32{{1, 2}, {4}}, ""), key(1, base, "x")} {
		if seen[k] {
			t.Error("two runs have one key")
		}
		seen[k] = true
	}
}
