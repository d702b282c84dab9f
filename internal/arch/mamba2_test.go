package arch

import (
	"errors"
	"math"
	"testing"

	"quern/formats"
)

// What decays is -e^x of what is stored; the way back gives numbers of which the same is made, those of published models to the bit.
func TestNegativeExp(t *testing.T) {
	p := &Params{State: State{Heads: 500}}
	stored := make([]float32, p.State.Heads)
	for i := range stored {
		stored[i] = float32(math.Log(float64(1 + i/4))) // as Mamba 2 begins
		if i%4 == 3 {
			stored[i] = float32(i) * 0.004
		}
	}
	once := negativeExp.Forward(Floats("A_log", stored), p)
	decays := make([]float32, len(stored))
	if err := once.Rows.ReadRows(decays, 0); err != nil {
		t.Fatal(err)
	}
	back := make([]float32, len(stored))
	if err := negativeExp.Inverse(shapedAs(Floats("ssm_a", decays), len(decays), 1), p).Rows.ReadRows(back, 0); err != nil {
		t.Fatal(err)
	}
	again := make([]float32, len(stored))
	if err := negativeExp.Forward(Floats("A_log", back), p).Rows.ReadRows(again, 0); err != nil {
		t.Fatal(err)
	}
	for i, x := range stored {
		if want := -math.Exp(float64(x)); math.Abs(float64(decays[i])-want) > 6e-8*-want {
			t.Errorf("%v decays by %v, want %v", x, decays[i], want)
		}
		if again[i] != decays[i] || x > 2 && back[i] != x {
			t.Errorf("%v comes back as %v, which decays by %v instead of %v", x, back[i], again[i], decays[i])
		}
	}
}

// What runtimes have built in of Granite 4 is refused where it is otherwise.
func TestGraniteHybridIsPlain(t *testing.T) {
	inf := map[string]any{"__float__": "Infinity"}
	for _, c := range []struct {
		key string
		v   any
		ok  bool
	}{
		{"mamba_conv_bias", false, false}, {"mamba_proj_bias", true, false}, {"mamba_expand", 3, false}, {"mamba_d_head", 8, false}, {"mamba_d_head", "auto", true}, {"mamba_n_heads", 7, false},
		{"mamba_n_groups", 3, false}, {"time_step_limit", []any{0, 1}, false}, {"time_step_limit", []any{0.1, inf}, false}, {"time_step_limit", []any{0, inf}, true}, {"time_step_limit", 3, false},
		{"layer_types", nil, false}, {"layer_types", []string{"mamba", "mamba", "mamba", "mamba"}, false}, {"layer_types", []string{"mamba", "attention"}, false},
		{"layer_types", []string{"mamba", "attention", "odd", "mamba"}, false}, {"layer_types", []string{"linear_attention", "full_attention", "mamba", "mamba"}, true}, {"hidden_act", "gelu", false},
	} {
		x := tinyOf(t, tinyFamilies(t)["granitehybrid"], false)
		x.config[c.key] = c.v
		_, err := Bind(x.source())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %v: %v", c.key, c.v, err)
		}
	}
	parsed := must(ParseConfig("config.json", []byte(`{"time_step_limit": [0.0, Infinity]}`)))
	if err := freeSteps(parsed); err != nil {
		t.Error(err)
	}
}

// Norms of one group are vectors in files that were quantized again.
func TestNormOfOneGroup(t *testing.T) {
	b := must(Bind(tinyOf(t, tinyFamilies(t)["granitehybrid"], false).source()))
	file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}}
	for _, x := range b.Tensors {
		if len(x.Shape) == 2 && x.Shape[0] == 1 {
			x = shapedAs(x, x.Shape[1])
		}
		file.Tensors = append(file.Tensors, x)
	}
	file.Meta.Set("general.architecture", b.Arch.Name)
	b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
	if _, err := Bind(file); err != nil {
		t.Error(err)
	}
}
