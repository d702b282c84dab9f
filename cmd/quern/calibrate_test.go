package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
)

// runFiles runs the program and returns its exit code and what it said.
func runFiles(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	dir := t.TempDir()
	files := make([]*os.File, 2)
	for i, name := range []string{"out", "err"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	code = run(append([]string{"quern"}, args...), os.Stdin, files[0], files[1])
	o, _ := os.ReadFile(files[0].Name())
	e, _ := os.ReadFile(files[1].Name())
	return code, string(o), string(e)
}

// Experts that few tokens reached are shown, and fail a gate; the file is written all the same.
func TestExpertGate(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.gguf"), filepath.Join(dir, "out.gguf")
	m := &formats.Imatrix{Chunks: 1, ChunkSize: 128, Datasets: []string{"t"}, Entries: []formats.ImatrixEntry{
		{Name: "blk.0.attn_q.weight", Sums: []float32{1, 2}, Counts: []int64{128}},
		{Name: "blk.0.ffn_up_exps.weight", Sums: []float32{1, 2, 3, 4, 0, 0}, Counts: []int64{100, 40, 0}},
	}}
	if err := formats.WriteImatrix(in, m, false); err != nil {
		t.Fatal(err)
	}
	code, said, errs := runFiles(t, "calibrate", "--in", in, "-o", out, "--min-expert-tokens", "50")
	if code != exitGate || !strings.Contains(errs, "blk.0.ffn_up_exps.weight: an expert was reached by 0 tokens, 50 are demanded") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if !strings.Contains(said, "blk.0.ffn_up_exps.weight        3              0      40   100     2") {
		t.Errorf("coverage is not shown: %q", said)
	}
	if _, err := formats.ReadImatrix(out); err != nil {
		t.Error(err)
	}
	if code, said, errs = runFiles(t, "calibrate", "--in", in, "-o", out, "-f", "--json"); code != exitOK || !strings.Contains(said, `"min_tokens": 0`) {
		t.Errorf("exit code %d, %q, %q", code, said, errs)
	}
}
