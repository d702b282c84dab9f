package arch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"quern/formats"
)

// bindHF understands a Hugging Face checkpoint by its config.json, or by what part makes of that.
func bindHF(src *formats.Source, part func(*Config) *Config) (*Bound, error) {
	c, err := ReadConfig(src, "config.json")
	if err != nil {
		return nil, err
	}
	if part != nil {
		c = part(c)
	}
	tower, _ := towerOf(c)
	c = c.Language()
	a, v, class, err := findClass(c)
	if err != nil {
		return nil, err
	}
	b := &Bound{Arch: a, Config: c}
	if err := understood(src, c); err != nil {
		return nil, err
	}
	if err := a.refuse(c, v); err != nil {
		return nil, err
	}
	if err := a.readConfig(c, v, &b.Params); err != nil {
		return nil, err
	}
	if b.Params.Stretched {
		b.Params.Stretched = false
		b.Notes = append(b.Notes, fmt.Sprintf("config.json asks for other frequencies beyond %d positions (dynamic scaling): runtimes do not change them", b.Params.Context))
	}
	b.noteYarn()
	if b.Params.RopeType == "llama3" {
		l, err := readLlama3(c)
		if err != nil {
			return nil, err
		}
		b.Params.RopeFactors = l.factors(&b.Params)
	}
	if a.Beside != nil {
		if err := a.Beside(src, b); err != nil {
			return nil, err
		}
	}
	b.make()
	bare := slices.Contains(v.Bare, class)
	place := binder{src: src, bound: b,
		name: func(r *Rule) string { return r.HF },
		op:   func(r *Rule) func(*formats.Tensor, *Params) *formats.Tensor { return r.Do.Forward },
		clean: func(name string) string {
			return a.prefixed(a.stripped(plain(tower, name)), bare)
		},
		left: func(name string) bool {
			return tower != nil && (dropped(tower.Own, name, 0) || (bare || a.Loose) && dropped(tower.Own, strings.TrimPrefix(name, a.prefix()), 0))
		},
		variant: v,
	}
	if err := place.place(); err != nil {
		return nil, err
	}
	if err := b.Params.NGrams.check(&b.Params); err != nil { // as tensors tell it
		return nil, &formats.Error{File: src.Path, Err: err}
	}
	if a.isDraft() || a.Silent != "" {
		b.rowsLast()
		b.Params.Tied = b.output() == nil && b.has(RoleEmbed)
		return b, nil
	}
	return b, b.tie(src, v, bare)
}

// noPrefix is the Prefix of a family whose names have none in common.
const noPrefix = "."

// prefix is what names of the family's tensors begin with.
func (a *Arch) prefix() string {
	if a.Prefix == noPrefix {
		return ""
	}
	return cmp.Or(a.Prefix, "model.")
}

// stripped is a name without the prefix that it may have, or with that of the rules in its place.
func (a *Arch) stripped(name string) string {
	if rest, ok := strings.CutPrefix(name, a.Else); ok && a.Else != "" {
		return a.prefix() + rest
	}
	for _, prefix := range a.Strip {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest
		}
	}
	return name
}

// Named is a name in a checkpoint as the rules have it.
func (a *Arch) Named(name string) string { return a.stripped(name) }

// prefixed is a name with the prefix that a class without a head leaves out.
func (a *Arch) prefixed(name string, bare bool) string {
	if !bare && !a.Loose || strings.HasPrefix(name, a.prefix()) || !bare && (strings.HasPrefix(name, "lm_head.") || strings.HasPrefix(name, "model.")) {
		return name
	}
	return a.prefix() + name
}

// understood refuses weights that are quantized in a way that opening the checkpoint did not undo.
func understood(src *formats.Source, c *Config) error {
	v, ok := c.Value("quantization_config")
	switch {
	case src.Quantized != nil:
		return src.Quantized.Err
	case !ok || v == nil:
		return nil
	}
	method, _ := c.String("quantization_config.quant_method")
	return c.fail("quantization_config", formats.Unsupported("the weights are quantized already (method %q)", method),
		"give the checkpoint in 16 bits that this one was made from")
}

// findClass finds the family of config.json's architecture.
func findClass(c *Config) (a *Arch, v *Variant, class string, err error) {
	list, _ := c.Value("architectures")
	names, _ := list.([]any)
	if class := c.stateClass(); len(names) == 0 && class != "" {
		names = []any{class}
	}
	if len(names) == 0 {
		return nil, nil, "", c.fail("architectures", formats.Unsupported("missing or empty, so the model's family is not known"),
			"known are "+strings.Join(classes(), ", "))
	}
	class, ok := names[0].(string)
	if !ok {
		return nil, nil, "", c.wrong("architectures", list, "a list of names")
	}
	for _, a := range table {
		for i := range a.Variants {
			if of := &a.Variants[i]; slices.Contains(of.HF, class) && (of.If == nil || of.If(c)) {
				v, err = variant(c, a, &a.Variants[i])
				return a, v, class, err
			}
		}
	}
	return nil, nil, "", c.stranger(class)
}

// variant prefers the one that model_type names: it decides what the Hugging Face library assumes for absent keys.
func variant(c *Config, a *Arch, byClass *Variant) (*Variant, error) {
	kind, err := c.String("model_type")
	if err != nil {
		return nil, err
	}
	for i := range a.Variants {
		if v := &a.Variants[i]; v.Type == kind && (v.If == nil || v.If(c)) {
			return v, nil
		}
	}
	return byClass, nil
}

// classes are the Hugging Face classes of all families.
func classes() []string {
	all := append(classesOf(table), classesOf(towers)...)
	slices.Sort(all)
	return slices.Compact(all)
}

func classesOf(table []*Arch) (all []string) {
	for _, a := range table {
		for _, v := range a.Variants {
			for _, class := range v.HF {
				if !slices.Contains(all, class) {
					all = append(all, class)
				}
			}
		}
	}
	return all
}

// readConfig fills p from config.json, from what the library assumes for v, and from the table's defaults, in this order.
func (a *Arch) readConfig(c *Config, v *Variant, p *Params) error {
	if a.Projector == "" {
		if err := a.hfRope(c, p); err != nil {
			return err
		}
	}
	for _, k := range a.Keys {
		if k.Field == nil || len(k.HF) == 0 || slices.Contains(v.Ignore, k.HF[0]) {
			continue
		}
		name, val, ok := c.Find(k.HF...)
		for i := 0; !ok && i < len(k.HF); i++ {
			name = k.HF[i]
			val, ok = v.Defaults[name]
		}
		if !ok && k.Default == nil {
			return c.fail(k.HF[0], formats.Corrupt("missing"), "")
		}
		if list, is := val.([]any); is && k.Each != nil {
			if err := c.assignInts(name, list, k.Each(p)); err != nil {
				return err
			}
			if len(list) == 0 {
				return c.wrong(name, val, "a number for each layer")
			}
			val = list[0]
		}
		if err := c.assign(name, k.number(val), k.Field(p)); err != nil {
			return err
		}
	}
	a.defaults(p)
	if err := p.LongRope.finish(c, p); err != nil {
		return err
	}
	if a.Finish != nil {
		if err := a.Finish(c, p); err != nil {
			return err
		}
	}
	if err := a.check(p); err != nil {
		return c.fail("", err, "")
	}
	return nil
}

// check refuses hyper-parameters that contradict each other.
func (a *Arch) check(p *Params) error {
	if a.Projector != "" {
		return p.checkTower()
	}
	if err := p.check(); err != nil {
		return err
	}
	if p.MLA.KV == 0 && p.ValueDim != p.HeadDim && !a.Layer.OwnValues {
		return formats.Unsupported("values have %d dimensions and keys %d; this family has one size", p.ValueDim, p.HeadDim)
	}
	if p.MLA.KV == 0 && p.RopeDim != p.HeadDim && !a.Layer.RopePart {
		return formats.Unsupported("%d of %d dimensions of a head are rotated; this family rotates all", p.RopeDim, p.HeadDim)
	}
	return nil
}

// defaults fills what is still unset, in the order of the table.
func (a *Arch) defaults(p *Params) {
	for _, k := range a.Keys {
		if k.Field == nil || k.Default == nil {
			continue
		}
		switch v := k.Field(p).(type) {
		case *int:
			if *v == 0 {
				k.Default(p)
			}
		case *float32:
			if *v == 0 {
				k.Default(p)
			}
		case *bool:
			if !*v {
				k.Default(p)
			}
		case *string:
			if *v == "" {
				k.Default(p)
			}
		case *[]int32:
			if len(*v) == 0 {
				k.Default(p)
			}
		case *[]string:
			if len(*v) == 0 {
				k.Default(p)
			}
		case *[]uint64:
			if len(*v) == 0 {
				k.Default(p)
			}
		case *[]float32:
			if len(*v) == 0 {
				k.Default(p)
			}
		case *[]bool:
			if len(*v) == 0 {
				k.Default(p)
			}
		}
	}
}

// make puts the tensors that are made from hyper-parameters first, as the reference converter does.
func (b *Bound) make() {
	for i := range b.Arch.Tensors {
		r := &b.Arch.Tensors[i]
		if r.Do.Make == nil {
			continue
		}
		for l := 0; strings.Contains(r.GGUF, "{}") && l < b.Params.Layers; l++ {
			t := r.Do.Make(&b.Params)
			t.Name = layerName(r.GGUF, l)
			b.Tensors = append(b.Tensors, t)
			b.Origins = append(b.Origins, Origin{Rule: r, Layer: l})
		}
		if t := r.Do.Make(&b.Params); t != nil && !strings.Contains(r.GGUF, "{}") {
			b.Tensors = append(b.Tensors, t)
			b.Origins = append(b.Origins, Origin{Rule: r, Layer: -1})
		}
	}
}

// tie decides whether the head is the embedding. A checkpoint that says so and stores a head all the same keeps its head:
// the reference converter does that too, and it is right whether or not the two are equal.
func (b *Bound) tie(src *formats.Source, v *Variant, bare bool) error {
	if b.Arch.Layer.Encoder {
		return nil
	}
	says, err := b.Config.Bool("tie_word_embeddings")
	if err != nil {
		return err
	}
	if _, ok := b.Config.Value("tie_word_embeddings"); !ok {
		says, _ = v.Defaults["tie_word_embeddings"].(bool)
	}
	if says {
		b.dropTwin()
	}
	b.Params.Tied = b.output() == nil
	switch {
	case b.Params.Tied && !says && !bare:
		return &formats.Error{File: src.Path, Tensor: "lm_head.weight", Err: formats.Corrupt("missing, and config.json does not say tie_word_embeddings"),
			Hint: `if the output head is the embedding, set "tie_word_embeddings" to true in config.json`}
	case !b.Params.Tied && says:
		b.Notes = append(b.Notes, "config.json says tie_word_embeddings, but lm_head.weight is stored: it is kept as output.weight")
	}
	return nil
}

// dropTwin leaves out a head that is the embedding's bytes under another name, as files that torch wrote have it; in
// safetensors the same model has one of the two.
func (b *Bound) dropTwin() {
	output := b.output()
	if output == nil {
		return
	}
	for i, o := range b.Origins {
		if o.Rule.Role == RoleEmbed && formats.Same(b.Tensors[i], output) {
			drop := slices.Index(b.Tensors, output)
			b.Tensors = slices.Delete(b.Tensors, drop, drop+1)
			b.Origins = slices.Delete(b.Origins, drop, drop+1)
			return
		}
	}
}

func (b *Bound) output() *formats.Tensor {
	for i, o := range b.Origins {
		if o.Rule.Role == RoleOutput && len(b.Tensors[i].Shape) == 2 { // and not its bias
			return b.Tensors[i]
		}
	}
	return nil
}
