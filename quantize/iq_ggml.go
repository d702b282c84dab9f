package quantize

import "math"

// The encoders of llama-quantize for the types with codebooks, to the byte. For each group they sweep inverse scales, round to the
// lattice 1, 3, 5 …, bring what is no member to the best of its neighbours, and keep what a least-squares scale explains
// best. That lattice is not quite what decoders have, which a factor on the half makes up for on average.

// A gridGgml is what differs from type to type.
type gridGgml struct {
	tries  int     // on either side of the inverse scale that takes the largest magnitude to the highest level
	step   float32 // between them
	tiny   float32 // groups below it count as zeros
	sigma  float32 // σ² of the weights, in mean squares
	plus   float32 // weights without importance: x², and this part of σ²
	factor float32 // on the half
	fitted bool    // the sweep is around a fitted scale instead of the largest magnitude
	redo   bool    // at the end all points are taken anew, not only those that were no members
}

// A ggmlGroup is a group being encoded.
type ggmlGroup struct {
	c          *gridCoder
	book       *gridBook
	near       [][]uint16
	w, root, x [maxGroup]float32 // x with signs taken off: negative only where parity wants another sign
	sign       [4]uint8
	member     [8]uint16
	aux        [8]uint16
	on, onAux  [8]bool // the point was a member itself
}

func (c *gridCoder) ggml(dst []byte, src, importance []float32) {
	var b gridBlock
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		c.ggmlBlock(&b, src[:super], importance)
		if importance != nil {
			importance = importance[super:]
		}
		c.put(dst, &b)
	}
}

func (c *gridCoder) ggmlBlock(b *gridBlock, x, importance []float32) {
	*b = gridBlock{}
	g := ggmlGroup{c: c, book: c.book, near: c.book.neighbours()}
	var w [super]float32
	c.ggmlWeights(&w, x, importance)
	var scales [groups16]float32
	var top float32
	n := super / c.group
	for i := range n {
		at := i * c.group
		g.load(x[at:at+c.group], w[at:at+c.group])
		s, ok := g.fit()
		if !ok {
			continue
		}
		if s < 0 {
			s = -s
			for k := range g.sign {
				g.sign[k] = ^g.sign[k]
			}
		}
		copy(b.member[at/c.book.dims:(at+c.group)/c.book.dims], g.member[:])
		copy(b.sign[at/8:(at+c.group)/8], g.sign[:])
		scales[i] = s
		top = max(top, s)
	}
	if top == 0 {
		if c.parity {
			*b = gridBlock{}
		}
		return
	}
	d := top / 31
	b.d = half(float32(d * c.as.factor))
	id := 1 / d
	for i, s := range scales[:n] {
		b.scale[i] = uint8(min(max(nearestInt(0.5*(float32(id*s)-1)), 0), 15))
	}
}

func (c *gridCoder) ggmlWeights(w *[super]float32, x, importance []float32) {
	sigma2 := float32(c.as.sigma*sumSquares(x)) / super
	if importance != nil {
		weighWith(w[:], x, importance[:super], sigma2)
		return
	}
	for i, v := range x {
		w[i] = float32(c.as.plus*sigma2) + float32(v*v)
	}
}

// load takes signs off, and with parity turns the sign that costs least where an odd number is negative.
func (g *ggmlGroup) load(x, w []float32) {
	for i, v := range w {
		g.w[i] = v
		g.root[i] = float32(math.Sqrt(float64(v)))
	}
	for k := 0; k < len(x)/8; k++ {
		g.sign[k] = 0
		flips := 0
		for i, v := range x[8*k:][:8] {
			if !(v >= 0) {
				v = -v
				g.sign[k] |= 1 << i
				flips++
			}
			g.x[8*k+i] = v
		}
		if !g.c.parity || flips%2 == 0 {
			continue
		}
		cheap, least := 0, float32(0)
		for i, v := range x[8*k:][:8] {
			if cost := float32(float32(w[8*k+i]*v) * v); i == 0 || cost < least {
				cheap, least = i, cost
			}
		}
		g.x[8*k+cheap] = -g.x[8*k+cheap]
		g.sign[k] ^= 1 << cheap
	}
}

// fit chooses members and returns the scale of the lattice; false for a group of zeros.
func (g *ggmlGroup) fit() (float32, bool) {
	as, n := &g.c.as, g.c.group
	top := g.x[0]
	for _, v := range g.x[1:n] {
		top = max(top, v)
	}
	if top < as.tiny || top == 0 {
		return 0, false
	}
	points := n / g.book.dims
	high := float32(2*g.book.levels - 1)
	scale := top / high
	if as.fitted {
		var q [maxGroup]uint8
		scale = fitWrapped(g.x[:n], g.w[:n], g.book.levels+1, q[:])
		if top = scale * float32(g.book.levels); top <= 0 {
			return 0, false
		}
	}
	for k := range g.member {
		g.member[k], g.on[k] = 0, !as.redo
	}
	var best float32
	for try := -as.tries; try <= as.tries; try++ {
		id := (high + float32(float32(try)*as.step)) / top
		for k := range points {
			g.aux[k], g.onAux[k] = g.nearest(k, id, 1/id)
		}
		lx, l2 := g.sums(&g.aux)
		if l2 > 0 && float32(lx*lx) > float32(best*l2) {
			scale = lx / l2
			best = scale * lx
			g.member, g.on = g.aux, g.onAux
		}
	}
	off := as.fitted
	for _, on := range g.on[:points] {
		off = off || !on
	}
	if off && scale > 0 {
		for k := range points {
			if as.redo || as.fitted || !g.on[k] {
				g.member[k], _ = g.nearest(k, 1/scale, scale)
			}
		}
		if lx, l2 := g.sums(&g.member); l2 > 0 {
			scale = lx / l2
		}
	}
	return scale, true
}

// nearest rounds a point with an inverse scale; one that is no member goes to its best neighbour at the given scale.
func (g *ggmlGroup) nearest(k int, id, scale float32) (uint16, bool) {
	dims := g.book.dims
	x, w := g.x[k*dims:][:dims], g.root[k*dims:][:dims]
	number, place := 0, 1
	for _, v := range x {
		l := min(max(nearestInt(0.5*(float32(id*v)-1)), 0), int32(g.book.levels-1))
		number += int(l) * place
		place *= g.book.levels
	}
	if m := g.book.member[number]; m >= 0 {
		return uint16(m), true
	}
	list := g.near[number]
	found, least := list[0], float32(math.MaxFloat32)
	for _, m := range list {
		var sum float32
		level := &g.book.level[m]
		for i, v := range x {
			e := float32(scale*float32(2*int(level[i])+1)) - v
			sum += float32(float32(w[i]*e) * e)
		}
		if sum < least {
			found, least = m, sum
		}
	}
	return found, false
}

func (g *ggmlGroup) sums(member *[8]uint16) (lx, l2 float32) {
	dims := g.book.dims
	for k := range g.c.group / dims {
		level := &g.book.level[member[k]]
		x, w := g.x[k*dims:][:dims], g.w[k*dims:][:dims]
		for i, v := range x {
			q := float32(2*int(level[i]) + 1)
			lx += float32(float32(w[i]*v) * q)
			l2 += float32(float32(w[i]*q) * q)
		}
	}
	return lx, l2
}

// fitWrapped is fitPosGgml where single values are negative. Their codes wrap around in ggml, which makes the first of its
// nine inverse scales lose.
func fitWrapped(x, w []float32, nmax int, q []uint8) float32 {
	var top float32
	for _, v := range x {
		top = max(top, v)
	}
	if top < tinyGroup {
		return 0
	}
	n := float32(nmax)
	iscale := n / top
	scale, best := 1/iscale, float32(0)
	for i, v := range x {
		e := v - float32(scale*float32(uint8(nearestInt(float32(iscale*v)))))
		best += float32(float32(w[i]*e) * e)
	}
	for k := -4; k <= 4; k++ {
		try := (float32(0.1*float32(k)) + n) / top
		if k == 0 {
			continue
		}
		if e := posError(x, w, try, nmax); e < best {
			best, iscale = e, try
		}
	}
	var lx, l2 float32
	for i, v := range x {
		l := min(nearestInt(float32(iscale*v)), int32(nmax))
		q[i] = uint8(l)
		lx += float32(float32(w[i]*v) * float32(l))
		l2 += float32(float32(w[i]*float32(l)) * float32(l))
	}
	lx, l2 = descend(x, w, q, lx, l2, func(v, sl2, slx float32) int32 { return min(nearestInt(float32(v*sl2)/slx), int32(nmax)) })
	if l2 > 0 {
		return lx / l2
	}
	return 0
}
