package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/convert"
	"quern/formats"
	"quern/internal/golden"
	"quern/internal/model"
	"quern/testdata"
)

// halves makes questions of the held-out text in HellaSwag's format: which second half belongs to the first half of a sentence?
func halves(n int) string {
	var long [][]string
	for _, line := range strings.Split(string(testdata.HeldOut()), "\n") {
		if words := strings.Fields(line); len(words) >= 12 {
			long = append(long, words)
		}
	}
	var b strings.Builder
	for i := range n {
		gold := i % 4
		fmt.Fprintf(&b, "%s\n%d\n", strings.Join(long[i][:len(long[i])/2], " "), gold)
		for c := range 4 {
			words := long[i+(c-gold+4)%4*7]
			fmt.Fprintln(&b, strings.Join(words[len(words)/2:], " "))
		}
	}
	return b.String()
}

// TestScoresEqualLlamaPerplexity answers the questions that llama-perplexity (August 2026) answered with the embedded model as F32, in the order in
// which it did, and gets the same ones right. Its options were -ctk f32 -ctv f32 -fa off and the number of tasks.
func TestScoresEqualLlamaPerplexity(t *testing.T) {
	dir := t.TempDir()
	if err := testdata.Tiny(dir); err != nil {
		t.Fatal(err)
	}
	src, err := formats.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	m, err := model.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	toks, err := convert.Tokenizer(src, "")
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "halves.txt")
	if err := os.WriteFile(own, []byte(halves(48)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, kind, right string }{
		{own, "hellaswag", "+--+--+--++-++--+------+-+-++--+-+++----"},
		{"arc-easy-test.bin", "multiple-choice", "++----+-------------+---------++-+---------++---+--------+++"},
		{"winogrande-dev.csv", "winogrande", "-++++++-+---++--++--+++++++++-+-+-++++-+-----+++---+--+----+"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			path := c.file
			if path != own {
				path = golden.Path(t, "data/eval/"+c.file)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			q, f, err := ReadTask(path, b, "", len(c.right))
			if err != nil || f.Name != c.kind || len(q) != len(c.right) {
				t.Fatalf("%d questions in %v, %v", len(q), f, err)
			}
			task, err := RunTask(t.Context(), []Side{{"tiny", m, m.Params().Vocab}}, toks, path, f.Name, q, model.Options{Mode: model.Exact, Threads: 2}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range task.Models[0].right {
				got += map[bool]string{true: "+", false: "-"}[r]
			}
			if got != c.right {
				t.Errorf("right answers\n%s, llama-perplexity's\n%s", got, c.right)
			}
		})
	}
}
