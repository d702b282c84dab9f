package arch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// A Folder is a model as a Hugging Face checkpoint has it.
type Folder struct {
	Config  map[string]any
	Tensors []*formats.Tensor // promises, in the order of names with their numbers counted
	Wide    []string          // names of tensors that are float32 whatever the others are
	Files   map[string]any    // further files, by name: bytes, or what is written as JSON
}

// Folder is the way back: tensors, and a config.json from which the same hyper-parameters are read, by this package, and by the library of
// Hugging Face. Of the model types of a family it is the first that can say all of them. What no GGUF tells (the spread of random
// numbers that training began with, say) is left out.
func (b *Bound) Folder() (*Folder, error) {
	if b.Arch.Projector != "" {
		return nil, formats.Unsupported("a vision tower is a part of a folder, not a model")
	}
	var why error
	for i := range b.Arch.Variants {
		v := &b.Arch.Variants[i]
		t := tellingOf(v.Type)
		switch {
		case t.Cannot != "":
			if why == nil {
				why = formats.Unsupported("%s", t.Cannot)
			}
			continue
		case len(v.HF) == 0 || t.When != nil && !t.When(&b.Params):
			continue
		}
		config, err := b.tell(v, t)
		if err == nil {
			err = b.reread(config)
		}
		if err == nil {
			return b.folder(config, t)
		}
		if why == nil {
			why = err
		}
	}
	return nil, fmt.Errorf("the hyper-parameters of a %s cannot be written as config.json: %w", b.Arch.Name, why)
}

func (b *Bound) folder(config map[string]any, telling telling) (*Folder, error) {
	tensors, err := b.unbind(telling.Last)
	if err != nil {
		return nil, err
	}
	f := &Folder{Config: config, Tensors: tensors, Files: b.Params.poolingFiles()}
	for _, t := range f.Tensors {
		if len(b.Params.Labels) > 0 {
			t.Name = headless(telling.Head, t.Name)
		}
	}
	slices.SortFunc(f.Tensors, func(x, y *formats.Tensor) int { return naturally(x.Name, y.Name) })
	for _, o := range b.Origins {
		if slices.Contains(wide, o.Rule.Role) || b.Params.Hyper.Rounds > 0 && slices.Contains(single, o.Rule.Role) {
			f.Wide = append(f.Wide, o.Rule.At(o.Rule.HF, o.Layer, &b.Params))
		}
	}
	return f, f.apart(&b.Params)
}

// wide are the roles of what steers more than it is large.
var wide = []Role{RoleRouterBias, RoleStateTime, RoleStateDecay, RoleStatePast}

// naturally compares names; numbers in them by their size.
func naturally(a, b string) int {
	for a != "" && b != "" {
		n, m := digits(a), digits(b)
		if n > 0 && m > 0 {
			if c := cmp.Or(cmp.Compare(n, m), strings.Compare(a[:n], b[:m])); c != 0 {
				return c
			}
			a, b = a[n:], b[m:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// tell writes down everything that a model type's config.json says.
func (b *Bound) tell(v *Variant, t telling) (map[string]any, error) {
	p := b.Params // a copy: Field gives pointers
	out := map[string]any{"model_type": v.Type, "architectures": []string{cmp.Or(t.Class, v.HF[0])}, "tie_word_embeddings": p.Tied}
	for _, r := range b.Arch.Refuse {
		if val, ok := r.only(); ok && !slices.Contains(v.Ignore, r.HF) {
			out[r.HF] = val
		}
	}
	for _, k := range b.Arch.Keys {
		if k.Field == nil || len(k.HF) == 0 || slices.Contains(v.Ignore, k.HF[0]) {
			continue
		}
		name := k.told(v)
		if own, ok := t.Names[name]; ok {
			name = own
		}
		if val, ok := k.value(&p); ok {
			out[name] = val
		} else if _, assumed := v.Defaults[name]; assumed {
			out[name] = nil // or the library would assume it
		}
	}
	b.flags(v, out)
	if err := b.tellRope(out); err != nil {
		return nil, err
	}
	if kinds := b.layerTypes(); kinds != nil {
		out["layer_types"] = kinds
	}
	if t.Set != nil {
		for k, val := range t.Set(&p) {
			if out[k] = val; val == unsaid {
				delete(out, k)
			}
		}
	}
	nest(out)
	return t.within(out), nil
}

// within is a configuration whose keys lie one level down, but for those of the whole.
func (t *telling) within(out map[string]any) map[string]any {
	if t.Level == "" {
		return out
	}
	whole := map[string]any{"architectures": out["architectures"], "model_type": t.Type, "tie_word_embeddings": out["tie_word_embeddings"]}
	for _, key := range t.Whole {
		whole[key] = out[key]
		delete(out, key)
	}
	delete(out, "architectures")
	whole[t.Level] = out
	return whole
}

// nest puts values under dotted keys where these say.
func nest(out map[string]any) {
	for k, v := range out {
		outer, inner, dotted := strings.Cut(k, ".")
		if !dotted {
			continue
		}
		in, _ := out[outer].(map[string]any)
		if in == nil {
			in = map[string]any{}
			out[outer] = in
		}
		in[inner] = v
		delete(out, k)
	}
}

// only is the one value that a family takes for a key; of an activation with several names the first.
func (r *Refusal) only() (any, bool) {
	if len(r.Unless) == 0 || strings.Contains(r.HF, ".") || r.HF == "" || len(r.Unless) > 1 && r.HF != "hidden_act" && r.HF != "hidden_activation" {
		return nil, false
	}
	var v any
	if json.Unmarshal([]byte(r.Unless[0]), &v) != nil {
		v = r.Unless[0]
	}
	return v, true
}

// told is the name under which a model type's config.json has a key: one that the library knows, else the first at the top.
func (k *Key) told(v *Variant) string {
	for _, name := range k.HF {
		if _, ok := v.Defaults[name]; ok {
			return name
		}
	}
	for _, name := range k.HF {
		if !strings.Contains(name, ".") {
			return name
		}
	}
	return k.HF[0][strings.LastIndexByte(k.HF[0], '.')+1:]
}

// value is what a hyper-parameter is in JSON; none where it is unset.
func (k *Key) value(p *Params) (any, bool) {
	switch f := k.Field(p).(type) {
	case *int:
		for word, n := range k.Words {
			if n == *f {
				return word, true
			}
		}
		return *f, *f != 0 || isCount(f, p)
	case *float32:
		if f == &p.RopePart {
			part := float32(p.RopeDim) / float32(p.HeadDim)
			return decimal(part), true
		}
		return decimal(*f), *f != 0
	case *bool:
		return *f, true
	case *string:
		return *f, *f != ""
	case *[]int32:
		return *f, len(*f) > 0
	case *[]float32:
		return decimals(*f), len(*f) > 0
	}
	return nil, false
}

// isCount says of a number that none of them is a number too.
func isCount(f *int, p *Params) bool {
	return f == &p.Mix.Dense || f == &p.Mix.Shared || f == &p.Borrow || f == &p.Side || f == &p.AltUp.Active || f == &p.Pooled.Hashed || f == &p.Sides.Start
}

// decimal is the shortest number that is read as this one, recognisable as no whole number.
func decimal(x float32) json.Number {
	form := byte('f')
	if a := math.Abs(float64(x)); a < 1e-4 || a > 1e15 {
		form = 'g'
	}
	s := strconv.FormatFloat(float64(x), form, -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.Number(s)
}

// flags says which optional tensors are there.
func (b *Bound) flags(v *Variant, out map[string]any) {
	there := map[string]bool{}
	for _, o := range b.Origins {
		there[o.Rule.Flag] = true
	}
	for _, r := range b.Arch.Tensors {
		if r.Flag != "" && !slices.Contains(v.Ignore, r.Flag) {
			out[r.Flag] = there[r.Flag]
		}
	}
}

// layerTypes says which layers have a window, in families where some have.
func (b *Bound) layerTypes() (kinds []string) {
	p, l := &b.Params, &b.Arch.Layer
	if l.FullEvery == 0 && p.WindowIn == nil {
		return nil
	}
	for i := range p.Layers {
		kind := "full_attention"
		if l.Windowed(p, i) > 0 {
			if kind = "sliding_attention"; l.Chunked {
				kind = "chunked_attention"
			}
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// reread refuses a configuration that does not say what the file said.
func (b *Bound) reread(config map[string]any) error {
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	c, err := ParseConfig("config.json", text)
	if err != nil {
		return err
	}
	c = c.flat()
	a, v, _, err := findClass(c)
	if err != nil {
		return err
	}
	if err := a.refuse(c, v); err != nil {
		return err
	}
	got, want := Params{}, b.Params
	if err := a.readConfig(c, v, &got); err != nil {
		return err
	}
	if got.RopeType == "llama3" {
		l, err := readLlama3(c)
		if err != nil {
			return err
		}
		got.RopeFactors = l.factors(&got)
	}
	if a.isDraft() {
		got.Sections = want.Sections // the target's configuration tells them
		got.Draft.told(&want.Draft)
	}
	for _, p := range []*Params{&got, &want} {
		p.RopePart, p.Tied, p.NormHead, p.Ternary, p.Times = 0, false, false, false, Times{} // RopeDim is what counts, and the head that is there
		p.Pooling, p.Vectors = 0, 0                                                          // other files tell it
		p.Pooled.Sees = false                                                                // tensors do
		if p.Window == 0 {
			p.WindowIn = nil
		}
		for _, r := range b.Arch.Tensors { // which tell it
			for l := range p.Layers {
				if r.Number != nil {
					*r.Number(p, l) = 0
				}
				if r.Whole != nil {
					*r.Whole(p) = nil
				}
			}
		}
		if p.LongRope.Size == 1 {
			p.LongRope.Size = 0
		}
	}
	return differ(reflect.ValueOf(got), reflect.ValueOf(want), "")
}

// differ names the first field in which two values are not the same.
func differ(got, want reflect.Value, at string) error {
	if got.Kind() == reflect.Struct {
		for i := range got.NumField() {
			if err := differ(got.Field(i), want.Field(i), strings.TrimPrefix(at+"."+got.Type().Field(i).Name, ".")); err != nil {
				return err
			}
		}
		return nil
	}
	if got.Kind() == reflect.Slice && got.Len() == 0 && want.Len() == 0 {
		return nil
	}
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		return formats.Unsupported("%s would be %.60s, and is %.60s", at, g, w)
	}
	return nil
}
