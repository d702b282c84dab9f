package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/model"
)

// Attribution takes parts of a quantized model into its base, one at a time: what the base then loses is that part's own
// loss. Losses of parts do not quite add up to the loss of the whole.

// How a model is cut into parts.
const (
	ByTensor = "tensor"
	ByRole   = "role"
	ByLayer  = "layer"
)

// Attribute measures every part of quant against base on the same tokens as Run. Vectors are not parts of their own: they are
// hardly ever quantized. Parts come in the order of the model. told, if not nil, hears of every part that is done.
func Attribute(ctx context.Context, base, quant *formats.Source, by string, tokens []int32, opt Options, told func(done, total int)) ([]Swap, error) {
	bb, err := arch.Bind(base)
	if err != nil {
		return nil, err
	}
	bq, err := arch.Bind(quant)
	if err != nil {
		return nil, err
	}
	parts, err := cut(bb, bq, by)
	if err != nil {
		return nil, err
	}
	whole, err := model.Of(bb)
	if err != nil {
		return nil, err
	}
	opt.Gates, opt.Piece, opt.Domains, opt.Progress = nil, nil, nil, nil
	once := &once{Scorer: whole}
	out := make([]Swap, len(parts))
	for i, p := range parts {
		m, err := model.Of(p.into(bb, bq))
		if err != nil {
			return nil, err
		}
		rep, err := Run(ctx, []Side{{"base", once, whole.Params().Vocab}, {p.Part, m, whole.Params().Vocab}}, tokens, opt)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Part, err)
		}
		out[i] = p.Swap
		out[i].KLD = rep.Models[1].Versus.KLD.Mean
		if told != nil {
			told(i+1, len(parts))
		}
	}
	return out, nil
}

// A part is some tensors, by their index in the base.
type part struct {
	Swap
	tensors []int
}

// cut lists the parts.
func cut(base, quant *arch.Bound, by string) ([]*part, error) {
	if len(base.Tensors) == 0 || base.Arch != quant.Arch {
		return nil, fmt.Errorf("the models are of families %s and %s", base.Arch.Name, quant.Arch.Name)
	}
	var out []*part
	at := map[string]*part{}
	for i, t := range base.Tensors {
		o := base.Origins[i]
		q := find(quant, t.Name)
		if q == nil || len(t.Shape) < 2 {
			continue
		}
		if !slices.Equal(q.Shape, t.Shape) {
			return nil, fmt.Errorf("%s has shape %v in one model and %v in the other", t.Name, t.Shape, q.Shape)
		}
		s := Swap{Part: t.Name, Layer: o.Layer, Role: roleName(t.Name)}
		switch by {
		case ByRole:
			s.Part, s.Layer = s.Role, -1
		case ByLayer:
			if o.Layer >= 0 {
				side, _, _ := strings.Cut(t.Name, "blk.") // of an encoder and a decoder
				s.Part, s.Role = fmt.Sprintf("%slayer %d", strings.Replace(side, ".", " ", 1), o.Layer), ""
			}
		}
		p := at[s.Part]
		if p == nil {
			p = &part{Swap: s}
			at[s.Part], out = p, append(out, p)
		}
		p.tensors = append(p.tensors, i)
		p.Bytes += q.Bytes()
	}
	return out, nil
}

func find(b *arch.Bound, name string) *formats.Tensor {
	for _, t := range b.Tensors {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// into is the base with the part from the quant.
func (p *part) into(base, quant *arch.Bound) *arch.Bound {
	b := *base
	b.Tensors = slices.Clone(base.Tensors)
	for _, i := range p.tensors {
		b.Tensors[i] = find(quant, b.Tensors[i].Name)
	}
	return &b
}

// once is a base that runs the same chunks only the first time.
type once struct {
	Scorer
	kept map[[32]byte]*model.States
}

// States returns what the first call for these sequences did.
func (o *once) States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error) {
	k := chunkKey(slices.Concat(seqs...))
	if s := o.kept[k]; s != nil {
		return s, nil
	}
	s, err := o.Scorer.States(ctx, seqs, want, opt)
	if err != nil {
		return nil, err
	}
	if o.kept == nil {
		o.kept = map[[32]byte]*model.States{}
	}
	o.kept[k] = s
	return s, nil
}
