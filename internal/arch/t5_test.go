package arch

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

// Both sides have their layers, under the numbers that each counts; what the library scales is told where files do not show it.
func TestSidesOfT5(t *testing.T) {
	for _, c := range []struct {
		name      string
		set       map[string]any
		encoder   int
		tied      bool
		times     float32
		told, bad bool
	}{
		{name: "t5", encoder: 3, tied: true, times: 0.125},
		{name: "flan-t5", encoder: 2, times: 1},
		{name: "umt5", encoder: 2, times: 1},
		{name: "mt5", encoder: 2, times: 1},
		{name: "t5", set: map[string]any{"architectures": []string{"T5WithLMHeadModel"}}, encoder: 3, tied: true, times: 0.125},
		{name: "t5", set: map[string]any{"scale_decoder_outputs": false}, encoder: 3, tied: true, times: 1, told: true},
		{name: "flan-t5", set: map[string]any{"scale_decoder_outputs": true}, encoder: 2, times: 0.125, told: true},
		{name: "mt5", set: map[string]any{"tie_word_embeddings": true, "num_decoder_layers": nil}, encoder: 2, times: 1},
		{name: "t5", set: map[string]any{"feed_forward_proj": "gated-silu"}, bad: true},
		{name: "t5", set: map[string]any{"relative_attention_max_distance": 64}, bad: true},
		{name: "t5", set: map[string]any{"relative_attention_num_buckets": 3}, bad: true},
		{name: "t5", set: map[string]any{"decoder_start_token_id": 96}, bad: true},
		{name: "t5", set: map[string]any{"num_decoder_layers": -1}, bad: true},
	} {
		x := tinyOf(t, tinyFamilies(t)[c.name], false)
		maps.Copy(x.config, c.set)
		b, err := Bind(x.source())
		if (err != nil) != c.bad {
			t.Errorf("%s %v: %v", c.name, c.set, err)
		}
		if err != nil {
			continue
		}
		if p := &b.Params; p.Sides.Encoder != c.encoder || p.Layers != c.encoder+p.Sides.Decoder || p.Tied != c.tied || p.Scales.Times != c.times {
			t.Errorf("%s %v: %+v, tied %v, times %v", c.name, c.set, p.Sides, p.Tied, p.Scales.Times)
		}
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", "t5")
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		if file.Meta.Has("t5.logit_scale") != c.told {
			t.Errorf("%s %v: the file tells of a scale: %v", c.name, c.set, !c.told)
		}
		again, err := Bind(file)
		if err != nil || again.Params.Scales.Times != c.times || again.Params.Sides != b.Params.Sides {
			t.Errorf("%s %v: from a file: %+v, %v", c.name, c.set, again, err)
		}
		deep := slices.ContainsFunc(b.Notes, func(s string) bool { return strings.Contains(s, "more layers than the encoder") })
		if deep != (b.Params.Sides.Decoder > c.encoder) {
			t.Errorf("%s: a note that the decoder is deeper: %v", c.name, deep)
		}
	}
}

// The embedding goes by any of three names, the first of which counts; a model without a head is tied.
func TestEmbeddingsOfT5(t *testing.T) {
	for _, names := range [][]string{{"shared.weight"}, {"encoder.embed_tokens.weight"}, {"decoder.embed_tokens.weight", "encoder.embed_tokens.weight", "shared.weight"}, {}} {
		x := tinyOf(t, tinyFamilies(t)["umt5"], false)
		x.config["architectures"] = []string{"UMT5Model"}
		i := slices.IndexFunc(x.tensors, func(t *formats.Tensor) bool { return t.Name == "shared.weight" })
		shared := x.tensors[i]
		x.tensors = slices.DeleteFunc(slices.Delete(x.tensors, i, i+1), func(t *formats.Tensor) bool { return t.Name == "lm_head.weight" })
		for _, name := range names {
			n := *shared
			n.Name = name
			x.tensors = append(x.tensors, &n)
		}
		b, err := Bind(x.source())
		if (err == nil) != (len(names) > 0) {
			t.Errorf("%v: %v", names, err)
		}
		if err == nil && (len(b.Dropped) != len(names)-1 || !b.Params.Tied || !b.Params.EachRelative) {
			t.Errorf("%v: %v are dropped", names, b.Dropped)
		}
	}
}

// Kinds of distances as the library's T5Attention counts them.
func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		distance, n int
		both        bool
		want        int
	}{{0, 32, true, 0}, {-7, 32, true, 7}, {-8, 32, true, 8}, {-127, 32, true, 15}, {-500, 32, true, 15}, {1, 32, true, 17}, {500, 32, true, 31},
		{0, 32, false, 0}, {5, 32, false, 0}, {-15, 32, false, 15}, {-16, 32, false, 16}, {-20, 32, false, 17}, {-64, 32, false, 26}, {-127, 32, false, 31}, {-1000, 32, false, 31}} {
		if got := Bucket(c.distance, c.n, c.both); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
