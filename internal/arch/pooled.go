package arch

import (
	"slices"

	"quern/formats"
)

// A Pooled says how attention with a window sees what is before it: by keys, which are values too, of which each is made of several positions (DeepSeek-V4). Keys of four
// positions are made of the four before those, too, and an Indexer chooses among them; all keys of 128 positions are seen. The zero value is a model without.
type Pooled struct {
	Ratios []int32 // of each layer, and perhaps of those behind the last: so many positions make a key; 0: there are none
	Base   float32 // theta of layers that have such keys, whose positions may be scaled; those of the others never are
	Groups int     // heads come in so many groups …
	Rank   int     // … of which a matrix makes so many numbers each, before the output matrix
	Hashed int     // leading layers in which a table says which experts a token is given to
	Own    int     // that number of one layer (At)
	Sees   bool    // routers have numbers of their own for images
}

// How many positions make a key.
const (
	overlapping = 4
	apart       = 128
)

// Ratio is how many positions make a key in a layer.
func (x *Pooled) Ratio(layer int) int {
	if layer < 0 || layer >= len(x.Ratios) {
		return 0
	}
	return int(x.Ratios[layer])
}

// Overlaps says of that number that keys are made of as many positions before those, too.
func (x *Pooled) Overlaps(ratio int) bool { return ratio == overlapping }

func (x *Pooled) parts() int {
	if x.Overlaps(x.Own) {
		return 2
	}
	return 1
}

func (p *Params) pooledDim(letter string) int {
	x := &p.Pooled
	if x.Groups == 0 {
		return 0
	}
	switch letter {
	case "OL": // what the heads of all groups are made
		return x.Groups * x.Rank
	case "OQ": // heads of a group
		return p.Heads * p.HeadDim / x.Groups
	case "PD": // of a position, for its own key and perhaps for the one behind
		return p.HeadDim * x.parts()
	case "PI":
		return p.Index.Dim * x.parts()
	case "PR":
		return x.Own
	}
	return 0
}

// check refuses sizes that contradict each other.
func (x *Pooled) check(p *Params) error {
	if x.Groups == 0 && x.Ratios == nil {
		return nil
	}
	if x.Groups < 1 || x.Rank < 1 || x.Rank > 1<<20 || p.Heads%x.Groups != 0 || p.Window < 1 || p.KVHeads != 1 || p.MLA.Q < 1 || p.Index.Top < 1 {
		return formats.Corrupt("%d heads of queries, of rank %d, in %d groups of rank %d, and %d heads of keys, in windows of %d; %d chosen", p.Heads, p.MLA.Q, x.Groups, x.Rank, p.KVHeads, p.Window, p.Index.Top)
	}
	if len(x.Ratios) < p.Layers {
		return formats.Corrupt("of %d layers %d tell of how many positions they make keys", p.Layers, len(x.Ratios))
	}
	if i := slices.IndexFunc(x.Ratios, func(n int32) bool { return n != 0 && n != overlapping && n != apart }); i >= 0 {
		return formats.Unsupported("in layer %d a key is made of %d positions; runtimes know %d and %d", i, x.Ratios[i], overlapping, apart)
	}
	if p.Hyper.Streams < 1 || p.Hyper.Rounds < 1 {
		return formats.Unsupported("%d streams, mixed by a matrix that is balanced %d times", p.Hyper.Streams, p.Hyper.Rounds)
	}
	if !positive(x.Base) || x.Hashed < 0 || x.Hashed > p.Layers || p.Mix.Count < 1 {
		return formats.Corrupt("rope base %v, and %d of %d layers whose tokens choose among %d experts", x.Base, x.Hashed, p.Layers, p.Mix.Count)
	}
	for _, list := range [][]float32{p.Bounds, p.SharedBounds} {
		if len(list) != 0 && len(list) < p.Layers {
			return formats.Corrupt("bounds of gates of %d layers in a model of %d", len(list), p.Layers)
		}
	}
	return nil
}
