package arch

import (
	"slices"

	"quern/formats"
)

// HeadSizes are dimensions of a head.
type HeadSizes struct{ Key, Value, Rope int }

// Borrows says of a layer that it has no keys and values of its own.
func (p *Params) Borrows(layer int) bool { return layer >= p.Layers-p.Borrow }

// Lender is the layer whose keys and values a layer uses that has none of its own: the last of its kind before those; -1 where there is none.
func (p *Params) Lender(layer int) int {
	for l := p.Layers - p.Borrow - 1; l >= 0; l-- {
		if p.WindowIn == nil || p.WindowIn[l] == p.WindowIn[layer] {
			return l
		}
	}
	return -1
}

// checkNear refuses sizes of heads in layers with a window that contradict each other.
func (p *Params) checkNear() error {
	switch near := p.Near; {
	case near == HeadSizes{}:
	case near.Key < 2 || near.Key > 1<<12 || near.Key%2 != 0 || p.WindowIn == nil:
		return formats.Corrupt("layers with a window have heads of size %d", near.Key)
	case p.MLA.NearKV > 0 && near.Rope == p.RopeDim && slices.Contains(p.WindowIn, true) && len(p.WindowIn) == p.Layers:
		q := p.At(slices.Index(p.WindowIn, true))
		return q.MLA.check(q)
	case near.Value != near.Key || near.Rope != near.Key:
		return formats.Unsupported("in layers with a window values have %d dimensions and keys %d, of which %d are rotated; these are one number here", near.Value, near.Key, near.Rope)
	}
	return nil
}

// checkKinds refuses what layers have besides, or lack, where that contradicts itself.
func (p *Params) checkKinds() error {
	if p.Sparsity != nil && len(p.Sparsity) != p.Layers {
		return formats.Corrupt("%d layers have sparse gates in a model of %d", len(p.Sparsity), p.Layers)
	}
	if u := p.AltUp; u.Inputs < 0 || u.Inputs > 16 || u.Laurel < 0 || u.Laurel > 1<<20 || u.Inputs == 0 != (u.Laurel == 0) {
		return formats.Corrupt("%d streams, and %d numbers past attention", u.Inputs, u.Laurel)
	}
	if p.Side < 0 || p.Side > 1<<20 {
		return formats.Corrupt("layers have inputs of %d numbers of their own", p.Side)
	}
	if p.Borrow < 0 || p.Borrow > 0 && p.Borrow >= p.Layers {
		return formats.Corrupt("%d of %d layers have no keys and values of their own", p.Borrow, p.Layers)
	}
	for l := p.Layers - p.Borrow; l < p.Layers; l++ {
		from := p.Lender(l)
		if from < 0 {
			return formats.Corrupt("layer %d has no keys and values of its own, and no layer of its kind before has any", l)
		}
		if a, b := p.At(l), p.At(from); a.KVHeads != b.KVHeads || a.HeadDim != b.HeadDim {
			return formats.Corrupt("layer %d uses keys of layer %d, which has %d heads of %d and not %d of %d", l, from, b.KVHeads, b.HeadDim, a.KVHeads, a.HeadDim)
		}
	}
	return nil
}
