package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// The width of LFM2's feed-forward network follows from numbers of config.json: those published for 350 and 700 million weights, and for 1.2 billion.
func TestWidthOfLFM2(t *testing.T) {
	for _, c := range []struct {
		set  map[string]any
		want int
	}{
		{map[string]any{"block_ff_dim": 6656}, 4608}, {map[string]any{"block_ff_dim": 10240, "intermediate_size": 1}, 6912}, {map[string]any{"intermediate_size": 12288}, 8192},
		{map[string]any{"intermediate_size": 100, "block_auto_adjust_ff_dim": false}, 100}, {map[string]any{"intermediate_size": 100, "block_ffn_dim_multiplier": nil}, 66},
		{map[string]any{"intermediate_size": 100, "block_ffn_dim_multiplier": 1.5, "block_multiple_of": 10}, 100},
		{map[string]any{"block_multiple_of": 0}, -1}, {map[string]any{"block_ffn_dim_multiplier": -1.0}, -1}, {map[string]any{"block_auto_adjust_ff_dim": "no"}, -1},
	} {
		p, err := lfm2Params(t, LFM2, "lfm2", c.set)
		if (err != nil) != (c.want < 0) || err == nil && p.FF != c.want {
			t.Errorf("%v: %d, %v", c.set, p.FF, err)
		}
	}
}

// Which layers have attention is told in words or in numbers; anything else is refused.
func TestLayersOfLFM2(t *testing.T) {
	for _, c := range []struct {
		set  map[string]any
		want []bool // keeps a state; nil: refused
	}{
		{map[string]any{}, []bool{true, false, true, false}},
		{map[string]any{"layer_types": nil, "full_attn_idxs": []int{0, 2}}, []bool{false, true, false, true}},
		{map[string]any{"layer_types": nil, "full_attn_idxs": []int{4}}, nil}, {map[string]any{"layer_types": nil, "full_attn_idxs": []float64{0.5}}, nil},
		{map[string]any{"layer_types": nil}, nil}, {map[string]any{"layer_types": []string{"conv", "full_attention"}}, nil}, {map[string]any{"layer_types": "conv"}, nil},
		{map[string]any{"layer_types": []string{"conv", "full_attention", "sliding_attention", "conv"}}, nil},
		{map[string]any{"layer_types": []string{"conv", "conv", "conv", "conv"}}, nil}, {map[string]any{"conv_L_cache": 1}, nil}, {map[string]any{"conv_L_cache": 1 << 20}, nil},
	} {
		p, err := lfm2Params(t, LFM2, "lfm2", c.set)
		if (err != nil) != (c.want == nil) || err == nil && !slices.Equal(p.State.In, c.want) {
			t.Errorf("%v: %v, %v", c.set, p.State.In, err)
		}
		for l, state := range c.want {
			if q := p.At(l); state != (q.Heads == 0) || state != (q.KVHeads == 0) {
				t.Errorf("%v: layer %d has %d heads", c.set, l, q.Heads)
			}
		}
	}
}

// What runtimes have built in is refused where it is otherwise, in config.json and in files.
func TestLFM2IsPlain(t *testing.T) {
	for key, v := range map[string]any{"conv_bias": true, "block_use_swiglu": false, "use_pos_enc": false} {
		refusesIn(t, "lfm2", key, v)
	}
	for key, v := range map[string]any{"use_expert_bias": false, "norm_topk_prob": false, "routed_scaling_factor": 2.5, "conv_bias": true} {
		refusesIn(t, "lfm2 moe", key, v)
	}
	b := must(Bind(tinyOf(t, tinyFamilies(t)["lfm2"], false).source()))
	for key, v := range map[string]any{"lfm2.attention.sliding_window": uint32(8), "lfm2.attention.causal": "yes", "lfm2.shortconv.l_cache": uint32(4), "lfm2.attention.head_count_kv": []int32{0, 2}} {
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		if _, err := Bind(file); err != nil {
			t.Fatal(err)
		}
		file.Meta.Set(key, v)
		if _, err := Bind(file); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%s %v: %v", key, v, err)
		}
	}
}

// A file that says so is of the models whose convolutions have the present position in their middle, which those over an even number do not.
func TestLFM2LooksBothWays(t *testing.T) {
	b := must(Bind(tinyOf(t, tinyFamilies(t)["lfm2 both"], false).source()))
	file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
	file.Meta.Set("general.architecture", b.Arch.Name)
	b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
	if again := must(Bind(file)); again.Arch != LFM2Both || file.Meta.Value("lfm2.attention.causal") != false {
		t.Errorf("%v", file.Meta.Value("lfm2.attention.causal"))
	}
	refusesIn(t, "lfm2 both", "conv_L_cache", 4)
	refusesIn(t, "lfm2 both", "is_decoder", true)
}

// The matrix behind states lies in a folder of its own; what is more than a matrix is left out, and named.
func TestDenseFolder(t *testing.T) {
	weights := "\x50\x00\x00\x00\x00\x00\x00\x00" + fmt.Sprintf("%-80s", `{"linear.weight":{"dtype":"F32","shape":[2,64],"data_offsets":[0,512]}}`) + strings.Repeat("\x00\x00\x80\x3f", 128)
	for _, c := range []struct {
		config, weights string
		vectors         int // -1: refused
		notes           int
	}{
		{`{"bias": false, "activation_function": "torch.nn.modules.linear.Identity"}`, weights, 2, 0}, {`{"use_residual": false}`, weights, 2, 0}, {`{"bias": true}`, weights, 0, 1},
		{`{"activation_function": "torch.nn.modules.activation.Tanh"}`, weights, 0, 1}, {`{}`, "", 0, 1}, {`{}`, weights[:40], -1, 0}, {`{}`, strings.Replace(weights, "linear", "kernel", 1), -1, 0},
		{`{}`, strings.Replace(weights, "[2,64]", "[4,32]", 1), -1, 0},
	} {
		for _, name := range []string{"lfm2 both", "lfm2"} {
			x := tinyOf(t, tinyFamilies(t)[name], false)
			src := x.source()
			inner := src.File
			src.File = func(file string) ([]byte, error) {
				switch {
				case file == "modules.json":
					return []byte(`[{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "1_Dense", "type": "pylate.models.Dense.Dense"}]`), nil
				case file == DenseFiles[1]:
					return []byte(c.config), nil
				case file == DenseFiles[0] && c.weights != "":
					return []byte(c.weights), nil
				}
				return inner(file)
			}
			b, err := Bind(src)
			if err != nil {
				if c.vectors >= 0 || !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
					t.Errorf("%s, %s: %v", name, c.config, err)
				}
				continue
			}
			if b.Params.Vectors != c.vectors || len(b.Notes) != c.notes {
				t.Errorf("%s, %s: %d, %v", name, c.config, b.Params.Vectors, b.Notes)
			}
			if c.vectors == 2 {
				f := must(b.Folder())
				if raw, _ := f.Files[DenseFiles[0]].([]byte); len(raw) < 512 || !strings.HasSuffix(c.weights, string(raw[len(raw)-512:])) || (&formats.Source{Tensors: f.Tensors}).Tensor("dense_2.weight") != nil {
					t.Errorf("%s: %v", name, f.Files)
				}
			}
		}
	}
}

// refusesIn sees that a family's checkpoint is refused with another value of a key.
func refusesIn(t *testing.T, name, key string, v any) {
	t.Helper()
	x := tinyOf(t, tinyFamilies(t)[name], true)
	if _, err := Bind(x.source()); err != nil {
		t.Fatal(err)
	}
	x.config[key] = v
	if _, err := Bind(x.source()); !errors.Is(err, formats.ErrUnsupported) && !errors.Is(err, formats.ErrCorrupt) {
		t.Errorf("%s with %s %v: %v", name, key, v, err)
	}
}

// lfm2Params are those of a tiny family with some keys set otherwise.
func lfm2Params(t *testing.T, a *Arch, name string, set map[string]any) (p Params, err error) {
	var config map[string]any
	if err := json.Unmarshal(tinyFamilies(t)[name], &config); err != nil {
		t.Fatal(err)
	}
	if _, ok := set["block_multiple_of"]; !ok {
		delete(config, "block_multiple_of")
	}
	maps.Copy(config, set)
	return p, a.readConfig(must(ParseConfig("config.json", must(json.Marshal(config)))), &a.Variants[0], &p)
}
