package quantize

func (c *symCoder) encode(dst []byte, src, importance []float32) {
	var k kBlock
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		k.load(src, importance, c.weigh)
		lossOf := func(b *superBlock) float64 { return c.loss(&k, b) }
		var b superBlock
		if importance != nil {
			c.fit(c, &b, k.x[:], importance[:super])
			importance = importance[super:]
		} else {
			c.fit(c, &b, k.x[:], nil)
		}
		c.sane(&b, k.x[:])
		k.offer(&b, true, lossOf)
		c.searched(&b, &k)
		c.sane(&b, k.x[:])
		k.offer(&b, false, lossOf)
		c.improve(&k)
		c.put(dst, &k.b)
	}
}

func (c *symCoder) sane(b *superBlock, x []float32) {
	if d := finiteBits(b.d); d != b.d {
		b.d = d
		c.round(b, x)
	}
}

// loss is the weighted squared error of the decoded block.
func (c *symCoder) loss(k *kBlock, b *superBlock) (sum float64) {
	d := halfValue(b.d)
	for g := range groups16 {
		s := float32(d * float32(b.scale[g]))
		for i := g * 16; i < (g+1)*16; i++ {
			e := float64(k.x[i]) - float64(s*float32(int(b.q[i])-c.zero))
			sum += float64(float64(k.w[i]) * e * e)
		}
	}
	return sum
}

// searched fits each group with scales of both signs, since codes reach further below zero than above, and rounds the scales
// by what an error in them costs.
func (c *symCoder) searched(b *superBlock, k *kBlock) {
	var scales, cost [groups16]float32
	var q [maxGroup]int8
	for g := range groups16 {
		scales[g], cost[g] = c.bothSigns(k.x[16*g:][:16], k.w[16*g:][:16])
	}
	b.d = half(fitSymGgml(scales[:], c.lowest, q[:], 1, cost[:]))
	for g := range groups16 {
		b.scale[g] = int8(int(uint8(q[g])) - c.lowest)
	}
	c.round(b, k.x[:])
}

// bothSigns returns the scale that explains most of a group, Σwxl/Σwl² for the codes l of the best inverse scale, and Σwl².
func (c *symCoder) bothSigns(x, w []float32) (scale, cost float32) {
	top := signedMax(x)
	if top < tinyGroup && top > -tinyGroup {
		return 0, 0
	}
	var best float64
	n := float32(c.zero)
	for _, sign := range []float32{-1, 1} {
		for t := -1.2; t <= 1.2001; t += 0.2 {
			lx, l2 := c.sums(x, w, sign*(n+float32(t))/top)
			if l2 > 0 && lx*lx > best*l2 {
				best = lx * lx / l2
				scale, cost = float32(lx/l2), float32(l2)
			}
		}
	}
	return scale, cost
}

func (c *symCoder) sums(x, w []float32, inv float32) (lx, l2 float64) {
	w = w[:len(x)]
	lo, hi := float32(-c.zero), float32(c.zero-1)
	var a, b float32
	for i, v := range x {
		l := float32(v * inv)
		if l < lo {
			l = lo
		}
		if l > hi {
			l = hi
		}
		l = l + 12582912 - 12582912
		wl := float32(w[i] * l)
		a += float32(wl * v)
		b += float32(wl * l)
	}
	return float64(a), float64(b)
}

// improve moves scales and d as long as the loss falls.
func (c *symCoder) improve(k *kBlock) {
	for range improveRounds {
		b := k.b
		d := halfValue(b.d)
		for g := range groups16 {
			c.climb(k, &b, g, d)
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

// climb walks to the best scale of a group by single steps, trying the other sign too, and takes its codes there.
func (c *symCoder) climb(k *kBlock, b *superBlock, g int, d float32) {
	x, w := k.x[g*16:][:16], k.w[g*16:][:16]
	at := func(s int) float32 { return c.groupLoss(x, w, float32(d*float32(s))) }
	s := int(b.scale[g])
	best := at(s)
	for _, start := range []int{s, -s} {
		for _, step := range []int{1, -1} {
			for t := start + step; t >= -c.lowest && t < c.lowest; t += step {
				l := at(t)
				if !(l < best) {
					break
				}
				best, s = l, t
			}
		}
	}
	b.scale[g] = int8(s)
	scale := float32(d * float32(s))
	if scale == 0 {
		return
	}
	inv, lo, hi := 1/scale, float32(-c.zero), float32(c.zero-1)
	for i, v := range x {
		b.q[g*16+i] = uint8(nearestInt(min(max(float32(v*inv), lo), hi)) + int32(c.zero))
	}
}

// groupLoss is the error of a group with the codes nearest to its weights.
func (c *symCoder) groupLoss(x, w []float32, scale float32) (sum float32) {
	w = w[:len(x)]
	inv, lo, hi := float32(0), float32(-c.zero), float32(c.zero-1)
	if scale != 0 {
		inv = 1 / scale
	}
	for i, v := range x {
		q := float32(v * inv)
		if q < lo {
			q = lo
		}
		if q > hi {
			q = hi
		}
		q = q + 12582912 - 12582912
		e := v - float32(scale*q)
		sum += float32(w[i] * float32(e*e))
	}
	return sum
}

// refit solves for the half that suits codes and scales best.
func (c *symCoder) refit(k *kBlock, b *superBlock) {
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
		b.d = finiteBits(half(float32(ax / aa)))
	}
}
