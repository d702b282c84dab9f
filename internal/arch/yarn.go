package arch

import (
	"fmt"
	"math"

	"quern/formats"
)

// A Yarn is how positions beyond training are handled by frequencies (arXiv:2309.00071): slow ones are divided by RopeScale, fast ones
// stay, with a ramp between. The zero value is a model without.
type Yarn struct {
	Fast, Slow float32 // rotations within RopeContext at which the ramp begins and ends
	Ext        float32 // how much of the ramp counts; 0 is all of it
	Attention  float32 // of cosines and sines; 0 is what the paper says
	// LogAll is the part of the logarithm of the scale by which all dimensions of queries and keys grow; cosines and sines then
	// do not (DeepSeek).
	LogAll float64
	log    float32 // LogAll as DeepSeek's files tell it
	All    float32 // the same part where only cosines and sines do not grow, and scores stay as they are (Ministral 3)
}

func yarn(p *Params) bool { return p.RopeType == "yarn" }

// yarnKeys follow those of the scale.
var yarnKeys = []Key{
	{GGUF: "{a}.rope.scaling.original_context_length", Field: func(p *Params) any { return &p.RopeContext },
		Default: func(p *Params) {
			if yarn(p) {
				p.RopeContext = p.Context
			}
		}, When: yarn},
	{GGUF: "{a}.rope.scaling.yarn_ext_factor", Field: func(p *Params) any { return &p.Yarn.Ext }, Default: nothing,
		When: func(p *Params) bool { return p.Yarn.Ext != 0 }},
	{GGUF: "{a}.rope.scaling.yarn_attn_factor", Field: func(p *Params) any { return &p.Yarn.Attention }, Default: nothing,
		When: func(p *Params) bool { return p.Yarn.Attention != 0 }},
	{GGUF: "{a}.rope.scaling.yarn_beta_fast", Field: func(p *Params) any { return &p.Yarn.Fast }, Default: nothing,
		When: func(p *Params) bool { return p.Yarn.Fast != 0 }},
	{GGUF: "{a}.rope.scaling.yarn_beta_slow", Field: func(p *Params) any { return &p.Yarn.Slow }, Default: nothing,
		When: func(p *Params) bool { return p.Yarn.Slow != 0 }},
}

// hfYarn reads the numbers of a scaling whose type is yarn; key is where they stand.
func (a *Arch) hfYarn(c *Config, key string, p *Params) error {
	y := &p.Yarn
	var mscale, all, context, factor float64
	for _, f := range []struct {
		to   *float64
		name string
	}{{&mscale, "mscale"}, {&all, "mscale_all_dim"}, {&context, "original_max_position_embeddings"}, {&factor, "factor"}} {
		v, err := c.Float(key+"."+f.name, 0)
		if err != nil {
			return err
		}
		if *f.to = v; !(v >= 0) || v > math.MaxInt32 {
			return c.fail(key+"."+f.name, formats.Corrupt("must be positive"), "")
		}
	}
	for _, f := range []struct {
		to    *float32
		names []string
	}{{&y.Fast, []string{"beta_fast"}}, {&y.Slow, []string{"beta_slow"}}, {&y.Ext, []string{"extrapolation_factor"}},
		{&y.Attention, []string{"attention_factor", "attn_factor"}}} {
		for i, n := range f.names {
			f.names[i] = key + "." + n
		}
		if name, v, ok := c.Find(f.names...); ok {
			if err := c.assign(name, v, f.to); err != nil {
				return err
			}
		}
	}
	switch {
	case factor == 0 || context == 0 || context != math.Trunc(context):
		return c.fail(key, formats.Corrupt("yarn needs a factor and original_max_position_embeddings"), "")
	case mscale != all && (mscale != 0 || all != 0):
		return c.fail(key+".mscale", formats.Unsupported("is %v and mscale_all_dim %v: runtimes take them to be equal", mscale, all), "")
	}
	if all != 0 && !a.has(logAll.GGUF) {
		return c.fail(key+".mscale_all_dim", formats.Unsupported("growing queries and keys are not known for this family"), "")
	}
	if t, ok := c.Value(key + ".truncate"); a.Layer.SmoothRamp != (ok && t == false) {
		return c.fail(key+".truncate", formats.Unsupported("is %v: whether the ramp begins and ends at whole dimensions is known by the family", t), "")
	}
	p.RopeType, p.RopeScale, p.RopeContext = "yarn", float32(factor), int(context)
	y.LogAll = all
	return nil
}

// noteYarn says where runtimes let cosines and sines grow by another number than config.json.
func (b *Bound) noteYarn() {
	p := &b.Params
	if !yarn(p) || p.Yarn.Attention == 0 || p.Yarn.Ext < 0 {
		return
	}
	paper := 1 + 0.1*Natural(max(1, float64(p.RopeScale)))
	if math.Abs(float64(p.Yarn.Attention)-paper) > 1e-4 {
		b.Notes = append(b.Notes, fmt.Sprintf("config.json scales rotations by %v (attention_factor of yarn): llama.cpp does not read that, and takes what the paper says, %.4f", p.Yarn.Attention, paper))
	}
}
