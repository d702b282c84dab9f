package arch

import (
	"fmt"

	"quern/formats"
)

// Caps bound numbers smoothly: x becomes cap·tanh(x/cap); 0 leaves it as it is.
type Caps struct {
	Scores float32 // of a query's comparisons with keys
	Logits float32
	Router float32 // of what a router says; runtimes do not bound it
}

func (c *Caps) check() error {
	for _, x := range []float32{c.Scores, c.Logits, c.Router} {
		if x != 0 && !positive(x) {
			return formats.Corrupt("numbers are kept within %v", x)
		}
	}
	return nil
}

// windows refuses layers that differ from the family's pattern: files do not tell which layers have a window.
func windows(c *Config, p *Params, l Layer) error {
	list, err := c.words("layer_types", p.Layers)
	if err != nil {
		return err
	}
	for i, kind := range list {
		want := "sliding_attention"
		if p.Window == 0 || l.full(i) {
			want = "full_attention"
		}
		if kind != want {
			return c.fail("layer_types", formats.Unsupported("layer %d is %.60q, but runtimes take it to have %s", i, fmt.Sprint(kind), want), "")
		}
	}
	return nil
}

// full says of a layer that it has no window in a model where others have one.
func (l *Layer) full(layer int) bool { return l.FullEvery > 0 && layer%l.FullEvery == l.FullEvery-1 }

// Still says of a layer that it rotates nothing.
func (l *Layer) Still(p *Params, layer int) bool {
	if p.RopeIn != nil {
		return !p.RopeIn[layer]
	}
	return l.RopeTold && !p.Rotates || p.Alibi > 0 || l.StillEvery > 0 && layer%l.StillEvery == l.StillEvery-1 || l.StillFull && p.Window > 0 && l.Windowed(p, layer) == 0
}

// Windowed is how many positions a query sees in a layer; 0 = all.
func (l *Layer) Windowed(p *Params, layer int) int {
	if full := l.full(layer); p.WindowIn == nil && full || p.WindowIn != nil && !p.WindowIn[layer] {
		return 0
	}
	return p.Window
}

// windowKeys are those of a family whose files tell which layers have a window.
var windowKeys = []Key{
	{GGUF: "{a}.attention.sliding_window", HF: []string{"sliding_window"}, Field: func(p *Params) any { return &p.Window },
		Default: nothing, When: func(p *Params) bool { return p.Window > 0 }},
	{GGUF: "{a}.attention.sliding_window_pattern", Field: func(p *Params) any { return &p.WindowIn },
		Default: func(p *Params) {
			for i := 0; p.Window > 0 && i < p.Layers; i++ {
				p.WindowIn = append(p.WindowIn, i%4 != 3) // what runtimes take files to mean that do not tell
			}
		}, When: func(p *Params) bool { return p.Window > 0 }},
}

// windowed reads which layers have a window: layer_types, or every but the last of so many.
func windowed(c *Config, p *Params) error {
	v, _ := c.Value("layer_types")
	list, ok := v.([]any)
	if v == nil || p.Window == 0 {
		return nil
	}
	if !ok || len(list) != p.Layers || len(p.WindowIn) != p.Layers {
		return c.wrong("layer_types", v, fmt.Sprintf("a list of %d words", p.Layers))
	}
	return c.windowWords(list, p.WindowIn)
}

// windowWords reads what layer_types says of layers.
func (c *Config) windowWords(list []any, windowIn []bool) error {
	for i, kind := range list {
		if kind != "sliding_attention" && kind != "full_attention" {
			return c.fail("layer_types", formats.Unsupported("layer %d is %.60q", i, fmt.Sprint(kind)), "")
		}
		windowIn[i] = kind == "sliding_attention"
	}
	return nil
}
