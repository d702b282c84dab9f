package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// seeing makes a LLaVA of the tiny model: its tensors under LLaVA's names, and a tower and a projector whose weights are zero.
func seeing(t *testing.T, tiny, dir string) {
	t.Helper()
	read := func(name string, v any) []byte {
		b, err := os.ReadFile(filepath.Join(tiny, name))
		if err == nil && v != nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var text map[string]any
	read("config.json", &text)
	width := int(text["hidden_size"].(float64))
	config, err := json.Marshal(map[string]any{"architectures": []string{"LlavaForConditionalGeneration"}, "model_type": "llava", "text_config": text,
		"tie_word_embeddings": text["tie_word_embeddings"], "vision_config": map[string]any{"model_type": "clip_vision_model", "hidden_size": 32,
			"intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}})
	if err != nil {
		t.Fatal(err)
	}
	write("config.json", config)
	write("tokenizer.json", read("tokenizer.json", nil))

	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	file := read("model.safetensors", nil)
	n := int(binary.LittleEndian.Uint64(file))
	var old map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &old); err != nil {
		t.Fatal(err)
	}
	header, size := map[string]any{}, len(file)-8-n
	for name, e := range old {
		if name != "__metadata__" {
			header["language_model."+name] = e
		}
	}
	add := func(name string, shape ...int) {
		count := 4
		for _, d := range shape {
			count *= d
		}
		header[name] = entry{"F32", shape, [2]int{size, size + count}}
		size += count
	}
	affine := func(name string, shape ...int) {
		add(name+".weight", shape...)
		add(name+".bias", shape[0])
	}
	const at = "vision_tower.vision_model."
	add(at+"embeddings.class_embedding", 32)
	add(at+"embeddings.patch_embedding.weight", 32, 3, 14, 14)
	add(at+"embeddings.position_embedding.weight", 5, 32)
	for _, norm := range []string{"pre_layrnorm", "post_layernorm", "encoder.layers.0.layer_norm1", "encoder.layers.0.layer_norm2", "encoder.layers.1.layer_norm1",
		"encoder.layers.1.layer_norm2"} {
		affine(at+norm, 32)
	}
	for l := range 2 {
		layer := fmt.Sprintf("%sencoder.layers.%d.", at, l)
		for _, m := range []string{"q_proj", "k_proj", "v_proj", "out_proj"} {
			affine(layer+"self_attn."+m, 32, 32)
		}
		affine(layer+"mlp.fc1", 48, 32)
		affine(layer+"mlp.fc2", 32, 48)
	}
	affine("multi_modal_projector.linear_1", width, 32)
	affine("multi_modal_projector.linear_2", width, width)
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	out = append(out, file[8+n:]...)
	write("model.safetensors", append(out, make([]byte, size-(len(file)-8-n))...))
}
