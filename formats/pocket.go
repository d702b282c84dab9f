package formats

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
)

// Pocket TTS is published as weights and a tokenizer.model, without a config.json: its sizes are those of its tensors (github.com/kyutai-labs/pocket-tts, which has the rest in code). withConfig shows such a
// folder as one that has a config.json, so that nothing beyond this file knows of it.
func withConfig(src *Source) error {
	embed := src.Tensor("flow_lm.conditioner.embed.weight")
	if embed == nil || src.Tensor("flow_lm.bos_emb") == nil {
		return nil
	}
	if _, err := src.File("config.json"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	size := func(name string, axis int) int {
		if t := src.Tensor(name); t != nil && axis < len(t.Shape) {
			return t.Shape[axis]
		}
		return 0
	}
	count := func(before, after string) (n int) {
		for _, t := range src.Tensors {
			if strings.HasPrefix(t.Name, before) && strings.HasSuffix(t.Name, after) {
				n++
			}
		}
		return n
	}
	const (
		said  = "flow_lm.transformer.layers."
		heard = "mimi.encoder_transformer.transformer.layers."
		flow  = "flow_lm.flow_net."
		head  = 64 // of every model, and nothing tells it
	)
	width, ear := size("flow_lm.conditioner.embed.weight", 1), size(heard+"0.norm1.weight", 0)
	config := map[string]any{
		"architectures": []string{"PocketTTSModel"}, "model_type": "pockettts",
		"num_hidden_layers": count(said, ".norm1.weight"), "hidden_size": width, "intermediate_size": size(said+"0.linear1.weight", 0), "num_attention_heads": width / head,
		"vocab_size": size("flow_lm.conditioner.embed.weight", 0) - 1, "max_position_embeddings": 4096, "rope_theta": 10000.0, "layer_norm_eps": 1e-5,
		"latent_size": size("flow_lm.bos_emb", 0), "bos_before_voice": src.Tensor("flow_lm.bos_before_voice") != nil,
		"audio_config": map[string]any{"num_hidden_layers": count(heard, ".norm1.weight"), "hidden_size": ear, "intermediate_size": size(heard+"0.linear1.weight", 0), "num_attention_heads": ear / head,
			"latent_size": size("mimi.downsample.conv.conv.weight", 0), "num_filters": size("mimi.encoder.model.0.conv.bias", 0)},
		"flow_config": map[string]any{"hidden_size": size(flow+"input_proj.weight", 0), "num_hidden_layers": count(flow+"res_blocks.", ".in_ln.weight"), "num_frequencies": size(flow+"time_embed.0.freqs", 0)},
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	src.show("config.json", text)
	return nil
}
