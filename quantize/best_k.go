package quantize

import "math"

// The default search of the k-quants. It begins with llama-quantize's block and, where that was chosen with other weights than
// the objective's, a second one chosen with these. The better is then improved: the integers of a group move by single
// steps, its codes are taken anew at each, and the halves are refitted to all codes by least squares. A step stays only if the
// weighted squared error of the decoded values falls, so that no block is ever worse than llama-quantize's.

const improveRounds = 3

// A kBlock is a super-block under search.
type kBlock struct {
	x, w [super]float32
	b    superBlock
	loss float64
}

// extremeWeight is beyond what any k-quant can store: a half times 127 times 32. Larger weights are read as this.
const extremeWeight = 1e9

// load takes the next super-block. Weights that are not numbers are read as zero; where none counts, all count the same.
func (k *kBlock) load(src, importance []float32, weigh func(w, src, importance []float32)) {
	for i, v := range src[:super] {
		switch {
		case v > extremeWeight:
			v = extremeWeight
		case v < -extremeWeight:
			v = -extremeWeight
		case v != v:
			v = 0
		}
		k.x[i] = v
	}
	if importance != nil {
		importance = importance[:super]
	}
	weigh(k.w[:], k.x[:], importance)
	sum := 0.0
	for _, v := range k.w {
		sum += float64(v)
	}
	if !(sum > 0 && sum < math.MaxFloat32) {
		for i := range k.w {
			k.w[i] = 1
		}
	}
}

// offer keeps a block if it is the best so far; the first one always.
func (k *kBlock) offer(b *superBlock, first bool, loss func(b *superBlock) float64) {
	if l := loss(b); first || l < k.loss {
		k.b, k.loss = *b, l
	}
}

// finiteBits replaces an infinite or undefined half by the largest finite one.
func finiteBits(h uint16) uint16 {
	if h&0x7c00 == 0x7c00 {
		return h&0x8000 | 0x7bff
	}
	return h
}

func (c *minCoder) encode(dst []byte, src, importance []float32) {
	var k kBlock
	var b superBlock
	weigh := weighSuper(c.sigma)
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		k.load(src, importance, weigh)
		lossOf := func(b *superBlock) float64 { return c.loss(&k, b) }
		sweep := searchedSweep
		if importance == nil {
			sweep = coarseSweep
			c.plainBlock(&b, k.x[:])
			c.sane(&b, k.x[:])
			k.offer(&b, true, lossOf)
		}
		c.searchedBlock(&b, k.x[:], k.w[:], sweep)
		c.sane(&b, k.x[:])
		k.offer(&b, importance != nil, lossOf)
		if importance != nil {
			importance = importance[super:]
		}
		c.improve(&k)
		c.put(dst, &k.b)
	}
}

// sane replaces infinite halves.
func (c *minCoder) sane(b *superBlock, x []float32) {
	if d, m := finiteBits(b.d), finiteBits(b.dmin); d != b.d || m != b.dmin {
		b.d, b.dmin = d, m
		c.round(b, x)
	}
}

// loss is the weighted squared error of the decoded block.
func (c *minCoder) loss(k *kBlock, b *superBlock) (sum float64) {
	d, dmin := halfValue(b.d), halfValue(b.dmin)
	for g := range c.groups() {
		s, m := float32(d*float32(b.scale[g])), float32(dmin*float32(b.min[g]))
		for i := g * c.group; i < (g+1)*c.group; i++ {
			e := float64(k.x[i]) - float64(float32(s*float32(b.q[i]))-m)
			sum += float64(float64(k.w[i]) * e * e)
		}
	}
	return sum
}

// improve moves integers and halves as long as the loss falls.
func (c *minCoder) improve(k *kBlock) {
	for range improveRounds {
		b := k.b
		d, dmin := halfValue(b.d), halfValue(b.dmin)
		for g := range c.groups() {
			c.climb(k, &b, g, d, dmin)
		}
		c.refit(k, &b)
		before := k.loss
		k.offer(&b, false, func(b *superBlock) float64 { return c.loss(k, b) })
		c.round(&b, k.x[:])
		k.offer(&b, false, func(b *superBlock) float64 { return c.loss(k, b) })
		if !(k.loss < 0.9999*before) {
			return
		}
	}
}

// minNeighbours are the neighbours of a group's scale and minimum that climb looks at.
var minNeighbours = [...][2]int{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}}

// climb walks to the best scale and minimum of a group by single steps, and takes its codes there.
func (c *minCoder) climb(k *kBlock, b *superBlock, g int, d, dmin float32) {
	x, w := k.x[g*c.group:][:c.group], k.w[g*c.group:][:c.group]
	s, m := int(b.scale[g]), int(b.min[g])
	best := c.groupLoss(x, w, float32(d*float32(s)), float32(dmin*float32(m)))
	last := -1
	for moved := true; moved; {
		moved = false
		for n, step := range minNeighbours {
			ts, tm := s+step[0], m+step[1]
			if n^1 == last || ts < 0 || tm < 0 || ts > c.most || tm > c.most {
				continue
			}
			if l := c.groupLoss(x, w, float32(d*float32(ts)), float32(dmin*float32(tm))); l < best {
				best, s, m, last, moved = l, ts, tm, n, true
				break
			}
		}
	}
	b.scale[g], b.min[g] = int8(s), uint8(m)
	scale := float32(d * float32(s))
	if scale == 0 {
		return
	}
	inv, low, top := 1/scale, float32(dmin*float32(m)), float32(c.top)
	for i, v := range x {
		b.q[g*c.group+i] = uint8(nearestInt(min(max(float32((v+low)*inv), 0), top)))
	}
}

// groupLoss is the error of a group with the codes nearest to its weights.
func (c *minCoder) groupLoss(x, w []float32, scale, low float32) (sum float32) {
	w = w[:len(x)]
	if scale == 0 {
		for i, v := range x {
			e := v + low
			sum += float32(w[i] * float32(e*e))
		}
		return sum
	}
	inv, top := 1/scale, float32(c.top)
	for i, v := range x {
		t := v + low
		q := float32(t * inv)
		if !(q > 0) {
			q = 0
		}
		if q > top {
			q = top
		}
		q = q + 12582912 - 12582912
		e := t - float32(scale*q)
		sum += float32(w[i] * float32(e*e))
	}
	return sum
}

// refit solves for the two halves that suit codes, scales and minima best.
func (c *minCoder) refit(k *kBlock, b *superBlock) {
	var aa, am, mm, ax, mx float64
	for g := range c.groups() {
		s, m := float64(b.scale[g]), -float64(b.min[g])
		var w, wq, wqq, wx, wqx float64
		for i := g * c.group; i < (g+1)*c.group; i++ {
			wi, q, x := float64(k.w[i]), float64(b.q[i]), float64(k.x[i])
			w += wi
			wx += float64(wi * x)
			wq += float64(wi * q)
			wqq += float64(wi * q * q)
			wqx += float64(wi * q * x)
		}
		aa += float64(s * s * wqq)
		am += float64(s * m * wq)
		mm += float64(m * m * w)
		ax += float64(s * wqx)
		mx += float64(m * wx)
	}
	det := float64(aa*mm) - float64(am*am)
	if det <= 1e-12*aa*mm {
		if aa > 0 {
			b.d = finiteBits(half(float32(ax / aa)))
		}
		return
	}
	d, m := (float64(ax*mm)-float64(mx*am))/det, (float64(mx*aa)-float64(ax*am))/det
	if d > 0 && m >= 0 {
		b.d, b.dmin = finiteBits(half(float32(d))), finiteBits(half(float32(m)))
	}
}
