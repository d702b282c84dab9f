package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The encoders of llama-quantize for the flat types, to the byte. Without importance they look at the extremes and round.

func (c *flatCoder) ggmlSym(dst []byte, src, importance []float32) {
	if importance != nil {
		c.ggmlBy(dst, src, importance)
		return
	}
	var q [flat]uint8
	for ; len(src) >= flat; dst, src = dst[c.bytes:], src[flat:] {
		putHalf(dst, half(c.plainSym(&q, block(src))))
		c.put(dst[c.at:], &q)
	}
}

func (c *flatCoder) ggmlMin(dst []byte, src, importance []float32) {
	if importance != nil {
		c.ggmlBy(dst, src, importance)
		return
	}
	var q [flat]uint8
	for ; len(src) >= flat; dst, src = dst[c.bytes:], src[flat:] {
		d, m := c.plainMin(&q, block(src))
		putHalf(dst, half(d))
		putHalf(dst[2:], half(m))
		c.put(dst[c.at:], &q)
	}
}

// ggmlBy searches by importance as llama-quantize does: levels are those of the best inverse scale, whatever the scale was
// refitted to after that.
func (c *flatCoder) ggmlBy(dst []byte, src, importance []float32) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	f := &b.flat
	*f = flatFit{src: src, importance: importance, sigma2: meanSquare(src)}
	for f.next(b) {
		f.theirs(b)
		lo, hi := -c.zero, c.zero-1
		if c.at == 2 {
			b.SweepSym(flat, -c.zero, c.zero-1, true, c.sweep)
			clear(b.low[:])
		} else {
			lo, hi = 0, 2*c.zero-1
			b.SweepMin(flat, hi, false, c.sweep)
			for i, from := range b.From() {
				b.low[i] = 0 - from
			}
		}
		copy(b.factor[:], b.Inverse()[:])
		kernel.Levels(b.code[:len(f.x)], f.x, b.factor[:], b.low[:], flat, lo, hi, false)
		for i := 0; i*flat < len(f.x); i++ {
			q := (*[flat]uint8)(b.code[i*flat:])
			putHalf(dst, half(b.Scale[i]))
			if c.at == 4 {
				putHalf(dst[2:], half(b.Min[i]))
			} else if top := signedMax(f.x[i*flat:][:flat]); top < tinyGroup && top > -tinyGroup {
				clear(q[:])
			}
			c.put(dst[c.at:], q)
			dst = dst[c.bytes:]
		}
	}
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
