package quantize

import "quern/internal/kernel"

// What TQ1_0, TQ2_0, Q1_0 and Q2_0 share: one half for a block, and codes of two, three or four values. Value = d·code.

// A fewCoder says where such a type keeps its codes, which run from lowest to highest.
type fewCoder struct {
	block, bytes    int
	at              int // of d
	lowest, highest int8
	along           float64
	signs           bool // codes are -1 and 1, and nothing between
	put             func(dst []byte, q []int8)
	take            func(q []int8, src []byte)
}

func (c *fewCoder) decode(dst []float32, src []byte) {
	var room [super]int8
	q := room[:c.block]
	for ; len(dst) >= c.block; dst, src = dst[c.block:], src[c.bytes:] {
		c.take(q, src)
		d := halfAt(src[c.at:])
		for i, v := range q {
			dst[i] = float32(v) * d
		}
	}
}

// tile gives every 32 weights their block's scale, or, where that is a super-block's, one as an integer scale.
func (c *fewCoder) tile(dst Tile, src []byte) {
	per := len(dst.Scale) * c.block / len(dst.Code)
	for b := 0; (b+1)*c.block <= len(dst.Code); b, src = b+1, src[c.bytes:] {
		c.take(dst.Code[b*c.block:][:c.block], src)
		d := halfAt(src[c.at:])
		for g := range per {
			dst.Scale[b*per+g] = d
		}
	}
	for g := range dst.Sub {
		dst.Sub[g] = 1
	}
	dst.clearMin()
}

// ggml takes the largest magnitude for a code of one and rounds, importance or not; where there is nothing between -1 and 1,
// the mean magnitude.
func (c *fewCoder) ggml(dst []byte, src, _ []float32) {
	for ; len(src) >= c.block; dst, src = dst[c.bytes:], src[c.block:] {
		c.ggmlBlock(dst, src[:c.block])
	}
}

func (c *fewCoder) ggmlBlock(dst []byte, x []float32) {
	var room [super]int8
	q := room[:c.block]
	var d float32
	if c.signs {
		for i, v := range x {
			d += absolute(v)
			q[i] = -1
			if v >= 0 {
				q[i] = 1
			}
		}
		d /= float32(c.block)
	} else {
		if d = kernel.Magnitude(x); d != d {
			d = 0
			for _, v := range x {
				d = max(d, absolute(v))
			}
		}
		id := inverse(d)
		for i, v := range x {
			q[i] = min(max(roundAway(float32(v*id)), c.lowest), c.highest)
		}
	}
	putHalf(dst[c.at:], half(d))
	c.put(dst, q)
}

func absolute(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}
