package quantize

import "math"

// The default search of the k-quants with minima. It begins with llama-quantize's block and improves it: each group looks at
// scales and minima around its own, its codes taken anew at each, and walks on from the best by single steps; the halves
// are refitted to all codes by least squares and the codes taken once more. What comes out is kept only if the weighted
// squared error of the decoded values falls, so that no block is ever worse than llama-quantize's.

func (c *minCoder) encode(dst []byte, src, importance []float32) {
	var k kBlock
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		k.load(src[:super], importance, c.weigh)
		if importance != nil {
			var w [super]float32
			c.ggmlWeights(&w, k.x[:], importance)
			c.searchedBlock(&k.try, k.x[:], w[:])
			c.offer(&k)
			importance = importance[super:]
		}
		if !k.known {
			c.plainBlock(&k.try, k.x[:])
			c.offer(&k)
		}
		for range c.rounds {
			before := k.loss
			c.improve(&k)
			if !(k.loss < 0.999*before) {
				break
			}
		}
		c.put(dst, &k.best)
	}
}

// offer keeps the try if it is the best so far.
func (c *minCoder) offer(k *kBlock) {
	if d, m := finiteBits(k.try.d), finiteBits(k.try.dmin); d != k.try.d || m != k.try.dmin {
		k.try.d, k.try.dmin = d, m
		c.round(&k.try, k.x[:])
	}
	if l := c.loss(k); l < k.loss {
		k.best, k.loss = k.try, l
	}
}

// loss is the weighted squared error of the decoded try.
func (c *minCoder) loss(k *kBlock) (sum float64) {
	b := &k.try
	d, dmin := halfValue(b.d), halfValue(b.dmin)
	for g := range c.groups() {
		s, m := float32(d*float32(b.scale[g])), float32(dmin*float32(b.min[g]))
		for i := g * c.group; i < (g+1)*c.group; i++ {
			e := float64(k.x[i]) - float64(float32(s*float32(b.q[i]))-m)
			sum += float64(float64(k.w[i]) * float64(e*e))
		}
	}
	return sum
}

// improve moves the integers of all groups, then the halves.
func (c *minCoder) improve(k *kBlock) {
	k.try = k.best
	l := minLook{d: halfValue(k.try.d), dmin: halfValue(k.try.dmin), top: zeroBits + int32(c.top)}
	steps := c.steps(&l)
	for g := range c.groups() {
		l.x, l.w = k.x[g*c.group:][:c.group], k.w[g*c.group:][:c.group]
		c.walk(&l, &k.try, g, steps)
	}
	c.round(&k.try, k.x[:])
	c.refit(k)
	c.round(&k.try, k.x[:])
	c.offer(k)
}

// A groupStep is a step of a group's scale and minimum.
type groupStep struct{ scale, min int }

var nearSteps = [...]groupStep{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}}

// A minLook is a group under search, and room for the steps that all groups of a block take.
type minLook struct {
	x, w    []float32
	d, dmin float32
	top     int32
	far     [32]groupStep
}

// steps are those to other scales with, for each, minima that leave about the same weight where it is: one code 0, one the
// middle of the codes, one the highest.
func (c *minCoder) steps(l *minLook) []groupStep {
	n := 0
	for _, ds := range c.far {
		for _, share := range [...]float32{0, 0.5, 1} {
			dm := float32(0)
			if l.dmin > 0 {
				dm = float32(float32(share*float32(ds*c.top))*l.d) / l.dmin
			}
			if dm > -64 && dm < 64 {
				l.far[n] = groupStep{ds, int(nearestInt(dm))}
				n++
			}
		}
	}
	return l.far[:n]
}

// walk leaves the best scale and minimum of a group that it finds.
func (c *minCoder) walk(l *minLook, b *superBlock, g int, far []groupStep) {
	s, m := int(b.scale[g]), int(b.min[g])
	best := l.loss(s, m)
	to := groupStep{s, m}
	for _, step := range far {
		if ts, tm := s+step.scale, m+step.min; ts > 0 && tm >= 0 && ts <= c.most && tm <= c.most {
			if e := l.loss(ts, tm); e < best {
				best, to = e, groupStep{ts, tm}
			}
		}
	}
	last := -1
	for moved := true; moved; {
		moved = false
		for n, step := range nearSteps {
			ts, tm := to.scale+step.scale, to.min+step.min
			if n^1 == last || ts < 0 || tm < 0 || ts > c.most || tm > c.most {
				continue
			}
			if e := l.loss(ts, tm); e < best {
				best, to, last, moved = e, groupStep{ts, tm}, n, true
				break
			}
		}
	}
	b.scale[g], b.min[g] = int8(to.scale), uint8(to.min)
}

// zeroBits are the bits of 1.5·2²³, which floats are rounded with: where it was added, the code stands in the low bits.
const zeroBits = 0x4b400000

// loss is the error of a group with the codes nearest to its weights, or nearly. It works in units of the scale. Floats that
// are not negative compare as their bits do, and negative ones have negative bits, so codes are clamped as integers.
func (l *minLook) loss(scale, min int) (sum float32) {
	s, low, w := float32(l.d*float32(scale)), float32(l.dmin*float32(min)), l.w[:len(l.x)]
	if s == 0 {
		for i, v := range l.x {
			e := v + low
			sum += float32(w[i] * float32(e*e))
		}
		return sum
	}
	inv, top := 1/s, l.top
	shift := float32(low * inv)
	for i, v := range l.x {
		u := float32(v*inv) + shift
		c := int32(math.Float32bits(u + 12582912))
		if c < zeroBits {
			c = zeroBits
		}
		if c > top {
			c = top
		}
		e := u - (math.Float32frombits(uint32(c)) - 12582912)
		sum += float32(w[i] * float32(e*e))
	}
	return float32(sum * float32(s*s))
}

// refit solves for the two halves that suit codes, scales and minima best.
func (c *minCoder) refit(k *kBlock) {
	b := &k.try
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
			b.d = half(float32(ax / aa))
		}
		return
	}
	d, m := (float64(ax*mm)-float64(mx*am))/det, (float64(mx*aa)-float64(ax*am))/det
	if d > 0 && m >= 0 {
		b.d, b.dmin = half(float32(d)), half(float32(m))
	}
}
