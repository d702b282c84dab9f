package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// Mistral publishes its models in a layout of its own as well: params.json, consolidated*.safetensors, other names, and the two
// dimensions of a head that are rotated together side by side instead of half a head apart. asHF shows such a folder as one in
// Hugging Face's layout, so that nothing beyond this file knows of it. Names: github.com/mistralai/mistral-inference.
func asHF(src *Source) error {
	text, err := src.File("params.json")
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{File: src.Path, Err: Unsupported("weights in Mistral's own layout (consolidated*.safetensors) without a params.json"),
			Hint: "give the folder as it was published"}
	}
	if err != nil {
		return err
	}
	var params map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	path := filepath.Join(src.Path, "params.json")
	if err := d.Decode(&params); err != nil {
		return &Error{File: path, Err: Corrupt("not a JSON object: %v", err)}
	}
	config, err := configOf(params)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = path
		}
		return err
	}
	if text, err = json.Marshal(config); err != nil {
		return err
	}
	src.show("config.json", text)
	for _, t := range src.Tensors {
		if err := renameNative(t, config, path); err != nil {
			return err
		}
	}
	return nil
}

// show puts a text beside the weights that is in no file.
func (s *Source) show(name string, text []byte) {
	beside := s.File
	s.File = func(other string) ([]byte, error) {
		if other == name {
			return text, nil
		}
		return beside(other)
	}
}

// nativeKeys are the keys of params.json and what config.json calls them; "" for those that change nothing.
var nativeKeys = map[string]string{
	"dim": "hidden_size", "n_layers": "num_hidden_layers", "n_heads": "num_attention_heads", "n_kv_heads": "num_key_value_heads",
	"head_dim": "head_dim", "hidden_dim": "intermediate_size", "norm_eps": "rms_norm_eps", "vocab_size": "vocab_size",
	"rope_theta": "rope_theta", "sliding_window": "sliding_window", "max_seq_len": "max_position_embeddings",
	"max_position_embeddings": "max_position_embeddings", "tied_embeddings": "tie_word_embeddings",
	"model_type": "", "max_batch_size": "", "causal": "", "lora": "", "moe": "",
}

// configOf is the config.json that a params.json stands for. A key that is not known and says something is refused.
func configOf(params map[string]any) (map[string]any, error) {
	config := map[string]any{"architectures": []string{"MistralForCausalLM"}, "model_type": "mistral", "sliding_window": nil}
	for key, v := range params {
		to, ok := nativeKeys[key]
		switch {
		case !ok && v != nil && v != false:
			return nil, &Error{Tensor: key, Err: Unsupported("what this does is not known in Mistral's own layout"),
				Hint: "take the same model in Hugging Face's layout, with a config.json"}
		case to != "" && v != nil:
			config[to] = v
		}
	}
	if moe, ok := params["moe"].(map[string]any); ok {
		config["architectures"], config["model_type"] = []string{"MixtralForCausalLM"}, "mixtral"
		config["num_local_experts"], config["num_experts_per_tok"] = moe["num_experts"], moe["num_experts_per_tok"]
	}
	if config["rope_theta"] == nil { // so the library that these folders are for
		config["rope_theta"] = 1e6
		if config["sliding_window"] != nil {
			config["rope_theta"] = 1e4
		}
	}
	return config, nil
}

// nativeNames are parts of names, before ".weight".
var nativeNames = map[string]string{
	"tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head", "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
	"attention.wq": "self_attn.q_proj", "attention.wk": "self_attn.k_proj", "attention.wv": "self_attn.v_proj", "attention.wo": "self_attn.o_proj",
	"feed_forward.w1": "mlp.gate_proj", "feed_forward.w2": "mlp.down_proj", "feed_forward.w3": "mlp.up_proj", "feed_forward.gate": "block_sparse_moe.gate",
}

// renameNative gives a tensor Hugging Face's name and order of rows. One that is not known keeps its name, and is refused by it.
func renameNative(t *Tensor, config map[string]any, path string) error {
	name, ok := strings.CutSuffix(t.Name, ".weight")
	if !ok {
		return nil
	}
	before, part := "", name
	if rest, inLayer := strings.CutPrefix(name, "layers."); inLayer {
		n, inner, _ := strings.Cut(rest, ".")
		before, part = "model.layers."+n+".", inner
	}
	to, known := nativeNames[part]
	if expert, ok := strings.CutPrefix(part, "feed_forward.experts."); ok {
		to, known = "block_sparse_moe.experts."+expert, true
	}
	if !known {
		return nil
	}
	t.Name = before + to + ".weight"
	switch part {
	case "attention.wq":
		return halveHeads(t, config["num_attention_heads"], path)
	case "attention.wk":
		return halveHeads(t, config["num_key_value_heads"], path)
	}
	return nil
}

// halveHeads is a matrix whose heads have their rows in pairs, with the first of each pair before all the second.
func halveHeads(t *Tensor, of any, path string) error {
	n, ok := of.(json.Number)
	heads, err := n.Int64()
	if !ok || err != nil || heads <= 0 || len(t.Shape) != 2 || int64(t.Shape[0])%(2*heads) != 0 || t.Type.Block != 1 {
		return &Error{File: path, Tensor: t.Name, Err: Corrupt("its shape %v is not that of %v heads", t.Shape, of)}
	}
	cols, dim := int64(t.Shape[1]), int64(t.Shape[0])/heads
	readable(t, &strided{r: t.Raw, unit: int64(t.Type.Bytes), size: t.Bytes(), shape: []int64{heads, 2, dim / 2, cols},
		stride: []int64{dim * cols, cols, 2 * cols, 1}}, path, 0)
	return nil
}
