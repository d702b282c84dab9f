package arch

import (
	"encoding/json"
	"math"
)

// A telling is what the config.json of one Hugging Face model type says besides the keys of its family's table (Export).
type telling struct {
	Type   string                         // model_type
	When   func(p *Params) bool           // whether a model can be of this type; nil: any that its keys describe
	Set    func(p *Params) map[string]any // what it says always, and what follows from hyper-parameters
	Names  map[string]string              // where it has another name than the table's first
	Last   bool                           // of two layouts of its tensors a folder has the last of the table
	Class  string                         // of architectures, where it is not the first of the table
	Head   string                         // what names begin with where a model sorts texts, those excepted that do it
	Level  string                         // the key under which all lies that is not told of the whole …
	Whole  []string                       // … as these are
	Cannot string                         // why a folder of this type cannot be made; "" where it can
}

// unsaid stands for the value of a key that config.json must not have.
const unsaid = "\x00"

// tellings need no row for a type whose keys, flags and refusals say everything.
var tellings = []telling{
	{Type: "bert", When: func(p *Params) bool { return p.Types > 0 }, Set: tellLabels("BertForSequenceClassification"), Head: "bert."},
	{Type: "distilbert", When: func(p *Params) bool { return p.Types == 0 && len(p.Labels) == 0 }, Last: true},
	{Type: "eagle3", Set: tellEagle},
	{Type: "eagle3_llama", Cannot: "the same under another class"},
	{Type: "dflash", When: func(p *Params) bool { return !p.Draft.Spark && p.Draft.Rank == 0 }, Set: tellFlash},
	{Type: "dflash2", When: func(p *Params) bool { return !p.Draft.Spark && p.Draft.Rank > 0 }, Set: tellFlash},
	{Type: "dspark", When: func(p *Params) bool { return p.Draft.Spark }, Set: tellFlash},
	{Type: "deepseek_v4_dspark", Set: tellV4Spark, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "gemma4_dspark", Set: tellGemma4Spark},
	{Type: "gemma4_assistant", Set: tellAssistant, Level: "text_config", Whole: []string{"backbone_hidden_size"}},
	{Type: "dspark_speculators", Cannot: "the same under another class"},
	{Type: "muse_glimmer_assistant", Cannot: "files do not tell it from DFlash, which has the same layers"},
	{Type: "neobert", Set: tellNeo},
	{Type: "t5", When: func(p *Params) bool { return !p.EachRelative }, Set: tellT5},
	{Type: "pockettts", Cannot: "the vector that stands before sound is multiplied by a matrix of the other file, and nothing leads back"},
	{Type: "qwen3_tts_talker", Cannot: "what projects embeddings of a text is multiplied into them, and nothing leads back"},
	{Type: "umt5", When: func(p *Params) bool { return p.EachRelative }, Set: tellT5},
	{Type: "mt5", Cannot: "files do not tell it from T5, which has the same layers"},
	{Type: "qwen2", When: func(p *Params) bool { return !p.NoBiases }},
	{Type: "kormo", When: func(p *Params) bool { return p.NoBiases }, Last: true},
	{Type: "llada", Set: func(p *Params) map[string]any { return map[string]any{"embedding_size": p.Vocab} }},
	{Type: "modernbert", Set: tellModern, Head: "model."},
	{Type: "jina_embeddings_v3", Set: tellJinaV3, Last: true},
	{Type: "roberta", Cannot: asBert},
	{Type: "xlm-roberta", Cannot: asBert},
	{Type: "camembert", Cannot: asBert},
	{Type: "gemma", Set: gelu("hidden_act", "hidden_activation")},
	{Type: "gemma2", Set: queryScalar},
	{Type: "gemma3_text", Set: queryScalar},
	{Type: "gemma3n_text", Set: gemma3nConfig},
	{Type: "gemma4_text", Set: gemma4Config, Names: map[string]string{"num_local_experts": "num_experts", "num_experts_per_tok": "top_k_experts"}},
	{Type: "deepseek_v2", When: func(p *Params) bool { return p.Mix.Count > 0 && p.Mix.Gate != GateSigmoid }, Set: latentConfig},
	{Type: "glm4_moe_lite", When: hasExperts},
	{Type: "dots3_note_text", Set: tellDots3, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "mimo_v2_flash", When: func(p *Params) bool { return !p.Joined }, Names: map[string]string{"num_local_experts": "n_routed_experts"}, Set: tellMiMo},
	{Type: "mimo_v2", When: func(p *Params) bool { return p.Joined }, Names: map[string]string{"num_local_experts": "n_routed_experts"}, Set: tellMiMoV2},
	{Type: "step3p5", Set: tellStep},
	{Type: "jais", Set: tellJais},
	{Type: "git", Set: tellGrok},
	{Type: "granitemoehybrid", When: func(p *Params) bool { return p.State.In != nil && scaledStream(p) }, Set: tellGraniteHybrid},
	{Type: "granite_switch", Set: tellSwitch},
	{Type: "bamba", Set: tellBamba, Last: true},
	{Type: "qwen3_5_text", Set: tellDelta},
	{Type: "qwen3_5", Cannot: needsTower},
	{Type: "qwen3_5_moe_text", Set: tellDelta, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "qwen3_5_moe", Cannot: needsTower},
	{Type: "qwen4_exp_text", Set: tellQwen4, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "qwen4_exp", Cannot: needsTower},
	{Type: "qwen3_next", Set: tellDelta, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "rwkv_hybrid", Set: tellARWKV7},
	{Type: "rwkv6qwen2", Set: func(p *Params) map[string]any { return map[string]any{"num_attention_heads": p.State.Heads} }},
	{Type: "kimi_linear", Set: tellKimi, Names: map[string]string{"num_local_experts": "num_experts", "num_experts_per_tok": "num_experts_per_token"}},
	{Type: "bailing_hybrid", Set: tellLing3, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "minimax_text_01", Set: tellLightning},
	{Type: "nemotron_h", When: evenly, Set: tellNemotronH, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "nemotron_h_puzzle", When: unevenly, Set: tellPuzzle, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "mamba", When: func(p *Params) bool { return !p.State.Normed }, Set: tellMamba},
	{Type: "falcon_mamba", When: func(p *Params) bool { return p.State.Normed }, Set: tellMamba},
	{Type: "mamba_ssm", Cannot: noClass},
	{Type: "falcon_h1", Set: tellFalconH1},
	{Type: "jamba", Set: tellJamba, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "mamba2", Set: tellMamba2},
	{Type: "mamba2_ssm", Cannot: noClass},
	{Type: "lfm2", Set: tellConvs},
	{Type: "lfm2_audio_tokenizer", Set: tellSound},
	{Type: "wavtokenizer", Set: tellWave},
	{Type: "lfm2_moe", Set: tellConvs, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "chameleon", Cannot: needsTower},
	{Type: "muse_glimmer_text", Cannot: needsTower},
	{Type: "plamo", Set: tellPLaMo},
	{Type: "plamo2", Set: tellPLaMo2},
	{Type: "plamo3", Set: tellPLaMo3},
	{Type: "hrm_text", Last: true},
	{Type: "rugpt3xl", Last: true, Set: tellSparse, When: func(p *Params) bool { return p.Sparse.Every < 3 }, Names: map[string]string{"n_layer": "num_hidden_layers", "n_positions": "max_position_embeddings",
		"n_embd": "hidden_size", "n_inner": "intermediate_size", "n_head": "num_attention_heads", "layer_norm_epsilon": "layer_norm_eps", "activation_function": "hidden_act"}},
	{Type: "mistral4", Class: "Mistral4ForCausalLM", Set: func(p *Params) map[string]any {
		return map[string]any{"num_key_value_heads": p.Heads, "head_dim": unsaid}
	}},
	{Type: "youtu", Set: func(p *Params) map[string]any {
		return map[string]any{"num_key_value_heads": p.Heads, "topk_method": unsaid, "moe_layer_freq": unsaid}
	}},
	{Type: "deepseek_v3", When: hasExperts, Set: latentConfig},
	{Type: "deepseek_v32", Set: latentConfig, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "glm_moe_dsa", Set: tellIndexers, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "glm5_next_text", Set: tellGLM5Next, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "hy_v4", Set: tellHYV4, Names: map[string]string{"num_local_experts": "n_routed_experts"}, Last: true},
	{Type: "deepseek_v4", Set: tellV4, Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "minimax_m3_vl_text", Class: "MiniMaxM3VLForCausalLM", Set: tellChosen, Last: true},
	{Type: "deepseek", Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "dots1", Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "glm4_moe", Names: map[string]string{"num_local_experts": "n_routed_experts"}},
	{Type: "exaone4", Set: fullLayers},
	{Type: "exaone_moe", Class: "ExaoneMoeForCausalLM", Names: map[string]string{"num_local_experts": "num_experts"},
		Set: func(p *Params) map[string]any { return map[string]any{"mlp_layer_types": denseTypes(p)} }},
	{Type: "baichuan", Set: baichuanContext},
	{Type: "hunyuan_v1_moe", Set: hunyuanExperts, Names: map[string]string{"num_local_experts": "num_experts"}},
	{Type: "glm", Names: map[string]string{"padded_vocab_size": "vocab_size"}},
	{Type: "ministral3", When: func(p *Params) bool { return p.Temperature != 0 }}, // the library fails without
	{Type: "mistral", Class: "MistralForCausalLM", Set: func(p *Params) map[string]any { // also of what was a part of a model that sees
		if p.Window == 0 {
			return map[string]any{"sliding_window": nil}
		}
		return nil
	}},
	{Type: "minicpm", Set: depths},
	{Type: "cohere2_moe", Names: map[string]string{"num_local_experts": "num_experts"}, Set: cohere2MoeConfig},
	{Type: "laguna", Names: map[string]string{"num_local_experts": "num_experts"}, Set: lagunaConfig},
	{Type: "mellum", Names: map[string]string{"num_local_experts": "num_experts"}, Set: func(*Params) map[string]any {
		return map[string]any{"rope_theta": unsaid, "rope_scaling": unsaid} // each kind of layers has its own
	}},
	{Type: "nemotron-nas", Set: tellBlocks},
	{Type: "openelm", Set: tellGrowth},
	{Type: "granite_swa", When: func(p *Params) bool { return p.Mix.Count == 0 }, Set: tellRotated},
	{Type: "granitemoe_swa", When: hasExperts, Set: tellRotated, Last: true},
	{Type: "qwen", Set: func(*Params) map[string]any { return map[string]any{"rotary_pct": 1.0, "num_key_value_heads": unsaid} }},
	{Type: "smallthinker", Set: tellThinker},
	{Type: "dbrx", Set: func(p *Params) map[string]any {
		return map[string]any{"rope_theta": decimal(p.RopeBase), "ffn_config.ffn_act_fn": map[string]any{"name": "silu"}, "ffn_config.moe_normalize_expert_weights": json.Number("1.0")}
	}},
	{Type: "minicpm3", Set: func(p *Params) map[string]any { return map[string]any{"num_key_value_heads": p.Heads} }},
	{Type: "gpt_refact", Set: refactWidth},
	{Type: "falcon", Set: falconConfig},
	{Type: "mpt", Set: mptConfig},
	{Type: "gpt_bigcode", Set: func(*Params) map[string]any { return map[string]any{"multi_query": true} }},
	{Type: "phimoe", Set: phiMoeScaling},
	{Type: "llama4_text", Set: func(p *Params) map[string]any {
		return map[string]any{"use_qk_norm": p.Mix.Count != llama4Bare, "attn_temperature_tuning": true}
	}},
	{Type: "gpt_oss", Last: true}, // the other one holds codes
	{Type: "glm4v_text", Cannot: needsTower},
	{Type: "glm_ocr_text", Cannot: needsTower},
	{Type: "glm4v_moe_text", Cannot: needsTower},
	{Type: "qwen2_vl", Cannot: needsTower},
	{Type: "qwen2_vl_text", Cannot: needsTower},
	{Type: "qwen2_5_vl", Cannot: needsTower},
	{Type: "qwen2_5_vl_text", Cannot: needsTower},
	{Type: "qwen2_5_omni_text", Cannot: needsTower},
	{Type: "qwen3_omni_moe_text", Cannot: needsTower},
	{Type: "paddleocr_vl", Cannot: needsTower},
	{Type: "paddleocr_vl_text", Cannot: needsTower},
	{Type: "hunyuan_vl", Cannot: needsTower},
	{Type: "hunyuan_vl_text", Cannot: needsTower},
	{Type: "DeepseekOCR", Cannot: needsTower},
	{Type: "qwen3_vl", Cannot: needsTower},
	{Type: "qwen3_vl_text", Cannot: needsTower},
	{Type: "qwen3_vl_moe", Cannot: needsTower},
	{Type: "qwen3_vl_moe_text", Cannot: needsTower},
	{Type: "cogvlm", Cannot: needsTower},
}

const asBert = "files do not tell it from BERT, which has the same layers"

const noClass = "that layout names no class; the library's is written instead"

const needsTower = "folders of this family hold a vision tower, which a file of the language model does not"

// tellingOf is the row of a model type; without one, an empty row.
func tellingOf(kind string) telling {
	for _, t := range tellings {
		if t.Type == kind {
			return t
		}
	}
	return telling{Type: kind}
}

// gelu names the activation under keys.
func gelu(keys ...string) func(*Params) map[string]any {
	return func(*Params) map[string]any {
		out := map[string]any{}
		for _, k := range keys {
			out[k] = "gelu_pytorch_tanh"
		}
		return out
	}
}

// queryScalar is what Gemma 2 and 3 divide scores by, squared: the number that runtimes guess (guessedScale).
func queryScalar(p *Params) map[string]any {
	n := p.HeadDim
	if s := float64(p.Scales.Attention); s != 0 {
		n = int(math.Round(1 / (s * s)))
	}
	return map[string]any{"query_pre_attn_scalar": n, "hidden_activation": "gelu_pytorch_tanh"}
}

// latentConfig are the sizes of heads that GGUF tells as those of the one that runtimes keep, and how experts are chosen.
func latentConfig(p *Params) map[string]any {
	how := "greedy"
	switch {
	case p.Mix.Gate == GateSigmoid:
		how = "noaux_tc"
	case p.Mix.Groups > 1:
		how = "group_limited_greedy"
	}
	return map[string]any{"num_key_value_heads": p.Heads, "head_dim": p.RopeDim, "topk_method": how}
}
