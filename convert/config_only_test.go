package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/formats"
)

// giant writes a config.json and returns where.
func giant(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	qwen72 = `{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 8192, "intermediate_size": 29568,
		"num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 152064,
		"max_position_embeddings": 32768, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06, "tie_word_embeddings": false,
		"use_sliding_window": false, "torch_dtype": "bfloat16"}`
	deepseek236 = `{"architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "hidden_size": 5120, "intermediate_size": 12288,
		"moe_intermediate_size": 1536, "num_hidden_layers": 60, "num_attention_heads": 128, "num_key_value_heads": 128, "vocab_size": 102400,
		"q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 160,
		"n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "n_group": 8, "topk_group": 3, "routed_scaling_factor": 16.0,
		"topk_method": "group_limited_greedy", "scoring_func": "softmax", "norm_topk_prob": false, "max_position_embeddings": 163840,
		"rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1,
			"mscale": 1.0, "mscale_all_dim": 1.0}, "rope_theta": 10000, "rms_norm_eps": 1e-06, "tie_word_embeddings": false}`
)

// Plans of giants have the number of weights that is published for them, and need no more memory than others.
func TestPlansOfGiants(t *testing.T) {
	configs := shared(t, "golden", "configs")
	for _, g := range []struct {
		name, path string
		weights    int64
	}{
		{"Mixtral-8x7B", configs + "/mistralai--Mixtral-8x7B-v0.1_config.json", 46702792704},
		{"Mixtral-8x22B", configs + "/mistralai--Mixtral-8x22B-v0.1_config.json", 140620634112},
		{"Llama-3.1-405B", configs + "/meta-llama--Meta-Llama-3.1-405B_config.json", 405853388800 + 64}, // and the factors of frequencies
		{"Qwen2-72B", giant(t, qwen72), 72706203648},
		{"Qwen3-235B-A22B", configs + "/Qwen--Qwen3-235B-A22B_config.json", 235093634560},
		{"DeepSeek-V2", giant(t, deepseek236), 235741434880},
		{"DeepSeek-V3", configs + "/deepseek-ai--DeepSeek-V3_config.json", 671026419200},
		{"gpt-oss-120b", configs + "/openai--gpt-oss-120b_config.json", 116829156672},
		{"Kimi-K2.5", configs + "/moonshotai--Kimi-K2.5_config.json", 1026408232448},
		{"Qwen3-VL-2B", configs + "/Qwen--Qwen3-VL-2B-Instruct_config.json", 1720574976},
		{"Kimi-K2", configs + "/moonshotai--Kimi-K2-Instruct_config.json", 1026408232448},
	} {
		src, err := FromConfig(namedConfig(t, g.path))
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		p := plan(t, src, "Q4_K_M", Options{})
		if p.Weights != g.weights {
			t.Errorf("%s has %d weights, want %d", g.name, p.Weights, g.weights)
		}
		if p.Bits < 4.5 || p.Bits > 6.1 || p.Peak > 1<<30 {
			t.Errorf("%s: %.2f bits, %d bytes of memory", g.name, p.Bits, p.Peak)
		}
		if text := strings.Join(p.Warnings, "\n"); !strings.Contains(text, "no tokenizer lies beside") {
			t.Errorf("%s warns of %q", g.name, text)
		}
	}
}

// namedConfig copies a file to a folder of its own, under the name that it has beside weights.
func namedConfig(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return giant(t, string(text))
}

// What is planned from the configuration alone is what is planned from the checkpoint.
func TestPlanFromConfigIsThePlan(t *testing.T) {
	for _, name := range []string{"llama", "llama31", "mistral", "qwen2", "qwen3", "phi3", "gemma", "gemma2", "gemma3", "mixtral", "qwen2moe", "qwen3moe", "deepseek2", "deepseek3"} {
		dir := shared(t, "golden", "arch", name, "hf")
		src, err := FromConfig(dir + "/config.json")
		if err != nil {
			t.Fatal(err)
		}
		got, want := plan(t, src, "Q4_0", Options{}), plan(t, open(t, dir), "Q4_0", Options{})
		if got.Size != want.Size || got.Peak != want.Peak || len(got.Steps) != len(want.Steps) {
			t.Errorf("%s: %d bytes, %d tensors, want %d, %d", name, got.Size, len(got.Steps), want.Size, len(want.Steps))
		}
		for i := range want.Steps {
			if g, w := got.Steps[i], want.Steps[i]; g.Name != w.Name || g.Type != w.Type || g.From != w.From || g.Bytes != w.Bytes || g.Stored != w.Stored {
				t.Errorf("%s: %+v, want %+v", name, g, w)
			}
		}
		got.Out = filepath.Join(t.TempDir(), "out.gguf")
		if err := Run(t.Context(), []*Plan{got}, RunOptions{}); err == nil || !strings.Contains(err.Error(), "no weights") {
			t.Errorf("%s: a run without weights: %v", name, err)
		}
	}
}

func TestFromConfigRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":      "[]",
		"no family":     `{"architectures": ["Nobody"]}`,
		"no size":       `{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}`,
		"many experts":  strings.Replace(deepseek236, `"n_routed_experts": 160`, `"n_routed_experts": 4000`, 1),
		"endless layer": strings.Replace(qwen72, `"num_hidden_layers": 80`, `"num_hidden_layers": 100000000`, 1),
	} {
		if _, err := FromConfig(giant(t, text)); err == nil || formats.Hint(err) == "" && !strings.Contains(err.Error(), "config.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Numbers that Python writes and JSON does not know harm nothing where they do not matter, with quantized weights and without.
func TestConfigOnlyWithInfinity(t *testing.T) {
	for _, more := range []string{"", `, "quantization_config": {"quant_method": "fp8"}`} {
		text := strings.TrimSuffix(strings.TrimSpace(qwen72), "}") + `, "time_step_limit": [0.0, Infinity]` + more + "}"
		src, err := FromConfig(giant(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if p := plan(t, src, "Q8_0", Options{}); p.Weights != 72706203648 {
			t.Errorf("%d weights", p.Weights)
		}
	}
}
