package convert

import (
	"fmt"
	"testing"
)

// Names that the reference converter's own heuristics were observed on, or that follow from them.
func TestParseID(t *testing.T) {
	for _, test := range []struct {
		id      string
		weights int64
		want    modelID
	}{
		{"meta-llama/Llama-3.1-8B-Instruct", 8e9, modelID{"Llama-3.1-8B-Instruct", "meta-llama", "Llama-3.1", "Instruct", "", "8B"}},
		{"smollm2-135m-hf-bf16-from-q4_1", 134515008, modelID{"smollm2-135m-hf-bf16-from-q4_1", "", "smollm2", "hf-from", "", "135M"}},
		{"Mixtral-8x7B-Instruct-v0.1", 46e9, modelID{"Mixtral-8x7B-Instruct-v0.1", "", "Mixtral", "Instruct", "v0.1", "8x7B"}},
		{"Phi-3-mini-128k-instruct", 38e8, modelID{"Phi-3-mini-128k-instruct", "", "Phi-3", "128k-instruct", "", "mini"}},
		{"gemma-2-2b-it", 26e8, modelID{"gemma-2-2b-it", "", "gemma-2", "it", "", "2B"}},
		{"bloom-7b1-petals", 7e9, modelID{"bloom-7b1-petals", "", "bloom", "petals", "", "7.1B"}},
		{"hf", 1e6, modelID{full: "hf"}},
		{"Llama", 1e6, modelID{full: "Llama"}},
		{"Yi-34B", 34e9, modelID{"Yi-34B", "", "Yi", "", "", "34B"}},
		{"./Yi-34B-Chat-v2", 34e9, modelID{"Yi-34B-Chat-v2", "", "Yi", "Chat", "v2", "34B"}},
		{"a model with spaces", 0, modelID{full: "a model with spaces"}},
	} {
		if got := parseID(test.id, test.weights); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.id, got, test.want)
		}
	}
}

func TestTitle(t *testing.T) {
	for id, want := range map[string]string{
		"smollm2-135m-hf-bf16-from-q4_1": "Smollm2 135m Hf Bf16 From Q4_1", "hf": "Hf", "meta-llama": "Meta Llama", "Llama-3.2-1B": "Llama 3.2 1B",
		"mix1-lc100k-v0.1": "Mix1 Lc100K v0.1", "Qwen2.5-7B": "Qwen2.5 7B",
	} {
		if got := title(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestSizeLabel(t *testing.T) {
	for n, want := range map[int64]string{8030261248: "8.0B", 494032768: "494M", 1235814400: "1.2B", 1444608: "1.4M", 107336: "107K", 0: "0.00K", 9960000: "10M", 950: "1.0K"} {
		if got := sizeLabel(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestOutName(t *testing.T) {
	for source, want := range map[string]string{
		"models/llama/": "models/llama-Q4_K_M.gguf", "a/llama-F16.gguf": "a/llama-Q4_K_M.gguf", "a/x-Q8_0-00001-of-00003.gguf": "a/x-Q4_K_M.gguf",
		"my-model.gguf": "my-model-Q4_K_M.gguf", "model.safetensors": "model-Q4_K_M.gguf", "Phi-3.5": "Phi-3.5-Q4_K_M.gguf",
	} {
		if got := OutName(source, "Q4_K_M"); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestFrontMatter(t *testing.T) {
	text := "---\r\nlicense: apache-2.0\nlanguage:\n- en\n- no\nbase_model: meta-llama/Llama-3.2-1B\nversion: 1.5\n---\n# text\n---\n"
	c, ok := parseCard([]byte(text))
	if !ok || c.text("license") != "apache-2.0" || fmt.Sprint(c.list("language")) != "[en no]" || c.text("version") != "1.5" {
		t.Errorf("%v", c)
	}
	r := c.relatives(1e9, "base_model", "base_models")
	want := relative{name: "Llama 3.2 1B", organization: "Meta Llama", repo: "https://huggingface.co/meta-llama/Llama-3.2-1B"}
	if len(r) != 1 || r[0] != want {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"", "# no card", "---\n: : :\n\x00\n---\n", "---\n- a\n- list\n---\n"} {
		if c, ok := parseCard([]byte(bad)); ok && len(c) > 0 {
			t.Errorf("%q: %v", bad, c)
		}
	}
}
