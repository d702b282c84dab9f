package arch

import (
	"fmt"
	"slices"
	"strings"

	"quern/formats"
)

// Unbind is the way back: the tensors that a Hugging Face checkpoint of the family has, under its names and in its conventions, each still
// only a promise of rows. Of two layouts it is the first of the table. Tensors made from hyper-parameters are left out.
func (b *Bound) Unbind() ([]*formats.Tensor, error) { return b.unbind(false) }

// unbind takes the last of two layouts if that is asked for.
func (b *Bound) unbind(last bool) ([]*formats.Tensor, error) {
	u := unbinder{b: b, have: map[string]*formats.Tensor{}, used: map[string]bool{}}
	for _, t := range b.Tensors {
		u.have[t.Name] = t
	}
	for i := range b.Arch.Tensors {
		if last {
			i = len(b.Arch.Tensors) - 1 - i
		}
		r := &b.Arch.Tensors[i]
		for l, name := range r.names(r.HF, &b.Params) {
			if err := u.source(r, l, name); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range b.Tensors {
		if o := u.rule(t); !u.used[t.Name] && (o == nil || o.Do.Make == nil) {
			return nil, &formats.Error{Tensor: t.Name, Err: fmt.Errorf("has no way back to a Hugging Face checkpoint")}
		}
	}
	return u.out, nil
}

type unbinder struct {
	b    *Bound
	have map[string]*formats.Tensor // by GGUF name
	used map[string]bool
	out  []*formats.Tensor
}

func (u *unbinder) rule(t *formats.Tensor) *Rule {
	if i := slices.Index(u.b.Tensors, t); i >= 0 {
		return u.b.Origins[i].Rule
	}
	return nil
}

// source makes what a rule finds under a name, from its own tensor and those of the rules that take other parts of the same one.
func (u *unbinder) source(r *Rule, layer int, name string) error {
	if r.asKey() {
		u.out = append(u.out, r.number(&u.b.Params, layer, name))
		return nil
	}
	if t := u.stead(r, layer); t != nil {
		u.add(t, name)
		return nil
	}
	var parts []*formats.Tensor
	for i := range u.b.Arch.Tensors {
		o := &u.b.Arch.Tensors[i]
		if o.HF != r.HF || o != r && o.Do.Join == nil && (o.GGUF != r.GGUF || o.Optional) {
			continue
		}
		gguf := o.At(o.GGUF, layer, &u.b.Params)
		if t := u.have[gguf]; t != nil && !u.used[gguf] {
			parts = append(parts, t)
		}
	}
	if len(parts) == 0 {
		return nil // optional, in the other layout, or done with an earlier rule
	}
	t := parts[0]
	if r.Do.Lent || r.Do.Folds {
		u.used[t.Name] = true
		return nil
	}
	switch p := u.b.Params.At(layer); {
	case t.Rows == nil:
		return &formats.Error{Tensor: t.Name, Err: formats.Unsupported("type %s cannot be decoded", t.Type)}
	case r.Do.Combine != nil:
		return u.split(r, t, layer, name)
	case r.Do.Join != nil:
		t = r.Do.Join(parts, p)
	case r.Do.Inverse != nil:
		t = r.Do.Inverse(t, p)
	}
	for _, part := range parts {
		u.used[part.Name] = true
	}
	if !several(name) {
		u.add(t, name)
		return nil
	}
	if strings.Contains(name, inParts) {
		t = shapedAs(t, append([]int{u.b.Params.NGrams.Parts}, r.sourceDims(&u.b.Params)...)...)
	}
	for e, part := range r.parts(name, u.b.Params.At(layer)) {
		n := t.NumRows() / t.Shape[0]
		one := picked(t, pick{e * n, n, t.NumRows()}, t.Shape[1:])
		if t.Scale != nil {
			one.Scale = t.Scale[e : e+1]
		}
		u.add(one, part)
	}
	return nil
}

// split makes the tensors that a rule's was combined of.
func (u *unbinder) split(r *Rule, t *formats.Tensor, layer int, name string) error {
	if r.Do.Split == nil {
		return &formats.Error{Tensor: t.Name, Err: formats.Unsupported("several tensors were made one (%s), and nothing leads back", r.Do.Name)}
	}
	u.used[t.Name] = true
	p := u.b.Params.At(layer)
	parts := r.Do.Split(t, p)
	for i, part := range r.parts(name, &u.b.Params) {
		u.add(shapedAs(parts[i], r.partDims(i, p)...), part)
	}
	return nil
}

// stead is the tensor of an older file that stands for a rule's and others.
func (u *unbinder) stead(r *Rule, layer int) *formats.Tensor {
	for i := range u.b.Arch.Tensors {
		o := &u.b.Arch.Tensors[i]
		gguf := o.At(o.GGUF, layer, &u.b.Params)
		if t := u.have[gguf]; t != nil && slices.Contains(o.Stead, r.GGUF) && (!u.used[gguf] || len(o.And) > 0) {
			u.used[gguf] = true
			if len(o.And) == 0 {
				return t
			}
			if part := r.At(r.GGUF, layer, &u.b.Params); !u.used[part] { // by the first layout
				u.used[part] = true
				return u.share(t, o, r)
			}
		}
	}
	return nil
}

// share is a rule's part of a tensor that stands for several, which lie in it one behind the other.
func (u *unbinder) share(t *formats.Tensor, whole, part *Rule) *formats.Tensor {
	from, n := 0, part.Dims(&u.b.Params)[0]
	for _, name := range whole.Stead {
		if name == part.GGUF {
			break
		}
		i := slices.IndexFunc(u.b.Arch.Tensors, func(r Rule) bool { return r.GGUF == name })
		from += u.b.Arch.Tensors[i].Dims(&u.b.Params)[0]
	}
	if len(t.Shape) == 1 {
		return cut(t, from, n)
	}
	return picked(t, pick{from, n, t.Shape[0]}, []int{n, t.Cols()})
}

func (u *unbinder) add(t *formats.Tensor, name string) {
	n := *t
	n.Name = name
	u.out = append(u.out, &n)
}
