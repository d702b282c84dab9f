package model

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
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
	for _, name := range []string{"llama", "llama31", "mistral", "qwen2", "qwen3", "phi3", "gemma", "gemma2", "gemma3", "mixtral", "qwen2moe", "qwen3moe", "deepseek2", "deepseek3", "gpt2", "stablelm"} {
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
				for i := range m.layers {
					m.layers[i].window = 16 // the reference converter does not write it
				}
			}
			if file != "hf" && name == "deepseek3" {
				m.params.Mix.Gate = arch.GateSigmoid // nor this, where config.json does not say it
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

// A real, trained model: what it tells from nothing but the beginning-of-text token is a story.
func TestGreedyText(t *testing.T) {
	dir := shared(t, "golden", "stories260K")
	var file struct {
		Model struct{ Vocab map[string]int32 }
	}
	readJSON(t, dir+"/tokenizer.json", &file)
	pieces := map[int32]string{}
	for piece, id := range file.Model.Vocab {
		pieces[id] = piece
	}
	m := open(t, dir)
	for _, mode := range []Mode{Exact, Deploy} {
		story, text := []int32{1}, ""
		for range 50 {
			last := len(story) - 1
			l, _ := logits(t, m, [][]int32{story}, func(_, pos int) bool { return pos == last }, Options{Mode: mode})
			best := 0
			for i, v := range l {
				if v > l[best] {
					best = i
				}
			}
			story = append(story, int32(best))
			text += strings.ReplaceAll(pieces[int32(best)], "▁", " ")
		}
		if want := "Once upon a time, there was a little girl named Lily. She loved to play"; !strings.Contains(text, want) {
			t.Errorf("mode %d tells: %s", mode, text)
		}
	}
}
