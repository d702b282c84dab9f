package arch

import (
	"fmt"
	"slices"

	"quern/formats"
)

// missing refuses a checkpoint in which a rule found nothing, or not all of its parts.
func (b *binder) missing() error {
	older := map[string]bool{} // tensors that an older one stands for
	for _, g := range b.goals {
		for _, name := range g.Rule.Stead {
			older[layerName(name, g.Layer)] = older[layerName(name, g.Layer)] || g.left == 0
		}
	}
	var first string
	count := 0
	for _, g := range b.goals {
		if b.made[g.name] || older[g.name] || len(g.Rule.Stead) > 0 || g.untouched() && (g.Rule.Optional || b.other(g)) {
			continue
		}
		for i, t := range g.have {
			if t == nil && first == "" {
				first = g.parts[i]
			}
		}
		count += g.left
	}
	if first == "" {
		return b.flags()
	}
	return b.fail(first, formats.Corrupt("missing (%d tensors in all)", count), "is a shard of the checkpoint missing, or its index out of date?")
}

// untouched says whether nothing of a goal was found.
func (g *goal) untouched() bool {
	return !slices.ContainsFunc(g.have, func(t *formats.Tensor) bool { return t != nil })
}

// other says whether a goal of which nothing was found is not the layout to complain about: another one was begun, or stands
// before it in the table.
func (b *binder) other(g *goal) bool {
	forms := b.forms[g.name]
	return forms[0] != g || slices.ContainsFunc(forms[1:], func(o *goal) bool { return !o.untouched() })
}

// flag is whether config.json says that optional tensors are there, or the library assumes it.
func (v *Variant) flag(c *Config, flag string) (bool, error) {
	if _, ok := c.Value(flag); !ok {
		says, _ := v.Defaults[flag].(bool)
		return says, nil
	}
	says, err := c.Bool(flag)
	return says && !slices.Contains(v.Ignore, flag), err
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
		want, err := b.variant.flag(c, flag)
		if err != nil {
			return err
		}
		if want && g.left > 0 && !b.made[g.name] {
			return b.fail(g.parts[0], formats.Corrupt("missing, but config.json says %s", flag), "")
		}
		if !want && g.left == 0 {
			return b.fail(g.parts[0], formats.Corrupt("there, but config.json does not say %s", flag),
				fmt.Sprintf("if the model was trained with it, set %q to true in config.json", flag))
		}
	}
	return nil
}
