package arch

import (
	"slices"

	"quern/formats"
)

// Hearing is what a tower that hears has. It stands beside one that sees or alone, and counts layers of its own.
type Hearing struct {
	Has       bool
	Flat      bool    // it has no layers
	Projector string  // where a file has one of each kind
	Text      int     // the width of the language model
	Embd      int     // its own
	FF        int     //
	SaysFF    int     // what a file tells of FF
	Layers    int     //
	Heads     int     //
	Mel       int     // bands of frequencies
	Eps       float32 // of its norms
	Out       int     // the width before the projector, where it is another
	Places    int     // of instants, that are learned
	Stack     int     // instants that the projector is given at once
	Kernel    int     // instants that a convolution within a layer takes
	Planes    int     // of convolutions over instants and frequencies
	Asks      Asks    // of a projector that asks
	Widths    []int32 // between the projector's matrices
	Codes     int     // of a sound, one of each codebook
	Books     []int32 // the codebooks' heights
	CodeRows  int     // embeddings of each code
	Local     int     // layers behind the codes
	LocalFF   int     // and the width of their feed-forward networks
	Window    int     // instants before one that it hears, in layers of which …
	Bands     []int32 // … this says 0; those with -1 hear all before
	Channels  []int32 // of the convolutions before the first layer
}

// hearingDim is the size of a dimension of a tower that hears.
func (p *Params) hearingDim(word string) int {
	h := &p.Hear
	switch word {
	case "heard":
		return h.Embd
	case "2heard":
		return 2 * h.Embd
	case "4heard":
		return 4 * h.Embd
	case "5heard":
		return 5 * h.Embd
	case "heard-stack":
		return h.Embd * max(1, h.Stack)
	case "half-out":
		return h.Out / 2
	case "heard-ff":
		return h.FF
	case "2heard-ff":
		return 2 * h.FF
	case "heard-wide":
		return h.Out
	case "codes":
		return h.Codes
	case "book":
		return int(slices.Max(append(h.Books, 0)))
	case "code-rows":
		return h.CodeRows
	case "local-ff":
		return h.LocalFF
	case "heard-head":
		return h.Embd / max(1, h.Heads)
	case "heard-heads":
		return h.Heads
	case "heard-text":
		return h.Text
	case "heard-stacked": // and of as many as images have
		n := 1
		for _, deep := range p.Vision.Deep {
			if deep {
				n++
			}
		}
		return n * h.Text
	case "half-minute":
		return halfMinute
	case "instants":
		return h.Places
	case "heard-out":
		return h.Out
	case "mel":
		return h.Mel
	case "three":
		return 3
	case "waves": // of a spectrum of 512 instants
		return 257
	case "instants-of-waves": // with which it is made
		return 400
	case "kernel":
		return h.Kernel
	case "channels":
		return h.channels(0)
	case "channels-1":
		return h.channels(1)
	case "planes":
		return h.Planes
	case "planes-bands": // of three convolutions, each of which halves frequencies
		return h.Planes * ((h.Mel + 7) / 8)
	case "bands": // of both convolutions, each of which halves frequencies
		return h.Mel / 4 * h.channels(1)
	}
	return h.asksDim(word)
}

func (h *Hearing) channels(i int) int {
	if i >= len(h.Channels) {
		return 0
	}
	return int(h.Channels[i])
}

// check refuses sizes that contradict each other or overflow.
func (h *Hearing) check() error {
	if !h.Has {
		return nil
	}
	layers, heads, ff := h.Layers, h.Heads, h.FF
	if h.Flat {
		layers, heads, ff = 1, 1, 1
	}
	if err := checkSizes("tower that hears", layers, h.Embd, heads, h.Eps, size{"width of its feed-forward network", ff},
		size{"number of its bands of frequencies", h.Mel}, size{"width of the language model", h.Text}); err != nil {
		return err
	}
	if h.Stack < 0 || h.Stack > 1<<10 || h.Kernel < 0 || h.Kernel > 1<<10 || h.Planes < 0 || h.Planes > 1<<16 || h.Out < 0 || h.Out > 1<<20 || h.Places < 0 || h.Places > 1<<20 || h.channels(0) < 0 || h.channels(0) > 1<<16 || h.channels(1) < 0 || h.channels(1) > 1<<16 {
		return formats.Corrupt("convolutions of %d instants with %v channels, and %d embeddings", h.Kernel, h.Channels, h.Out)
	}
	return h.Asks.check(h)
}

// hearingKeys begin what a file tells of a tower that hears, in the reference's order. in is where config.json has its sizes.
func hearingKeys(in string) []Key {
	return []Key{
		{GGUF: "clip.has_audio_encoder", Field: func(p *Params) any { return &p.Hear.Has }, Default: nothing, When: hears},
		{GGUF: "clip.audio.projection_dim", HF: []string{"text_config.hidden_size", "llm_config.hidden_size", "lm_config.hidden_size", "hidden_size"}, Field: func(p *Params) any { return &p.Hear.Text }, Default: nothing, When: hears},
		{GGUF: "clip.audio.embedding_length", HF: []string{in + "hidden_size", in + "d_model", in + "hidden_dim"}, Field: func(p *Params) any { return &p.Hear.Embd }, Default: nothing, When: hears},
		{GGUF: "clip.audio.feed_forward_length", HF: []string{in + "intermediate_size", in + "encoder_ffn_dim"}, Field: func(p *Params) any { return &p.Hear.FF }, Default: nothing, When: hears},
		{GGUF: "clip.audio.block_count", HF: []string{in + "num_hidden_layers", in + "encoder_layers", in + "n_layers", in + "num_layers"}, Field: func(p *Params) any { return &p.Hear.Layers }, Default: nothing, When: hears},
		{GGUF: "clip.audio.attention.head_count", HF: []string{in + "num_attention_heads", in + "encoder_attention_heads", in + "n_heads", in + "num_heads"},
			Field: func(p *Params) any { return &p.Hear.Heads }, Default: nothing, When: hears},
	}
}

// hearingEnds end it: the projector, where each kind of tower has its own, the bands of frequencies, and the epsilon of norms.
func hearingEnds(projector string, mel ...string) []Key {
	keys := []Key{
		{GGUF: "clip.audio.num_mel_bins", HF: mel, Field: func(p *Params) any { return &p.Hear.Mel }, Default: nothing, When: hears},
		{GGUF: "clip.audio.attention.layer_norm_epsilon", Field: func(p *Params) any { return &p.Hear.Eps }, Default: func(p *Params) { p.Hear.Eps = 1e-5 }, When: hears},
	}
	if projector == "" {
		return keys
	}
	return append([]Key{hearingProjector(projector)}, keys...)
}

// alwaysHearing are the same of towers of which there is no model without one.
func alwaysHearing(in string) []Key {
	return replaceKey(hearingKeys(in), Key{
		GGUF: "clip.has_audio_encoder", Field: func(p *Params) any { return &p.Hear.Has }, Default: func(p *Params) { p.Hear.Has = true },
	})
}

// oneProjector is the key of the projector of a tower that sees where nothing hears beside it, and twoProjectors are the keys where something does.
func oneProjector(name string) Key {
	k := projector(name)
	k.When = func(p *Params) bool { return !p.Hear.Has }
	return k
}

func twoProjectors(sees, heard string) []Key {
	k := projectorAt("clip.vision.projector_type", sees)
	k.When = hears
	return append([]Key{k}, hearingProjector(heard))
}

// hearingProjector is the key of the projector of a tower that hears beside one that sees.
func hearingProjector(name string) Key {
	return Key{GGUF: "clip.audio.projector_type", Field: func(p *Params) any { return &p.Hear.Projector }, Default: func(p *Params) { p.Hear.Projector = name }, When: hears}
}

func hears(p *Params) bool { return p.Hear.Has }

// hearing are rules of a tower that hears, which is not in every model; layers in their names are its own.
func hearing(lists ...[]Rule) (rules []Rule) {
	for _, list := range lists {
		for _, r := range list {
			r.Hears, r.When = true, func(p *Params, _ int) bool { return p.Hear.Has }
			rules = append(rules, r)
		}
	}
	return rules
}
