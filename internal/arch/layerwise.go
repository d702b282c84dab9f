package arch

import (
	"slices"

	"quern/formats"
)

// At is the hyper-parameters of one layer, in models whose layers differ in size. A layer without heads of queries has no attention; with them and
// without heads of keys it has one matrix in its stead; of width 0 it has no feed-forward network.
func (p *Params) At(layer int) *Params {
	if layer < 0 || layer >= p.Layers || !p.layerwise() {
		return p
	}
	n := *p
	for list, to := range map[*[]int32]*int{&p.HeadsIn: &n.Heads, &p.KVHeadsIn: &n.KVHeads, &p.FFIn: &n.FF, &p.Mix.FFIn: &n.Mix.FF, &p.Mix.UsedIn: &n.Mix.Used, &p.Mix.CountIn: &n.Mix.Count} {
		if layer < len(*list) {
			*to = int((*list)[layer])
		}
	}
	if near := p.Near; near.Key > 0 && p.WindowIn[layer] {
		n.HeadDim, n.ValueDim, n.RopeDim = near.Key, near.Value, near.Rope
		if p.MLA.NearKV > 0 {
			n.MLA.KV, n.MLA.Nope = p.MLA.NearKV, near.Key-near.Rope
		}
	}
	n.Pooled.Own = p.Pooled.Ratio(layer)
	if p.State.Rescale > 0 {
		n.State.Halvings = layer / p.State.Rescale
	}
	return &n
}

func (p *Params) layerwise() bool {
	return p.HeadsIn != nil || p.KVHeadsIn != nil || p.FFIn != nil || p.Near.Key > 0 || p.Pooled.Ratios != nil || p.Mix.FFIn != nil || p.Mix.UsedIn != nil || p.Mix.CountIn != nil
}

// checkLayers refuses sizes of layers that contradict each other.
func (p *Params) checkLayers() error {
	if !p.layerwise() {
		return nil
	}
	for _, list := range [][]int32{p.HeadsIn, p.KVHeadsIn, p.FFIn, p.Mix.FFIn, p.Mix.UsedIn} {
		if list != nil && len(list) != p.Layers {
			return formats.Corrupt("sizes of %d layers are told in a model of %d", len(list), p.Layers)
		}
	}
	for l := range p.Layers {
		q := p.At(l)
		if q.Heads < 0 || q.Heads > p.Heads || q.KVHeads < 0 || q.KVHeads > p.KVHeads || q.FF < 0 || q.FF > p.FF || q.KVHeads > 0 && (q.Heads == 0 || q.Heads%q.KVHeads != 0) {
			return formats.Corrupt("layer %d has %d heads of queries, %d of keys, and a width of %d", l, q.Heads, q.KVHeads, q.FF)
		}
		if p.Mixed(l) && (q.Mix.FF < 1 || q.Mix.Used < 1) {
			return formats.Corrupt("tokens are given to %d experts of width %d in layer %d", q.Mix.Used, q.Mix.FF, l)
		}
	}
	return nil
}

// layerKeys are the sizes that files tell for each layer, in the order of the names given, and the largest of each, which no file tells.
func layerKeys(hf map[string]string, names ...string) (keys []Key) {
	for _, name := range names {
		one := told(name)
		list := func(p *Params) *[]int32 {
			return map[string]*[]int32{"feed_forward_length": &p.FFIn, "attention.head_count": &p.HeadsIn, "attention.head_count_kv": &p.KVHeadsIn}[name]
		}
		k := Key{GGUF: one.GGUF, Field: func(p *Params) any { return list(p) }, Default: nothing}
		if hf[name] != "" {
			k.HF = []string{hf[name]}
		}
		keys = append(keys, k, Key{Field: one.Field, When: never, Default: func(p *Params) {
			if l := *list(p); len(l) > 0 {
				*one.Field(p).(*int) = int(slices.Max(l))
			}
		}})
	}
	return keys
}

func attends(p *Params, layer int) bool  { return p.At(layer).KVHeads > 0 }
func passes(p *Params, layer int) bool   { return p.At(layer).Heads > 0 } // through attention, or the matrix in its stead
func straight(p *Params, layer int) bool { return passes(p, layer) && !attends(p, layer) }
func thinks(p *Params, layer int) bool   { return p.At(layer).FF > 0 }

// cutFurther leaves of what is told of each layer that of those that are read.
func (p *Params) cutFurther() {
	if p.Further == 0 {
		return
	}
	all := p.Layers
	p.Layers, p.Further = all-p.Further, 0
	left := max(0, p.Layers)
	for _, list := range []*[]int32{&p.HeadsIn, &p.KVHeadsIn, &p.FFIn, &p.Mix.FFIn, &p.Mix.UsedIn} {
		*list = leading(*list, all, left)
	}
	p.Index.Full = leading(p.Index.Full, all, left)
	p.State.In, p.State.Told = leading(p.State.In, all, left), leading(p.State.Told, all, left)
	p.WindowIn, p.Bounds, p.SharedBounds = leading(p.WindowIn, all, left), leading(p.Bounds, all, left), leading(p.SharedBounds, all, left)
}

// leading is the first of a list that has one for each of all layers.
func leading[T any](list []T, all, left int) []T {
	if len(list) != all || left >= all {
		return list
	}
	return list[:left]
}
