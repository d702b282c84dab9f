package model

import (
	"quern/formats"
	"quern/internal/arch"
)

// farthest is the distance beyond which all are of one kind.
const farthest = 128

// placeRelative takes what is added to scores [kinds][H], for all layers of its side from this one on, by head and distance: -farthest … farthest.
func (m *Model) placeRelative(t *formats.Tensor, layer int) error {
	n, heads := m.params.Buckets, m.params.Heads
	if err := shaped(t, n, heads); err != nil {
		return err
	}
	kinds := make([]float32, n*heads)
	if err := t.Rows.ReadRows(kinds, 0); err != nil {
		return err
	}
	reads := m.both || m.params.Reads(layer)
	by := make([][]float32, heads)
	for h := range by {
		by[h] = make([]float32, 2*farthest+1)
		for i := range by[h] {
			by[h][i] = kinds[arch.Bucket(i-farthest, n, reads)*heads+h]
		}
	}
	last := len(m.layers)
	if reads && m.sides() {
		last = m.params.Sides.Encoder
	}
	if m.params.EachRelative {
		last = layer + 1
	}
	for i := layer; i < last; i++ {
		m.layers[i].relative = by
	}
	return nil
}

// near adds to the scores of keys, the first of which stands at from, what their distance from the query at pos is worth.
func (of *heads) near(scores []float32, head, from, pos int) {
	if of.relative == nil {
		return
	}
	by := of.relative[head]
	for i := range scores {
		scores[i] += by[max(-farthest, min(farthest, from+i-pos))+farthest]
	}
}
