package quantize

import (
	"math"
	"slices"
)

// The default search of the types with few codes is exact but for the rounding of d: as an inverse scale grows, weights pass from
// code to code, and between two such passages codes do not change. In the order of the passages, Σ w·x·code and Σ w·code²
// are known at each.

// A fewPassage is a weight that takes its next code, at an inverse scale.
type fewPassage struct{ at, lx, l2 float64 }

func (c *fewCoder) weigh(w, src, importance []float32) { weighEach(c.block, 0)(w, src, importance) }

func (c *fewCoder) encode(dst []byte, src, importance []float32) {
	var xs, ws [super]float32
	var codes [super]int8
	x, w, q := xs[:c.block], ws[:c.block], codes[:c.block]
	room := make([]fewPassage, 0, 2*c.block)
	for ; len(src) >= c.block; dst, src = dst[c.bytes:], src[c.block:] {
		tame(x, src[:c.block])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:c.block], importance[c.block:]
		}
		c.weigh(w, x, imp)
		c.ggmlBlock(dst, x)
		least, best := math.Inf(1), uint16(0)
		offer := func(h uint16) {
			var sums alongSums
			for i, v := range x {
				sums.add(float64(w[i]), float64(v), float64(q[i]))
			}
			for _, h := range [2]uint16{h, finiteBits(half(float32(sums.best(c.along))))} {
				if loss := sums.loss(float64(halfValue(h)), c.along); loss < least {
					least, best = loss, h
					c.put(dst, q)
				}
			}
		}
		c.take(q, dst)
		offer(finiteBits(halfBits(dst[c.at:])))
		for _, d := range c.scales(room, x, w) {
			if d != 0 {
				h := smallHalf(d)
				c.round(q, x, float64(halfValue(h)))
				offer(h)
			}
		}
		putHalf(dst[c.at:], best)
	}
}

// round takes the nearest codes.
func (c *fewCoder) round(q []int8, x []float32, d float64) {
	for i, v := range x {
		if c.signs {
			q[i] = 1
			if float64(v)*d < 0 {
				q[i] = -1
			}
			continue
		}
		q[i] = int8(min(max(nearest(float64(v)/d), float64(c.lowest)), float64(c.highest)))
	}
}

// scales are the best ones, of both signs where codes reach further on one side.
func (c *fewCoder) scales(room []fewPassage, x, w []float32) (d [2]float64) {
	if c.signs {
		var lx, l2 float64
		for i, v := range x {
			lx += float64(float64(w[i]) * float64(absolute(v)))
			l2 += float64(w[i])
		}
		return [2]float64{lx / l2}
	}
	d[0] = c.sweep(room, x, w, 1)
	if c.highest != -c.lowest {
		d[1] = -c.sweep(room, x, w, -1)
	}
	return d
}

// sweep is the best scale when the weights are multiplied by sign.
func (c *fewCoder) sweep(room []fewPassage, x, w []float32, sign float64) float64 {
	p := room[:0]
	for i, v := range x {
		v, w := float64(v)*sign, float64(w[i])
		most := int(c.highest)
		if v < 0 {
			v, most = -v, -int(c.lowest)
		}
		if v == 0 {
			continue
		}
		for k := range most {
			p = append(p, fewPassage{(float64(k) + 0.5) / v, float64(w * v), float64(w * float64(2*k+1))})
		}
	}
	slices.SortFunc(p, func(a, b fewPassage) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	var lx, l2, best, d float64
	for i := range p {
		lx += p[i].lx
		l2 += p[i].l2
		if i+1 < len(p) && p[i+1].at == p[i].at {
			continue
		}
		if e := lx * lx / l2; e > best && !math.IsInf(e, 1) {
			best, d = e, lx/l2
		}
	}
	return d
}
