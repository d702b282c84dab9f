package arch

import (
	"slices"
	"testing"
)

// What published files call full attention the library calls indexed; what runtimes have built in is refused where it is otherwise.
func TestLayersOfQwen4(t *testing.T) {
	for key, v := range map[string]any{"output_gate_type": "silu", "indexer_kv_heads": 2, "indexer_budget": 3, "indexer_head_dim": 8, "hc_count": 1, "hc_lowrank": -1,
		"indexer_compress_ratio": 0, "norm_topk_prob": false, "layer_types": []string{"linear_attention", "sliding_attention", "linear_attention", "full_attention"}} {
		refusesIn(t, "qwen4exp", key, v)
	}
	for _, word := range []string{"full_attention", "indexed_attention"} {
		p, err := lfm2Params(t, Qwen4Exp, "qwen4exp", map[string]any{"layer_types": []string{"linear_attention", word, "linear_attention", word}})
		if err != nil || !slices.Equal(p.Index.Ratios, []int32{0, 2, 0, 2}) {
			t.Errorf("%s: %v, %v", word, p.Index.Ratios, err)
		}
	}
}
