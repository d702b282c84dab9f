package quantize

import "math"

// The encoders of llama-quantize for the flat types, to the byte. Without importance they look at the extremes and round.

func (c *flatCoder) ggmlSym(dst []byte, src, importance []float32) {
	var q [flat]uint8
	r := flatRowOf(src, importance)
	for ; r.next(); dst = dst[c.bytes:] {
		putHalf(dst, half(c.ggmlSymBlock(&q, &r)))
		c.put(dst[c.at:], &q)
	}
}

func (c *flatCoder) ggmlMin(dst []byte, src, importance []float32) {
	var q [flat]uint8
	r := flatRowOf(src, importance)
	for ; r.next(); dst = dst[c.bytes:] {
		d, m := c.ggmlMinBlock(&q, &r)
		putHalf(dst, half(d))
		putHalf(dst[2:], half(m))
		c.put(dst[c.at:], &q)
	}
}

// ggmlSymBlock is llama-quantize's choice for a block.
func (c *flatCoder) ggmlSymBlock(q *[flat]uint8, r *flatRow) float32 {
	if r.with == nil {
		return c.plainSym(q, block(r.x))
	}
	var l [flat]int8
	weighWith(r.w[:], r.x, r.with, r.sigma2)
	d := fitSymGgml(r.x, c.zero, l[:], 1, r.w[:])
	for j, v := range l {
		q[j] = uint8(v)
	}
	return d
}

func (c *flatCoder) ggmlMinBlock(q *[flat]uint8, r *flatRow) (d, m float32) {
	if r.with == nil {
		return c.plainMin(q, block(r.x))
	}
	var aux [flat]uint8
	weighWith(r.w[:], r.x, r.with, r.sigma2)
	d, m = fitMinGgml3(r.x, r.w[:], 2*c.zero-1, q[:], aux[:], -0.9, 0.05, 36, false)
	return d, -m
}

// plainSym takes the largest magnitude to code 0 whatever its sign, so d may be negative.
func (c *flatCoder) plainSym(q *[flat]uint8, x *[flat]float32) float32 {
	n := float32(c.zero)
	d := signedMax(x[:]) / -n
	id := inverse(d)
	for j, v := range x {
		q[j] = min(cut(float32(v*id)+(n+0.5)), uint8(2*c.zero-1))
	}
	return d
}

// plainMin takes the smallest to code 0 and the largest to the last.
func (c *flatCoder) plainMin(q *[flat]uint8, x *[flat]float32) (d, m float32) {
	lo, hi := float32(math.MaxFloat32), float32(-math.MaxFloat32)
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	top := 2*c.zero - 1
	d = (hi - lo) / float32(top)
	id := inverse(d)
	for j, v := range x {
		q[j] = min(cut(float32((v-lo)*id)+0.5), uint8(top))
	}
	return d, lo
}
