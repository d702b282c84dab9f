package arch

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"quern/formats"
)

// Sizes of layers that contradict each other are refused, in a file and in config.json.
func TestSizesOfLayers(t *testing.T) {
	there, err := Bind(tinyOf(t, tinyFamilies(t)["nemotron-nas"], false).source())
	if err != nil {
		t.Fatal(err)
	}
	p := &there.Params
	for l, want := range [][3]int{{4, 2, 256}, {4, 1, 512}, {0, 0, 256}, {0, 0, 0}, {4, 0, 256}} {
		if q := p.At(l); q.Heads != want[0] || q.KVHeads != want[1] || q.FF != want[2] {
			t.Errorf("layer %d has %d heads of queries, %d of keys, a width of %d", l, q.Heads, q.KVHeads, q.FF)
		}
	}
	for key, lists := range map[string][][]int32{
		"head_count": {nil, {4}, {4, 4, 0, 0, -1}, {0, 4, 0, 0, 4}, {3, 4, 0, 0, 4}}, "head_count_kv": {{2, 1, 0, 0}, {2, -1, 0, 0, 0}, {2, 1, 1, 0, 0}, {2, 1, 0, 0, 1 << 30}},
	} {
		for _, list := range lists {
			file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: there.Tensors}
			file.Meta.Set("general.architecture", there.Arch.Name)
			there.Arch.WriteKeys(&file.Meta, p, func(string) {})
			if file.Meta.Delete("deci.attention." + key); list != nil {
				file.Meta.Set("deci.attention."+key, list)
			}
			if _, err := Bind(file); !errors.Is(err, formats.ErrCorrupt) {
				t.Errorf("%s %v: %v", key, list, err)
			}
		}
	}
	for name, change := range map[string]func(att, ffn map[string]any){
		"group":     func(att, _ map[string]any) { att["n_heads_in_group"] = 3 },
		"window":    func(att, _ map[string]any) { att["window_length"] = 64 },
		"linear":    func(_, ffn map[string]any) { ffn["replace_with_linear"] = true },
		"attention": func(_, ffn map[string]any) { ffn["ffn_mult"] = nil },
		"width":     func(_, ffn map[string]any) { ffn["ffn_mult"] = -1.0 },
		"":          func(_, _ map[string]any) {},
	} {
		var config map[string]any
		if err := json.Unmarshal(tinyFamilies(t)["nemotron-nas"], &config); err != nil {
			t.Fatal(err)
		}
		block := config["block_configs"].([]any)[0].(map[string]any)
		change(block["attention"].(map[string]any), block["ffn"].(map[string]any))
		var p Params
		if err := DeciLM.readConfig(must(ParseConfig("config.json", must(json.Marshal(config)))), &DeciLM.Variants[0], &p); (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Widths of OpenELM are multiples of a number, near what is asked for.
func TestDivisible(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want int
	}{{100, 256}, {640, 768}, {639, 512 + 256}, {1e3, 1024}, {383, 512}, {300, 512}, {270, 256}} {
		if got := divisible(c.x, 256); got != c.want {
			t.Errorf("%v becomes %d, want %d", c.x, got, c.want)
		}
	}
}

// Layers that guess further tokens are told of, too, in lists of something for each layer.
func TestFurtherLayers(t *testing.T) {
	p := Params{Layers: 4, Further: 1, HeadsIn: []int32{4, 6, 6, 4}, WindowIn: []bool{false, true, true, false}, Bounds: []float32{0, 0, 7, 0}, FFIn: []int32{8}}
	p.cutFurther()
	want := Params{Layers: 3, HeadsIn: []int32{4, 6, 6}, WindowIn: []bool{false, true, true}, Bounds: []float32{0, 0, 7}, FFIn: []int32{8}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v", p)
	}
}
