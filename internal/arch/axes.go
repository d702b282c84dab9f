package arch

import (
	"quern/formats"
)

// columnsFirst moves the pairs of heads that are rotated by columns before those that are rotated by rows, where a checkpoint has them by turns; of queries
// and keys that lie in one with values.
var columnsFirst = Op{Name: "columns first",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return permuted(t, axes{p, false, 2 * p.Embd}.from)
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor { return permuted(t, axes{p, true, 2 * p.Embd}.from) },
}

// turnedThirds are thirds, with the pairs of heads of queries and keys in that order.
func turnedThirds(gguf, hf string) []Rule {
	rules := thirds(gguf, hf, "")
	for i := range rules {
		third := rules[i].Do
		rules[i].Do = Op{Name: third.Name + ", columns first",
			Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
				return third.Forward(columnsFirst.Forward(t, p), p)
			},
			Join: func(parts []*formats.Tensor, p *Params) *formats.Tensor {
				return columnsFirst.Inverse(third.Join(parts, p), p)
			},
		}
	}
	return rules
}

// axes is the order of the first rows of a matrix: within a head, pair 2i belongs to columns and pair 2i+1 to rows, or all of the first half to columns.
type axes struct {
	p       *Params
	inverse bool
	rows    int
}

func (a axes) from(i int) int {
	if i >= a.rows {
		return i
	}
	size := a.p.Embd / a.p.Heads
	head, k := i/size*size, i%size
	pair, in, half := k/2, k%2, size/4
	if a.inverse {
		pair = pair%2*half + pair/2
	} else {
		pair = pair%half*2 + pair/half
	}
	return head + 2*pair + in
}

// flatSquare is a square of vectors as one row of them behind the other.
var flatSquare = Op{Name: "flat square",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
		return shapedAs(t, t.Shape[0]*t.Shape[1], t.Shape[2])
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return shapedAs(t, p.Vision.side(), p.Vision.side(), t.Cols())
	},
}
