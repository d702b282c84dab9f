//go:build slow && linux

package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"quern/formats"
	"quern/quantize"
	"quern/testdata"
)

// bigModel writes a Llama checkpoint of 2 GB in BF16 with random weights, beside the embedded model's tokenizer.
func bigModel(t *testing.T, dir string) {
	const embd, ff, layers, heads, kv, vocab = 2048, 8192, 17, 32, 8, 2048
	if err := testdata.Tiny(dir); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_size": embd,
		"intermediate_size": ff, "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv, "vocab_size": vocab,
		"rms_norm_eps": 1e-5, "rope_theta": 10000, "max_position_embeddings": 512, "tie_word_embeddings": true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644); err != nil {
		t.Fatal(err)
	}
	tensors := []*formats.Tensor{{Name: "model.embed_tokens.weight", Shape: []int{vocab, embd}}, {Name: "model.norm.weight", Shape: []int{embd}}}
	for i := range layers {
		for name, shape := range map[string][]int{"input_layernorm": {embd}, "post_attention_layernorm": {embd}, "self_attn.q_proj": {embd, embd},
			"self_attn.k_proj": {embd / 4, embd}, "self_attn.v_proj": {embd / 4, embd}, "self_attn.o_proj": {embd, embd},
			"mlp.gate_proj": {ff, embd}, "mlp.up_proj": {ff, embd}, "mlp.down_proj": {embd, ff}} {
			tensors = append(tensors, &formats.Tensor{Name: fmt.Sprintf("model.layers.%d.%s.weight", i, name), Shape: shape})
		}
	}
	sink, err := formats.Create("safetensors", filepath.Join(dir, "model.safetensors"), formats.CreateOptions{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Abort()
	for _, w := range tensors {
		w.Type = quantize.BF16
	}
	if err := sink.Begin(&formats.Meta{}, tensors); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	block, x := make([]byte, 4<<20), make([]float32, 2<<20)
	for i := range x {
		x[i] = float32(r.NormFloat64() / 50)
	}
	quantize.BF16.Encode(block, x, nil)
	for i, w := range tensors {
		for off := int64(0); off < w.Bytes(); off += int64(len(block)) {
			if err := sink.WriteAt(block[:min(int64(len(block)), w.Bytes()-off)], i, off); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := sink.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestMemoryAndWorkers quantizes 2 GB with two workers in less than 200 MB of memory, and with one worker to the same bytes.
func TestMemoryAndWorkers(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "big")
	bigModel(t, model)
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil {
		t.Logf("the peak cannot be reset, it includes making the model: %v", err)
	}
	var sums []string
	for _, workers := range []string{"2", "1"} {
		out := filepath.Join(dir, workers+"-{type}.gguf")
		if code := run([]string{"quern", "quantize", model, "Q8_0", "Q4_0", "-o", out, "--threads", workers}, os.Stdin, os.Stdout, os.Stderr); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		sums = append(sums, sum(t, filepath.Join(dir, workers+"-Q8_0.gguf"))+sum(t, filepath.Join(dir, workers+"-Q4_0.gguf")))
		if peak := peakMemory(t); peak > 200<<20 {
			t.Errorf("%s workers: peak memory %d MB, want less than 200", workers, peak>>20)
		} else {
			t.Logf("%s workers: peak memory %d MB", workers, peak>>20)
		}
	}
	if sums[0] != sums[1] {
		t.Error("one worker and two write different files")
	}
}

func sum(t *testing.T, path string) string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// peakMemory is the most that was resident; the page cache does not count.
func peakMemory(t *testing.T) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.ParseInt(string(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
