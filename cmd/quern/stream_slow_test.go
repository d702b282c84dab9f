//go:build slow && linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"quern/testdata"
	"quern/verify"
)

// TestVerifyStreams verifies a model of 2 GB in 500 MB of memory: every weight is read once, and the numbers are those of a run
// that has more.
func TestVerifyStreams(t *testing.T) {
	dir := t.TempDir()
	model, text := filepath.Join(dir, "big"), filepath.Join(dir, "text")
	bigModel(t, model)
	if err := os.WriteFile(text, testdata.HeldOut(), 0o644); err != nil {
		t.Fatal(err)
	}
	weights, err := os.Stat(filepath.Join(model, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var perplexity []float64
	for _, limit := range []int64{500, 4000} {
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil {
			t.Logf("the peak cannot be reset, it includes making the model: %v", err)
		}
		before := bytesRead(t)
		out := filepath.Join(dir, "report.json")
		code := run([]string{"quern", "verify", model, "--text", text, "--ctx", "64", "--chunks", "9", "--json-file", out,
			"--max-ram", strconv.FormatInt(limit, 10) + "MB"}, os.Stdin, os.Stdout, os.Stderr)
		if code != 0 {
			t.Fatalf("exit code %d", code)
		}
		read, peak := bytesRead(t)-before, peakMemory(t)
		t.Logf("limit %d MB: peak %d MB, %d MB read of %d", limit, peak>>20, read>>20, weights.Size()>>20)
		if peak > limit*1e6 {
			t.Errorf("peak memory %d MB, allowed are %d", peak/1e6, limit)
		}
		if read < weights.Size()*99/100 || read > weights.Size()*105/100 {
			t.Errorf("%d bytes read of a model of %d", read, weights.Size())
		}
		perplexity = append(perplexity, reported(t, out))
	}
	if perplexity[0] != perplexity[1] {
		t.Errorf("perplexities %v", perplexity)
	}
}

func reported(t *testing.T, path string) float64 {
	b, err := os.ReadFile(path)
	var rep verify.Report
	if err == nil {
		err = json.Unmarshal(b, &rep)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rep.Models[0].Perplexity.Value
}

// bytesRead is what this process has read so far, from disks or the page cache.
func bytesRead(t *testing.T) int64 {
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skipf("the system does not count reads: %v", err)
	}
	n, err := strconv.ParseInt(string(regexp.MustCompile(`rchar: (\d+)`).FindSubmatch(io)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
