package calib

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/internal/golden"
)

// mixture is a golden mixture of experts, and chunks of its tokens.
func mixture(t *testing.T, name string) (*Subject, [][]int32) {
	t.Helper()
	dir := golden.Path(t, "golden", "arch", name)
	s, err := Open(filepath.Join(dir, "hf"), "gpt-2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	text, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tokens []int32
	if err := json.Unmarshal(text, &tokens); err != nil {
		t.Fatal(err)
	}
	return s, [][]int32{tokens[:24], tokens[24:48], tokens[30:54], tokens[8:32]}
}

// Every token is counted for as many experts as it is given to, whatever the number of threads and wherever a run is cut off; heads of
// latent attention share one count.
func TestCalibratesExperts(t *testing.T) {
	for _, name := range []string{"mixtral", "qwen2moe", "deepseek2", "deepseek3"} {
		s, chunks := mixture(t, name)
		used := int64(s.Params().Mix.Used)
		var first *formats.Imatrix
		for threads := 1; threads <= 3; threads++ {
			c := s.Collector(false)
			opt := Options{}
			opt.Threads = threads
			if threads > 1 { // cut off after two chunks, and taken up
				if err := Run(t.Context(), s, c, chunks[:2], opt); err != nil {
					t.Fatal(err)
				}
				kept := State{Path: filepath.Join(t.TempDir(), "state"), Key: "key"}
				if err := kept.Save(c, 2); err != nil {
					t.Fatal(err)
				}
				c = s.Collector(false)
				var err error
				if opt.Done, err = kept.Load(c); err != nil || opt.Done != 2 {
					t.Fatal(opt.Done, err)
				}
			}
			if err := Run(t.Context(), s, c, chunks, opt); err != nil {
				t.Fatal(err)
			}
			m, err := c.Imatrix()
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = m
			}
			if !reflect.DeepEqual(m.Entries, first.Entries) {
				t.Errorf("%s: %d threads, cut off and taken up, give other sums", name, threads)
			}
		}
		for _, e := range first.Entries {
			total, want := int64(0), int64(96)
			for _, n := range e.Counts {
				total += n
			}
			if strings.Contains(e.Name, "_exps") {
				want *= used
			}
			if total != want {
				t.Errorf("%s %s: counts %v are %d, want %d", name, e.Name, e.Counts, total, want)
			}
		}
		quantizesWith(t, s, first, name)
	}
}

// quantizesWith plans a type that needs importance: experts that few tokens reached are named, with the others' mean.
func quantizesWith(t *testing.T, s *Subject, m *formats.Imatrix, name string) {
	t.Helper()
	recipe, err := convert.RecipeByName("Q4_0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := convert.NewPlan(s.src, recipe, convert.Options{Imatrix: m, Pre: "gpt-2"})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	rare := map[string][]int{}
	for _, c := range CoverageOf(m, formats.RareTokens) {
		rare[c.Tensor] = c.Rare
	}
	if len(rare) == 0 {
		t.Errorf("%s: no tensor of experts is covered", name)
	}
	for _, step := range p.Steps {
		if list, ok := rare[step.Name]; ok && (!step.Weighed || !reflect.DeepEqual(step.Borrowed, list)) {
			t.Errorf("%s %s: weighed %v, borrowed %v, rare are %v", name, step.Name, step.Weighed, step.Borrowed, list)
		}
	}
}
