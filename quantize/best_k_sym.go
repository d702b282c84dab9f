package quantize

import "math"

// The default search of the k-quants without minima goes as that of those with: llama-quantize's block, and in Q3_K one that was
// fitted by the objective with scales of either sign, since codes reach further below zero than above; then each group
// looks at the scales around its own, and the half is refitted. Q6_K has levels enough on both sides: there the second one
// is made only where llama-quantize drops groups, which it does with those that calibration never saw.

func (c *symCoder) encode(dst []byte, src, importance []float32) {
	var k kBlock
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		k.load(src[:super], importance, c.weigh)
		if importance != nil {
			c.fit(c, &k.try, k.x[:], importance[:super])
			c.offer(&k)
			importance = importance[super:]
		}
		if !k.known {
			c.fit(c, &k.try, k.x[:], nil)
			c.offer(&k)
		}
		if c.twice || c.drops(&k) {
			c.searched(&k)
			c.offer(&k)
		}
		c.improve(&k)
		c.put(dst, &k.best)
	}
}

// drops is true when a group of the best block so far is zeros that should not be.
func (c *symCoder) drops(k *kBlock) bool {
	for g, s := range k.best.scale {
		if s == 0 && signedMax(k.x[16*g:][:16]) != 0 {
			return true
		}
	}
	return false
}

// offer keeps the try if it is the best so far.
func (c *symCoder) offer(k *kBlock) {
	if d := finiteBits(k.try.d); d != k.try.d {
		k.try.d = d
		c.round(&k.try, k.x[:])
	}
	if l := c.loss(k); l < k.loss {
		k.best, k.loss = k.try, l
	}
}

// loss is the weighted squared error of the decoded try.
func (c *symCoder) loss(k *kBlock) (sum float64) {
	b := &k.try
	d := halfValue(b.d)
	for g := range groups16 {
		s := float32(d * float32(b.scale[g]))
		for i := g * 16; i < (g+1)*16; i++ {
			e := float64(k.x[i]) - float64(s*float32(int(b.q[i])-c.zero))
			sum += float64(float64(k.w[i]) * float64(e*e))
		}
	}
	return sum
}

// searched fits each group with scales of both signs and rounds the scales by what an error in them costs.
func (c *symCoder) searched(k *kBlock) {
	var scales, cost [groups16]float32
	var q [maxGroup]int8
	for g := range groups16 {
		scales[g], cost[g] = c.bothSigns(k.x[16*g:][:16], k.w[16*g:][:16])
	}
	k.try.d = half(fitSymGgml(scales[:], c.lowest, q[:], 1, cost[:]))
	for g := range groups16 {
		k.try.scale[g] = int8(int(uint8(q[g])) - c.lowest)
	}
	c.round(&k.try, k.x[:])
}

// bothSigns returns the scale that explains most of a group, Σwxl/Σwl² for the codes l of the best inverse scale, and Σwl².
func (c *symCoder) bothSigns(x, w []float32) (scale, cost float32) {
	top := signedMax(x)
	if top < tinyGroup && top > -tinyGroup {
		return 0, 0
	}
	var best float32
	n := float32(c.zero)
	for k := -9; k <= 9; k++ {
		for sign := float32(-1); sign <= 1; sign += 2 {
			lx, l2 := c.sums(x, w, float32(sign*(n+float32(0.2*float32(k))))/top)
			if l2 > 0 && lx*lx > best*l2 {
				best = lx * lx / l2
				scale, cost = lx/l2, l2
			}
		}
	}
	return scale, cost
}

// sums returns Σwlx and Σwl² for the codes l that an inverse scale gives.
func (c *symCoder) sums(x, w []float32, inv float32) (lx, l2 float32) {
	w = w[:len(x)]
	lo, hi := zeroBits-int32(c.zero), zeroBits+int32(c.zero-1)
	for i, v := range x {
		l := symCode(float32(v*inv), lo, hi)
		wl := float32(w[i] * l)
		lx += float32(wl * v)
		l2 += float32(wl * l)
	}
	return lx, l2
}

// symCode rounds to a code, from the bits of lo's to those of hi's where 1.5·2²³ was added to both.
func symCode(u float32, lo, hi int32) float32 {
	c := int32(math.Float32bits(u + 12582912))
	if c < lo {
		c = lo
	}
	if c > hi {
		c = hi
	}
	return math.Float32frombits(uint32(c)) - 12582912
}

// improve moves the scales of all groups, then the half.
func (c *symCoder) improve(k *kBlock) {
	k.try = k.best
	l := symLook{d: halfValue(k.try.d), lo: zeroBits - int32(c.zero), hi: zeroBits + int32(c.zero-1)}
	for g := range groups16 {
		l.x, l.w = k.x[g*16:][:16], k.w[g*16:][:16]
		k.try.scale[g] = c.walk(&l, int(k.try.scale[g]))
	}
	c.round(&k.try, k.x[:])
	c.refit(k)
	c.round(&k.try, k.x[:])
	c.offer(k)
}

// A symLook is a group under search.
type symLook struct {
	x, w   []float32
	d      float32
	lo, hi int32
}

// walk returns the best scale near the one given.
func (c *symCoder) walk(l *symLook, s int) int8 {
	best, to := l.loss(s), s
	for t := max(s-c.far, -c.lowest); t <= min(s+c.far, c.lowest-1); t++ {
		if e := l.loss(t); e < best {
			best, to = e, t
		}
	}
	return int8(to)
}

// loss is the error of a group with the codes nearest to its weights, or nearly. It works in units of the scale.
func (l *symLook) loss(scale int) (sum float32) {
	s, w := float32(l.d*float32(scale)), l.w[:len(l.x)]
	if s == 0 {
		for i, v := range l.x {
			sum += float32(w[i] * float32(v*v))
		}
		return sum
	}
	inv, lo, hi := 1/s, l.lo, l.hi
	for i, v := range l.x {
		u := float32(v * inv)
		e := u - symCode(u, lo, hi)
		sum += float32(w[i] * float32(e*e))
	}
	return float32(sum * float32(s*s))
}

// refit solves for the half that suits codes and scales best.
func (c *symCoder) refit(k *kBlock) {
	b := &k.try
	var aa, ax float64
	for g := range groups16 {
		var qq, qx float64
		for i := g * 16; i < (g+1)*16; i++ {
			w, q := float64(k.w[i]), float64(int(b.q[i])-c.zero)
			qq += float64(w * q * q)
			qx += float64(w * q * float64(k.x[i]))
		}
		s := float64(b.scale[g])
		aa += float64(s * s * qq)
		ax += float64(s * qx)
	}
	if aa > 0 {
		b.d = half(float32(ax / aa))
	}
}
