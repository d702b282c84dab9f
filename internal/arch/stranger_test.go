package arch

import (
	"strings"
	"testing"
)

// A class that is not known is refused with what config.json tells about why.
func TestStrangers(t *testing.T) {
	for _, test := range []struct{ config, says string }{
		{`{"architectures": ["Zamba2ForCausalLM"], "mamba_d_state": 128, "mamba_expand": 2}`, "state instead of keys"},
		{`{"architectures": ["KimiK3ForConditionalGeneration"], "text_config": {"linear_attn_config": {"head_dim": 8}, "model_type": "kimi_linear"}}`, `linear attention, otherwise than in the families here; its language model is of type "kimi_linear"`},
		{`{"architectures": ["DeepseekV5ForCausalLM"], "index_topk": 2048}`, "chooses the positions"},
		{`{"architectures": ["AlbertModel"], "type_vocab_size": 2}`, "an encoder of another kind"},
		{`{"architectures": ["BitNetForQuestionAnswering"], "hidden_act": "relu2"}`, "is not known"},
		{`{"architectures": ["BartForConditionalGeneration"], "is_encoder_decoder": true}`, "it has an encoder and a decoder"},
		{`{"architectures": ["LFooForCausalLM"], "index_topk": null, "is_encoder_decoder": false}`, "is not known\n"},
	} {
		c, err := ParseConfig("config.json", []byte(test.config))
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, err = findClass(c)
		if err == nil || !strings.Contains(err.Error()+"\n", test.says) {
			t.Errorf("%s: %v", test.config, err)
		}
	}
}
