package arch

import "quern/formats"

// A Latent says how keys and values are made of a compressed one that all heads share (multi-head latent attention, DeepSeek-V2,
// arXiv:2405.04434). The zero value is a model without. HeadDim is then what a head compares, Nope + RopeDim, and ValueDim what
// comes out of it.
type Latent struct {
	Q    int // QL: rank of the queries; 0 where they are not compressed
	KV   int // KL: rank of keys and values
	Nope int // N: dimensions of a head that are not rotated

	NearKV  int  // KL in layers with a window, whose heads have the sizes of Params.Near; 0: they are as all others
	Rescale bool // norms of what is compressed are multiplied by the root of how much it is (config.json only: files hold them so)

	// What files tell as sizes of a head: those of the one head of keys and values that runtimes keep.
	Key, Value         int
	NearKey, NearValue int
}

func (p *Params) latentDim(letter string) int {
	switch letter {
	case "QL":
		return p.MLA.Q
	case "KL":
		return p.MLA.KV
	case "KA": // the compressed one, and the part of all keys that is rotated
		return p.MLA.KV + p.RopeDim
	case "KB": // keys and values of all heads
		return p.Heads * (p.MLA.Nope + p.ValueDim)
	case "H":
		return p.Heads
	case "N":
		return p.MLA.Nope
	case "KR": // the part of all keys that is rotated
		return p.RopeDim
	case "W":
		return p.ValueDim
	case "O":
		return p.Heads * p.ValueDim
	}
	return 0
}

// check refuses sizes that contradict each other.
func (l *Latent) check(p *Params) error {
	for _, n := range []int{l.Q, l.KV, l.Nope, p.RopeDim, p.ValueDim} {
		if n < 0 || n > 1<<20 {
			return formats.Corrupt("sizes of latent attention: ranks %d and %d, %d dimensions without and %d with position, values of %d",
				l.Q, l.KV, l.Nope, p.RopeDim, p.ValueDim)
		}
	}
	if l.KV < 1 || l.Nope < 1 || p.RopeDim < 1 && p.Index.Pool == 0 || p.RopeDim%2 != 0 || p.ValueDim < 1 || l.Nope+p.RopeDim != p.HeadDim {
		return formats.Corrupt("sizes of latent attention: rank %d, %d and %d dimensions make no head of %d, values of %d",
			l.KV, l.Nope, p.RopeDim, p.HeadDim, p.ValueDim)
	}
	return nil
}

// PickKB and PickVB take from the matrix that makes keys and values of the compressed one what runtimes multiply with: the rows
// of every head's keys, turned around, because they are applied to queries; and those of its values.
var (
	PickKB = Op{Name: "pick keys", Join: joinLatent,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			n, w := p.MLA.Nope, p.ValueDim
			return turned(picked(t, pick{0, n, n + w}, []int{p.Heads, n, p.MLA.KV}))
		}}
	PickVB = Op{Name: "pick values", Join: joinLatent,
		Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
			n, w := p.MLA.Nope, p.ValueDim
			return picked(t, pick{n, w, n + w}, []int{p.Heads, w, p.MLA.KV})
		}}
)

func joinLatent(parts []*formats.Tensor, p *Params) *formats.Tensor {
	n, w := p.MLA.Nope, p.ValueDim
	return joined([]*formats.Tensor{turned(parts[0]), parts[1]}, []pick{{0, n, n + w}, {n, w, n + w}}, []int{p.Heads * (n + w), p.MLA.KV})
}
