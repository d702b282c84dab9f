package arch

import (
	"errors"
	"slices"
	"testing"

	"quern/formats"
)

// The layout of the papers' code, which names no class, is the same model; its embedding has rows beyond the vocabulary.
func TestPublishedMamba(t *testing.T) {
	for name, own := range map[string]map[string]any{
		"mamba":            {"n_layer": 3, "ssm_cfg": map[string]any{"dt_rank": 32}},
		"mamba2 one group": {"n_layer": 2, "ssm_cfg": map[string]any{"layer": "Mamba2", "headdim": 4, "d_state": 16, "ngroups": 1}},
	} {
		x := tinyOf(t, tinyFamilies(t)[name], true)
		want := must(Bind(x.source())).Params
		x.config = map[string]any{"d_model": 64, "vocab_size": 91, "pad_vocab_size_multiple": 8, "rms_norm": true, "attn_layer_idx": []any{}, "d_intermediate": 0}
		for k, v := range own {
			x.config[k] = v
		}
		b := must(Bind(x.source()))
		if got := b.Params; differOf(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if names := namesOf(b); !slices.Contains(names, "token_embd.weight") {
			t.Errorf("%s: %v", name, names)
		}
	}
}

func differOf(got, want Params) bool {
	return got.Vocab != want.Vocab || got.Layers != want.Layers || got.Embd != want.Embd || !slices.Equal(got.State.In, want.State.In) || got.State.Rank != want.State.Rank ||
		got.State.Heads != want.State.Heads || got.State.Size != want.State.Size || got.State.Groups != want.State.Groups || got.State.Normed != want.State.Normed
}

func namesOf(b *Bound) (names []string) {
	for _, t := range b.Tensors {
		names = append(names, t.Name)
	}
	return names
}

// What runtimes have built in, and what no file tells, is refused where it is otherwise.
func TestStateModelsArePlain(t *testing.T) {
	for _, c := range []struct {
		name, key string
		v         any
		ok        bool
	}{
		{"mamba", "time_step_rank", 32, true}, {"mamba", "time_step_rank", "auto", false}, {"mamba", "time_step_rank", 1.5, false}, {"mamba", "mixer_rms_eps", 1e-4, true},
		{"falcon_mamba", "mixer_rms_eps", 1e-4, false}, {"falcon_mamba", "mixer_rms_eps", 1e-6, true}, {"mamba", "expand", 4, false}, {"mamba", "use_bias", true, false},
		{"mamba", "use_conv_bias", false, false}, {"mamba", "hidden_act", "gelu", false}, {"mamba", "conv_kernel", 1, false}, {"mamba", "state_size", 0, false},
		{"mamba", "layer_norm_epsilon", 0, false}, {"mamba2", "head_dim", 7, false}, {"mamba2", "head_dim", 0, false}, {"mamba2", "num_heads", 4, false}, {"mamba2", "n_groups", 3, false},
		{"mamba2", "time_step_limit", []any{0.1, 2}, false}, {"mamba2", "rms_norm", false, false}, {"mamba2", "attn_layer_idx", []any{1}, false}, {"mamba2", "num_hidden_layers", 600, false},
	} {
		x := tinyOf(t, tinyFamilies(t)[c.name], false)
		x.config[c.key] = c.v
		_, err := Bind(x.source())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s, %s %v: %v", c.name, c.key, c.v, err)
		}
	}
}
