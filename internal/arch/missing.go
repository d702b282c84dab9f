package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// missing refuses a checkpoint in which a rule found nothing, or not all of its parts.
func (b *binder) missing() error {
	var names []string
	for _, g := range b.goals {
		if g.left == 0 || b.made[layerName(g.Rule.GGUF, g.Layer)] || b.replaced(g) || g.left == len(g.parts) && (g.Rule.Optional || b.other(g)) {
			continue
		}
		for i, t := range g.have {
			if t == nil {
				names = append(names, g.parts[i])
			}
		}
	}
	if len(names) == 0 {
		return b.flags()
	}
	return b.fail(names[0], formats.Corrupt("missing (%d tensors in all)", len(names)), "is a shard of the checkpoint missing, or its index out of date?")
}

// replaced says whether an older tensor is there in the stead of a goal's, or whether the goal is such a tensor and none is there.
func (b *binder) replaced(g *goal) bool {
	if len(g.Rule.Stead) > 0 {
		return g.left > 0
	}
	return slices.ContainsFunc(b.goals, func(o *goal) bool {
		return o.Layer == g.Layer && o.left == 0 && slices.Contains(o.Rule.Stead, g.Rule.GGUF)
	})
}

// other says whether a goal of which nothing was found is not the layout to complain about: another one was begun, or stands
// before it in the table.
func (b *binder) other(g *goal) bool {
	first := g
	for i := len(b.goals) - 1; i >= 0; i-- {
		o := b.goals[i]
		if o == g || o.Rule.GGUF != g.Rule.GGUF || o.Layer != g.Layer {
			continue
		}
		if o.left < len(o.parts) {
			return true
		}
		if i < slices.Index(b.goals, first) {
			first = o
		}
	}
	return first != g
}

// flags compares the optional tensors with what config.json says of them. A bias in the file that the flag denies would be
// ignored by the library that trained it, and used by a runtime that finds it: no good guess.
func (b *binder) flags() error {
	c := b.bound.Config
	if c == nil {
		return nil
	}
	for _, g := range b.goals {
		flag := g.Rule.Flag
		if flag == "" {
			continue
		}
		want, err := c.Bool(flag)
		if err != nil {
			return err
		}
		want = want && !slices.Contains(b.ignore, flag)
		if want && g.left > 0 {
			return b.fail(g.parts[0], formats.Corrupt("missing, but config.json says %s", flag), "")
		}
		if !want && g.left == 0 {
			return b.fail(g.parts[0], formats.Corrupt("there, but config.json does not say %s", flag),
				fmt.Sprintf("if the model was trained with it, set %q to true in config.json", flag))
		}
	}
	return nil
}
