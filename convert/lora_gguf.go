package convert

import (
	"fmt"
	"math"
	"slices"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A loraPair is a matrix's change in GGUF: NAME.lora_a [rank, in] and NAME.lora_b [out, rank], of experts with a dimension more in front.
type loraPair struct {
	name    string
	experts int // 0: one matrix
	parts   []*pairPart
}

// A pairPart is the change of one matrix, or of one expert's.
type pairPart struct {
	m     *module
	place arch.Place
}

// WriteAdapter makes a GGUF adapter, as llama.cpp loads it beside the base model's file. base tells names and the order of rows: a folder,
// its config.json alone, or a GGUF. What such a file cannot hold is an error: lengths of DoRA, tensors that were trained whole.
func WriteAdapter(a *Adapter, base *formats.Source, out string, typ *quantize.Type, force bool) (int, error) {
	if err := a.plain(base); err != nil {
		return 0, err
	}
	b, err := arch.Bind(base)
	if err != nil {
		return 0, err
	}
	if b.IsDraft() {
		return 0, &formats.Error{File: base.Path, Err: formats.Unsupported("a draft head: runtimes apply adapters to the model that it guesses for, and to no draft head"), Hint: "quern lora merge adds the adapter to the draft head's weights"}
	}
	pairs, err := a.pairs(b)
	if err != nil {
		return 0, err
	}
	alpha, err := a.alpha()
	if err != nil {
		return 0, err
	}
	w := &adapterWriter{a: a, alpha: alpha, typ: typ}
	for _, p := range pairs {
		if err := w.add(p); err != nil {
			return 0, err
		}
	}
	meta := a.meta(b, alpha, typ)
	sink, err := formats.GGUF.Create(out, formats.CreateOptions{Force: force})
	if err != nil {
		return 0, err
	}
	defer sink.Abort()
	if err := sink.Begin(meta, w.tensors); err != nil {
		return 0, err
	}
	for i, t := range w.tensors {
		body := make([]byte, t.Bytes())
		typ.Encode(body, w.values[i], nil)
		if err := sink.WriteAt(body, i, 0); err != nil {
			return 0, err
		}
	}
	return len(w.tensors) / 2, sink.Commit()
}

// plain refuses what a GGUF adapter has no place for.
func (a *Adapter) plain(base *formats.Source) error {
	const hint = "quern lora merge takes it"
	switch {
	case a.spec.dora:
		return a.fail("", formats.Unsupported("DoRA: a GGUF adapter holds no lengths"), hint)
	case len(a.rows) > 0:
		return a.fail(a.rows[0].name, formats.Unsupported("rows were trained: a GGUF adapter holds thin matrices only"), hint)
	}
	for _, t := range a.whole {
		i := slices.IndexFunc(base.Tensors, func(o *formats.Tensor) bool { return o.Name == t.Name })
		if !a.frozen[t.Name] || i >= 0 && !slices.Equal(base.Tensors[i].Shape, t.Shape) {
			return a.fail(t.Name, formats.Unsupported("was trained whole, or resized: a GGUF adapter holds thin matrices only"), hint)
		}
	}
	return nil
}

// pairs finds the tensors that the modules belong to, in the order of the base's tensors.
func (a *Adapter) pairs(b *arch.Bound) ([]*loraPair, error) {
	places, byName := b.Places(), map[string]*loraPair{}
	for _, m := range a.modules {
		found := places[m.name+".weight"]
		if len(found) == 0 { // of a model around a language model
			found = places[arch.Plain(m.name+".weight")]
		}
		if len(found) == 0 {
			found = places[b.Arch.Named(m.name+".weight")]
		}
		if len(found) == 0 {
			return nil, a.fail(m.name, formats.Unsupported("has no tensor of its own in a GGUF of %s", b.Arch.Name), "is it the model that the adapter was trained for? quern lora merge may take it")
		}
		if m.embedding && b.Params.Tied {
			return nil, a.fail(m.name, formats.Unsupported("the model's head is its embedding: runtimes would use the change for both, and do not load it"), "quern lora merge takes it")
		}
		if found[0].Deaf {
			return nil, a.fail(m.name, formats.Unsupported("llama.cpp applies no adapter to this matrix, or another one than was trained, and does not say so"), "quern lora merge takes it")
		}
		for _, p := range found {
			pair := byName[p.GGUF]
			if pair == nil {
				pair = &loraPair{name: p.GGUF, experts: p.Experts}
				byName[p.GGUF] = pair
			}
			pair.parts = append(pair.parts, &pairPart{m, p})
		}
	}
	var out []*loraPair
	for _, t := range b.Tensors {
		p := byName[t.Name]
		if p == nil {
			continue
		}
		if p.experts > 0 {
			slices.SortFunc(p.parts, func(x, y *pairPart) int { return x.place.Expert - y.place.Expert })
			if len(p.parts) != p.experts {
				return nil, a.fail(p.name, formats.Unsupported("%d of %d experts have an adapter: a GGUF adapter holds all or none", len(p.parts), p.experts), "quern lora merge takes it")
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// alpha is the file's one number: the scale of every module times its rank, where that is the same for all, as it is for plain LoRA.
// Otherwise it is the first module's, and the second matrices of others make up for it.
func (a *Adapter) alpha() (float32, error) {
	for _, m := range a.modules {
		if alpha := float32(m.scale * float64(m.rank)); alpha != 0 {
			return alpha, nil
		}
	}
	return 0, a.fail("lora_alpha", formats.Corrupt("is 0: the adapter changes nothing"), "")
}

// meta are the file's keys.
func (a *Adapter) meta(b *arch.Bound, alpha float32, typ *quantize.Type) *formats.Meta {
	meta := &formats.Meta{}
	meta.Set("general.architecture", b.Arch.Name)
	meta.Set("general.type", "adapter")
	meta.Set("adapter.type", "lora")
	meta.Set("general.name", stem(a.Path))
	if a.spec.base != "" {
		meta.Set("general.base_model.count", uint32(1))
		meta.Set("general.base_model.0.name", stem(a.spec.base))
	}
	meta.Set("general.file_type", map[string]uint32{"F32": 0, "F16": 1, "BF16": 32}[typ.Name])
	meta.Set("adapter.lora.alpha", alpha)
	if a.spec.task != "" {
		meta.Set("adapter.lora.task_name", a.spec.task)
	}
	if a.spec.instruction != "" {
		meta.Set("adapter.lora.prompt_prefix", a.spec.instruction)
	}
	if len(a.spec.invocation) > 0 {
		var ids []uint32
		for _, id := range a.spec.invocation {
			ids = append(ids, uint32(id))
		}
		meta.Set("adapter.alora.invocation_tokens", ids)
	}
	meta.Set("general.quantization_version", uint32(2))
	return meta
}

// An adapterWriter gathers the tensors: adapters are small.
type adapterWriter struct {
	a       *Adapter
	alpha   float32
	typ     *quantize.Type
	tensors []*formats.Tensor
	values  [][]float32
}

func (w *adapterWriter) add(p *loraPair) error {
	var as, bs []float32
	var shapeA, shapeB []int
	for _, part := range p.parts {
		a, b, err := w.factors(part)
		if err != nil {
			return err
		}
		rank := part.m.rank
		sa, sb := []int{rank, len(a) / rank}, []int{len(b) / rank, rank}
		if part.place.Embed { // runtimes look rows up in the first matrix
			sa[0], sa[1] = sa[1], sa[0]
		}
		if shapeA != nil && !slices.Equal(shapeA, sa) {
			return w.a.fail(p.name, formats.Unsupported("its experts' adapters have several ranks"), "quern lora merge takes it")
		}
		shapeA, shapeB = sa, sb
		as, bs = append(as, a...), append(bs, b...)
	}
	if p.experts > 0 {
		shapeA, shapeB = append([]int{p.experts}, shapeA...), append([]int{p.experts}, shapeB...)
	}
	w.tensors = append(w.tensors, &formats.Tensor{Name: p.name + ".lora_a", Shape: shapeA, Type: w.typ}, &formats.Tensor{Name: p.name + ".lora_b", Shape: shapeB, Type: w.typ})
	w.values = append(w.values, as, bs)
	return nil
}

// factors are the matrices of one change, the rows of the second and the columns of the first in GGUF's order.
func (w *adapterWriter) factors(p *pairPart) (a, b []float32, err error) {
	m := p.m
	out, in := p.place.Source[0], p.place.Source[1]
	if p.place.Turned || m.embedding {
		out, in = in, out
	}
	if m.embedding != p.place.Embed || m.a.Shape[1] != in || m.b.Shape[0] != out {
		return nil, nil, w.a.fail(m.name, formats.Corrupt("makes %d of %d, the base model's matrix has shape %v", m.b.Shape[0], m.a.Shape[1], p.place.Source), "is it the model that the adapter was trained for?")
	}
	if a, err = (&thin{m.a, m.embedding}).values(); err != nil {
		return nil, nil, err
	}
	if b, err = (&thin{m.b, false}).values(); err != nil {
		return nil, nil, err
	}
	if p.place.Rows != nil {
		moved := make([]float32, 0, len(p.place.Rows)*m.rank)
		for _, from := range p.place.Rows {
			moved = append(moved, b[from*m.rank:(from+1)*m.rank]...)
		}
		b = moved
	}
	if columns := p.place.Columns; columns != nil {
		moved := make([]float32, len(a))
		for i := range moved {
			moved[i] = a[i/in*in+columns[i%in]]
		}
		a = moved
	}
	if factor := m.scale * float64(m.rank) / float64(w.alpha); math.Abs(factor-1) > 1e-6 {
		for i := range b {
			b[i] = float32(float64(b[i]) * factor)
		}
	}
	for _, v := range [][]float32{a, b} {
		for _, x := range v {
			if x-x != 0 {
				return nil, nil, w.a.fail(m.name, fmt.Errorf("holds %v", x), "")
			}
		}
	}
	return a, b, nil
}
