package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// nativeName is what Mistral's own layout calls a tensor.
var nativeName = strings.NewReplacer("model.embed_tokens", "tok_embeddings", "model.norm", "norm", "lm_head", "output", "model.layers", "layers",
	"self_attn.q_proj", "attention.wq", "self_attn.k_proj", "attention.wk", "self_attn.v_proj", "attention.wv", "self_attn.o_proj", "attention.wo",
	"mlp.gate_proj", "feed_forward.w1", "mlp.down_proj", "feed_forward.w2", "mlp.up_proj", "feed_forward.w3", "block_sparse_moe", "feed_forward",
	"input_layernorm", "attention_norm", "post_attention_layernorm", "ffn_norm")

// paired brings the rows of each head from halves to pairs, which is how that layout has them.
func paired(v []float32, heads, cols int) []float32 {
	dim := len(v) / cols / heads
	out := make([]float32, 0, len(v))
	for h := range heads {
		for i := range dim {
			row := h*dim + i/2 + i%2*dim/2
			out = append(out, v[row*cols:(row+1)*cols]...)
		}
	}
	return out
}

// nativeFolder is a reference checkpoint in Mistral's own layout.
func nativeFolder(t *testing.T, name string, change func(params map[string]any)) string {
	src := open(t, shared(t, "golden", "arch", name, "hf"))
	text, err := src.File("config.json")
	if err != nil {
		t.Fatal(err)
	}
	var config, params = map[string]any{}, map[string]any{}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	for to, from := range map[string]string{"dim": "hidden_size", "n_layers": "num_hidden_layers", "n_heads": "num_attention_heads", "n_kv_heads": "num_key_value_heads",
		"head_dim": "head_dim", "hidden_dim": "intermediate_size", "norm_eps": "rms_norm_eps", "vocab_size": "vocab_size", "sliding_window": "sliding_window",
		"max_position_embeddings": "max_position_embeddings"} {
		params[to] = config[from]
	}
	params["rope_theta"] = config["rope_parameters"].(map[string]any)["rope_theta"]
	if n := config["num_local_experts"]; n != nil {
		params["moe"] = map[string]any{"num_experts": n, "num_experts_per_tok": config["num_experts_per_tok"]}
	}
	if change != nil {
		change(params)
	}
	var tensors []*formats.Tensor
	for _, x := range src.Tensors {
		v := make([]float32, x.Elems())
		if err := x.Rows.ReadRows(v, 0); err != nil {
			t.Fatal(err)
		}
		for part, heads := range map[string]string{"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"} {
			if strings.Contains(x.Name, part) {
				v = paired(v, int(config[heads].(float64)), x.Cols())
			}
		}
		tensors = append(tensors, &formats.Tensor{Name: nativeName.Replace(x.Name), Shape: x.Shape, Type: quantize.F32, Rows: memoryRows{v, x.Cols()}})
	}
	dir := t.TempDir()
	if err := writeTensors(filepath.Join(dir, "consolidated.safetensors"), tensors); err != nil {
		t.Fatal(err)
	}
	text, _ = json.Marshal(params)
	tokenizer, err := src.File("tokenizer.json")
	for name, text := range map[string][]byte{"params.json": text, "tokenizer.json": tokenizer} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A model in Mistral's own layout becomes the file that it becomes from Hugging Face's.
func TestNativeLayout(t *testing.T) {
	for _, name := range []string{"mistral", "mixtral"} {
		ours, want := converted(t, nativeFolder(t, name, nil), "F32"), converted(t, shared(t, "golden", "arch", name, "hf"), "F32")
		for _, k := range want.Meta.Keys() {
			if strings.HasPrefix(k, "llama.") && ours.Meta.Value(k) != want.Meta.Value(k) {
				t.Errorf("%s: %s is %v, want %v", name, k, ours.Meta.Value(k), want.Meta.Value(k))
			}
		}
		if len(ours.Tensors) != len(want.Tensors) {
			t.Errorf("%s: %d tensors, want %d", name, len(ours.Tensors), len(want.Tensors))
		}
		for _, w := range want.Tensors {
			if o := ours.Tensor(w.Name); o == nil || !slices.Equal(o.Shape, w.Shape) || !bytes.Equal(body(t, o), body(t, w)) {
				t.Errorf("%s: %s differs", name, w.Name)
			}
		}
	}
}

// What this layout says and nothing here knows is refused, by name.
func TestNativeLayoutRefuses(t *testing.T) {
	for says, change := range map[string]func(params map[string]any){
		"yarn":                  func(p map[string]any) { p["yarn"] = map[string]any{"factor": 16} },
		"quantization":          func(p map[string]any) { p["quantization"] = map[string]any{"qformat_weight": "fp8_e4m3"} },
		"q_proj.weight":         func(p map[string]any) { p["n_heads"] = 5 },
		"k_proj.weight":         func(p map[string]any) { p["n_kv_heads"] = "two" },
		"num_local_experts":     func(p map[string]any) { p["moe"] = map[string]any{"num_experts": "all"} },
		"no params.json at all": nil,
	} {
		dir := nativeFolder(t, "mistral", change)
		if change == nil {
			os.Remove(filepath.Join(dir, "params.json"))
			says = "without a params.json"
		}
		src, err := formats.Open(dir)
		if err == nil {
			_, err = arch.Bind(src)
			src.Close()
		}
		if err == nil || !strings.Contains(err.Error(), says) || !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
