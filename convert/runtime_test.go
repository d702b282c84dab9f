package convert

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
)

// Verdicts on folders and files whose properties are known.
func TestCheckFor(t *testing.T) {
	golden := func(name string) string { return shared(t, "golden", "gptq", name) }
	made := func(name string, opt PackOptions) string {
		p, err := NewPack(open(t, shared(t, "golden", "arch", "llama", "hf")), opt)
		if err != nil {
			t.Fatal(err)
		}
		p.Out = filepath.Join(t.TempDir(), name)
		if err := p.Run(t.Context(), RunOptions{Threads: 1}); err != nil {
			t.Fatal(err)
		}
		return p.Out
	}
	asym := made("asym", PackOptions{Format: "gptq", Group: 32, Sym: new(bool)})
	second := made("second", PackOptions{Format: "gptq_v2", Group: 64})
	narrow := made("narrow", PackOptions{Format: "awq", Group: 16})
	rows := made("rows", PackOptions{Format: "gptq", Group: -1})
	packed := made("packed", PackOptions{Format: "compressed-tensors", Group: 32})
	lies := func(name, path, says, instead string) string {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(dir, os.DirFS(path)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil || !bytes.Contains(text, []byte(says)) {
			t.Fatalf("%v: no %s in %s", err, says, text)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.json"), bytes.ReplaceAll(text, []byte(says), []byte(instead)), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for _, c := range []struct {
		path, runtime string
		tp            int
		level, says   string // of a finding; "" when it loads
	}{
		{golden("gptq-4bit-g128-sym"), "vllm", 1, "", ""},
		{golden("gptq-4bit-g128-sym"), "vllm", 2, "", ""},
		{golden("gptq-4bit-g128-sym"), "vllm", 8, "refuses", "on 8 ranks"},
		{golden("gptq-4bit-g128-sym"), "transformers", 1, "", ""},
		{golden("gptq-4bit-g128-sym"), "tensorrt-llm", 1, "", ""},
		{golden("gptq-4bit-g128-sym"), "mlx", 1, "refuses", "as if it were AWQ"},
		{golden("gptq-4bit-g128-sym"), "llama.cpp", 1, "refuses", "not folders"},
		{golden("gptq-3bit-g128-sym"), "vllm", 1, "refuses", "3 bits"},
		{golden("gptq-4bit-g32-sym-desc"), "vllm", 1, "refuses", "desc_act"},
		{golden("awq-4bit-g32-gemm"), "vllm", 1, "", ""},
		{golden("awq-4bit-g32-gemm"), "mlx", 1, "", ""},
		{golden("awq-4bit-g32-gemm"), "tensorrt-llm", 1, "refuses", "groups of 32"},
		{asym, "vllm", 1, "wrong", "zero point"},
		{asym, "transformers", 1, "", ""},
		{second, "tensorrt-llm", 1, "refuses", "gptq_v2"},
		{second, "transformers", 1, "", ""},
		{narrow, "mlx", 1, "refuses", "groups of 16, it takes groups of 32, 64, 128"},
		{narrow, "transformers", 1, "", ""},
		{rows, "tensorrt-llm", 1, "refuses", "one scale for a whole row"},
		{lies("bits", second, `"bits": 4`, `"bits": 3`), "transformers", 1, "refuses", "codes of 4 bits, quantization_config says 3"},
		{lies("group", narrow, `"group_size": 16`, `"group_size": 128`), "vllm", 1, "refuses", "groups of 16, quantization_config says groups of 128"},
		{lies("packed", packed, `"group_size": 32`, `"group_size": 64`), "transformers", 1, "refuses", "groups of 32, quantization_config says groups of 64"},
		{packed, "transformers", 1, "", ""},
		{rows, "vllm", 1, "", ""},
		{shared(t, "golden", "arch", "llama", "ref-f32.gguf"), "llama.cpp", 1, "", ""},
		{shared(t, "golden", "arch", "llama", "ref-f32.gguf"), "mlx", 1, "refuses", "not GGUF"},
	} {
		v, err := CheckFor(open(t, c.path), c.runtime, c.tp)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(c.path)
		if v.Loads != (c.level == "") {
			t.Errorf("%s for %s: loads is %v: %v", name, c.runtime, v.Loads, v.Findings)
		}
		found := c.level == ""
		for _, f := range v.Findings {
			found = found || f.Level == c.level && strings.Contains(f.What, c.says)
			if f.Source == "" {
				t.Errorf("%s for %s: %q has no source", name, c.runtime, f.What)
			}
		}
		if !found {
			t.Errorf("%s for %s: no finding says %q: %v", name, c.runtime, c.says, v.Findings)
		}
	}
	if _, err := CheckFor(&formats.Source{}, "abacus", 1); err == nil {
		t.Error("a runtime that nobody knows has a verdict")
	}
}
