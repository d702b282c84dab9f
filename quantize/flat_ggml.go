package quantize

import "math"

// The encoders of llama-quantize for the flat types, to the byte. Without importance they look at the extremes and round.

func (c *flatCoder) ggmlSym(dst []byte, src, importance []float32) {
	var q [flat]uint8
	var w [flat]float32
	sigma2 := meanSquareIf(src, importance)
	for ; len(src) >= flat; dst, src = dst[c.bytes:], src[flat:] {
		var d float32
		if importance == nil {
			d = c.plainSym(&q, block(src))
		} else {
			weighWith(w[:], src[:flat], importance[:flat], sigma2)
			d = c.searchedSym(&q, src[:flat], w[:])
			importance = importance[flat:]
		}
		putHalf(dst, half(d))
		c.put(dst[c.at:], &q)
	}
}

func meanSquareIf(src, importance []float32) float32 {
	if importance == nil {
		return 0
	}
	return meanSquare(src)
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

func (c *flatCoder) searchedSym(q *[flat]uint8, x, w []float32) float32 {
	var l [flat]int8
	d := fitSymGgml(x, c.zero, l[:], 1, w)
	for j, v := range l {
		q[j] = uint8(v)
	}
	return d
}

func (c *flatCoder) ggmlMin(dst []byte, src, importance []float32) {
	var q, aux [flat]uint8
	var w [flat]float32
	sigma2 := meanSquareIf(src, importance)
	top := 2*c.zero - 1
	for ; len(src) >= flat; dst, src = dst[c.bytes:], src[flat:] {
		var d, m float32
		if importance == nil {
			d, m = c.plainMin(&q, block(src))
		} else {
			weighWith(w[:], src[:flat], importance[:flat], sigma2)
			d, m = fitMinGgml3(src[:flat], w[:], top, q[:], aux[:], -0.9, 0.05, 36, false)
			m = -m
			importance = importance[flat:]
		}
		putHalf(dst, half(d))
		putHalf(dst[2:], half(m))
		c.put(dst[c.at:], &q)
	}
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
