package arch

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"quern/formats"
)

// bindGGUF understands a GGUF file by its keys.
func bindGGUF(src *formats.Source) (*Bound, error) {
	name := src.Meta.String("general.architecture")
	if name == clip {
		return bindTowerGGUF(src)
	}
	i := slices.IndexFunc(table, func(a *Arch) bool { return a.Name == name && a.Kin != nil && a.Kin(src) })
	if i < 0 {
		i = slices.IndexFunc(table, func(a *Arch) bool { return a.Name == name && a.Kin == nil })
	}
	if i < 0 {
		var known []string
		for _, a := range table {
			known = append(known, a.Name)
		}
		known = slices.Compact(known)
		return nil, &formats.Error{File: src.Path, Tensor: "general.architecture", Err: formats.Unsupported("architecture %.60q is not known", name),
			Hint: "known are " + strings.Join(known, ", ")}
	}
	return table[i].bindGGUF(src)
}

func (a *Arch) bindGGUF(src *formats.Source) (*Bound, error) {
	b := &Bound{Arch: a}
	if err := a.readMeta(src, &b.Params); err != nil {
		return nil, err
	}
	place := binder{src: src, bound: b,
		name:  func(r *Rule) string { return r.GGUF },
		gguf:  true,
		op:    func(*Rule) func(*formats.Tensor, *Params) *formats.Tensor { return nil },
		clean: func(name string) string { return name },

		companions: map[string]*formats.Tensor{},
	}
	if err := place.place(); err != nil {
		return nil, err
	}
	b.Params.Tied = b.output() == nil && !a.Layer.Encoder && (!a.isDraft() || b.has(RoleEmbed))
	return b, b.readFactors(src)
}

// readMeta fills p from GGUF keys.
func (a *Arch) readMeta(src *formats.Source, p *Params) error {
	for _, r := range a.Refuse {
		key := a.keyName(r.GGUF)
		if v := src.Meta.Value(key); r.GGUF != "" && v != nil && !r.allows(v) {
			return &formats.Error{File: src.Path, Tensor: key, Err: formats.Unsupported("is %.60v: %s, which the %s family here does not have", v, r.Why, a.Name)}
		}
	}
	for _, k := range a.Keys {
		if k.Field == nil {
			continue
		}
		if err := a.readKey(src, k, p); err != nil {
			return err
		}
	}
	p.cutFurther()
	switch p.RopeType {
	case "none":
		p.RopeType, p.RopeScale = "", 0
	case "", "linear":
		if p.RopeScale != 0 && p.RopeScale != 1 {
			p.RopeType = "linear" // what runtimes assume when only the factor is there
		}
	case "longrope":
		if a.hasRole(RoleRopeLong) {
			break
		}
		fallthrough
	case "yarn":
		if p.RopeType == "yarn" && a.has("{a}.rope.scaling.yarn_beta_fast") {
			p.Yarn.LogAll = float64(p.Yarn.log) / 0.1
			break
		}
		fallthrough
	default:
		return &formats.Error{File: src.Path, Tensor: a.keyName("{a}.rope.scaling.type"), Err: formats.Unsupported("rope scaling %.60q is not known for this family", p.RopeType)}
	}
	if err := a.vocab(src, p); err != nil {
		return err
	}
	if a.Projector != "" {
		p.measure(src)
	}
	if a.Look != nil {
		a.Look(src, p)
	}
	a.defaults(p)
	if err := a.check(p); err != nil {
		return &formats.Error{File: src.Path, Err: err}
	}
	return nil
}

func (a *Arch) readKey(src *formats.Source, k Key, p *Params) error {
	if k.GGUF == "" {
		return nil
	}
	name := a.keyName(k.GGUF)
	for _, old := range k.Old {
		if !src.Meta.Has(name) {
			name = a.keyName(old)
		}
	}
	v := src.Meta.Value(name)
	if v == nil {
		if k.Default == nil {
			return &formats.Error{File: src.Path, Tensor: a.keyName(k.GGUF), Err: formats.Corrupt("missing")}
		}
		return nil
	}
	ok := false
	switch f := k.Field(p).(type) {
	case *int:
		if list, is := v.([]int32); is && k.Each != nil && len(list) > 0 {
			*k.Each(p), *f, ok = list, int(slices.Max(list)), slices.Min(list) >= 0
			break
		}
		if *f, ok = src.Meta.Int(name); !ok {
			*f, ok = uniform(v)
		}
		ok = ok && *f >= 0 && *f <= math.MaxInt32
	case *float32:
		var x float64
		x, ok = src.Meta.Float(name)
		*f = float32(x)
	case *bool:
		*f, ok = v.(bool)
	case *string:
		*f, ok = v.(string)
	case *[]int32:
		*f, ok = v.([]int32)
	case *[]uint64:
		*f, ok = v.([]uint64)
	case *[]float32:
		*f, ok = v.([]float32)
	case *[]string:
		*f, ok = v.([]string)
	case *[]bool:
		*f, ok = v.([]bool)
	}
	if !ok {
		return &formats.Error{File: src.Path, Tensor: name, Err: formats.Unsupported("is %.60s of type %T: one number was expected", fmt.Sprint(v), v)}
	}
	return nil
}

// uniform is the number that a list has for every layer: some files tell it so.
func uniform(v any) (n int, ok bool) {
	list, _ := v.([]int32)
	for _, x := range list {
		if x != list[0] {
			return 0, false
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	return int(list[0]), true
}

// vocab trusts the list of tokens, then the embedding, as runtimes do; the key came late and is wrong in some files.
func (a *Arch) vocab(src *formats.Source, p *Params) error {
	if n := len(src.Meta.Strings("tokenizer.ggml.tokens")); n > 0 {
		p.Vocab = n
		return nil
	}
	if t := src.Tensor("token_embd.weight"); t != nil && len(t.Shape) == 2 {
		p.Vocab = t.Shape[0]
	}
	return nil
}

// readFactors reads the tensors that are hyper-parameters.
func (b *Bound) readFactors(src *formats.Source) error {
	p := &b.Params
	fields := map[Role]*[]float32{RoleRopeFactors: &p.RopeFactors, RoleRopeLong: &p.LongRope.Long, RoleRopeShort: &p.LongRope.Short}
	for i, o := range b.Origins {
		to := fields[o.Rule.Role]
		if to == nil {
			continue
		}
		t := b.Tensors[i]
		fail := func(err error) error { return &formats.Error{File: src.Path, Tensor: t.Name, Err: err} }
		if t.Rows == nil {
			return fail(formats.Unsupported("type %s cannot be decoded", t.Type))
		}
		f := make([]float32, t.Cols())
		if err := t.Rows.ReadRows(f, 0); err != nil {
			return err
		}
		for _, x := range f {
			if !positive(x) {
				return fail(formats.Corrupt("a frequency cannot be divided by %v", x))
			}
		}
		*to = f
		switch {
		case o.Rule.Role != RoleRopeFactors:
			p.RopeType = "longrope"
		case p.RopeType == "":
			p.RopeType = "llama3"
			if b.Arch.Layer.PartPairs {
				p.RopeType = "proportional"
			}
		}
		if p.RopeType == "proportional" && !partPairs(f) {
			return fail(formats.Unsupported("does not leave the first pairs of a head as they are and the others still"))
		}
	}
	if l := &p.LongRope; len(l.Long) != len(l.Short) || p.RopeType == "longrope" && l.Long == nil {
		return &formats.Error{File: src.Path, Tensor: "rope_factors_long.weight", Err: formats.Corrupt("only one of the two sets of rope factors is there")}
	}
	return nil
}
