package arch

import (
	"errors"
	"testing"

	"quern/formats"
)

// Matrices are multiplied on their way into a file by what config.json says of them, part by part; the way back says one.
func TestFalconH1Multiplies(t *testing.T) {
	x := tinyOf(t, tinyFamilies(t)["falcon_h1"], false)
	b := must(Bind(x.source()))
	p := &b.Params
	for name, want := range map[string]float32{
		"token_embd.weight": p.Times.Embed, "blk.0.attn_q.weight": 1, "blk.1.attn_k.weight": p.Times.Key, "blk.0.ssm_in.weight": 1.25 * 0.35, "blk.2.ffn_down.weight": 0.5, "blk.0.ffn_up.weight": 1,
	} {
		for i, tensor := range b.Tensors {
			if tensor.Name != name {
				continue
			}
			source := (&formats.Source{Tensors: x.tensors}).Tensor(b.Origins[i].Source)
			got, was := floatsOf(t, tensor)[3], floatsOf(t, source)[3]
			if want == 0 || got != float32(was*want) && (got-was*want)/got > 1e-6 {
				t.Errorf("%s: %v of %v, want it %v times", name, got, was, want)
			}
		}
	}
	rows := floatsOf(t, timesParts.Forward(numbers("x", p.Dim("SP"), 1), p))
	for row, part := range map[int]int{0: 0, 95: 0, 96: 1, 191: 1, 192: 2, 223: 2, 224: 3, 255: 3, 256: 4, 261: 4} {
		was := floatsOf(t, numbers("x", p.Dim("SP"), 1))[row]
		if want := float32(float32(was*p.Times.StateIn) * p.Times.StateParts[part]); rows[row] != want {
			t.Errorf("row %d: %v, want %v", row, rows[row], want)
		}
	}
	if f := must(b.Folder()); f.Config["embedding_multiplier"] != decimal(1) {
		t.Errorf("%v", f.Config)
	}
}

// What runtimes have built in of Falcon-H1 is refused where it is otherwise.
func TestFalconH1IsPlain(t *testing.T) {
	for _, c := range []struct {
		name, key string
		v         any
		ok        bool
	}{
		{"falcon_h1", "mamba_norm_before_gate", true, true}, {"falcon_h1 norm", "mamba_norm_before_gate", true, false}, {"falcon_h1", "mamba_d_head", 8, false}, {"falcon_h1", "mamba_d_head", "auto", true},
		{"falcon_h1", "mamba_conv_bias", false, false}, {"falcon_h1", "attention_bias", true, false}, {"falcon_h1", "mlp_multipliers", []any{1}, false}, {"falcon_h1", "ssm_multipliers", "one", false},
		{"falcon_h1", "time_step_limit", []any{0, 2}, false}, {"falcon_h1", "rope_scaling", map[string]any{"type": "linear", "factor": 2.0}, false}, {"falcon_h1", "mamba_rms_norm", true, false},
		{"falcon_h1 norm", "embedding_multiplier", 2.0, false}, {"falcon_h1 norm", "mamba_d_ssm", nil, true}, {"falcon_h1 norm", "mamba_expand", 0.5, true}, {"falcon_h1", "mamba_n_groups", 4, false},
	} {
		x := tinyOf(t, tinyFamilies(t)[c.name], false)
		x.config[c.key] = c.v
		_, err := Bind(x.source())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s, %s %v: %v", c.name, c.key, c.v, err)
		}
	}
}
