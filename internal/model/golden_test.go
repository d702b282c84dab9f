package model

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"quern/formats"
)

func open(t testing.TB, path string) *Model {
	t.Helper()
	src, err := formats.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(src)
	if err != nil {
		src.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// The reference logits are those of transformers in float32.
func TestExactEqualsTransformers(t *testing.T) {
	for _, name := range []string{"llama", "llama31", "mistral"} {
		dir := shared(t, "golden", "arch", name)
		var batch []int32
		readTokens(t, dir+"/tokens.json", &batch)
		want := readFloats(t, dir+"/logits.f32")
		for _, file := range []string{"hf", "ref-f32.gguf"} {
			path := dir + "/" + file
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			m := open(t, path)
			if file != "hf" && name == "mistral" {
				m.params.Window = 16 // the reference converter does not write it
			}
			got, _ := logits(t, m, [][]int32{batch}, nil, Options{})
			if len(got) != len(want) {
				t.Fatalf("%s: %d logits, want %d", path, len(got), len(want))
			}
			d := distance(got, widened(want))
			t.Logf("%s/%s: %d tokens, %.1e of the spread", name, file, len(batch), d)
			if !(d < 2e-4) {
				t.Errorf("%s/%s: differs by %.2g of the spread", name, file, d)
			}
		}
	}
}

func readTokens(t testing.TB, path string, dst *[]int32) {
	t.Helper()
	readJSON(t, path, dst)
}

func widened(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
