package quantize

import (
	"math"
	"sync"

	"quern/internal/kernel"
)

// The encoders of llama-quantize for the flat types, to the byte. Without importance they look at the extremes and round.

func (c *flatCoder) ggmlSym(dst []byte, src, importance []float32) {
	if importance != nil {
		c.ggmlBy(dst, src, importance)
		return
	}
	if c.whole != nil && c.whole(dst, src) {
		return
	}
	c.plain(dst, src, float32(c.zero)+0.5, func(p *plainRun, i int, x []float32) {
		top := p.hi[i]
		switch lo := p.lo[i]; {
		case -lo > top:
			top = lo
		case -lo == top:
			top = signedMax(x) // the first of the two decides
		}
		p.d[i], p.low[i] = top/-float32(c.zero), 0
	}, c.plainSym)
}

func (c *flatCoder) ggmlMin(dst []byte, src, importance []float32) {
	if importance != nil {
		c.ggmlBy(dst, src, importance)
		return
	}
	c.plain(dst, src, 0.5, func(p *plainRun, i int, _ []float32) {
		p.d[i] = (p.hi[i] - p.lo[i]) / float32(2*c.zero-1)
		p.m[i], p.low[i] = p.lo[i], -p.lo[i]
	}, c.plainMin)
}

// A plainRun is up to 32 blocks on their way through kernel.Cuts.
type plainRun struct {
	hi, lo, d, m, factor, low [kernel.GroupLanes]float32
	halves, offsets           [2 * kernel.GroupLanes]byte
	code                      [kernel.GroupLanes * flat]uint8
}

var plainRuns = sync.Pool{New: func() any { return new(plainRun) }}

// plain writes a row without importance. choose sets the scale of a block, and its offset; alone takes a block whose inverse scale or
// whose extremes' signs are out of the ordinary.
func (c *flatCoder) plain(dst []byte, src []float32, bias float32, choose func(p *plainRun, i int, x []float32), alone func(q *[flat]uint8, x *[flat]float32) (d, m float32)) {
	p := plainRuns.Get().(*plainRun)
	defer plainRuns.Put(p)
	for len(src) > 0 {
		x := src[:min(len(src), len(p.code))]
		n := len(x) / flat
		kernel.BlockExtremes(p.hi[:], p.lo[:], x)
		for i := range n {
			choose(p, i, x[i*flat:][:flat])
			p.factor[i] = inverse(p.d[i])
		}
		kernel.Cuts(p.code[:], x, p.factor[:], p.low[:], bias, float32(2*c.zero-1))
		for i := range n {
			if f := p.factor[i]; p.hi[i] == 0 || p.lo[i] == 0 || !(f <= math.MaxFloat32 && f >= -math.MaxFloat32) {
				p.d[i], p.m[i] = alone((*[flat]uint8)(p.code[i*flat:]), block(x[i*flat:]))
			}
		}
		kernel.F32ToF16(p.halves[:], p.d[:])
		kernel.F32ToF16(p.offsets[:], p.m[:])
		for i := range n {
			copy(dst, p.halves[2*i:2*i+2])
			if c.at == 4 {
				copy(dst[2:], p.offsets[2*i:2*i+2])
			}
			c.put(dst[c.at:], (*[flat]uint8)(p.code[i*flat:]))
			dst = dst[c.bytes:]
		}
		src = src[len(x):]
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
func (c *flatCoder) plainSym(q *[flat]uint8, x *[flat]float32) (d, m float32) {
	n := float32(c.zero)
	d = signedMax(x[:]) / -n
	id := inverse(d)
	for j, v := range x {
		q[j] = min(cut(float32(v*id)+(n+0.5)), uint8(2*c.zero-1))
	}
	return d, 0
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
