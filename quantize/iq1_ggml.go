package quantize

import (
	"math"
	"slices"
)

// The encoders of llama-quantize for IQ1_S and IQ1_M, to the byte (IQ1_M as it was until autumn 2026; since then it adds up in
// another order, which decides between cuts that are equally good). A group's weights are sorted; every pair of cuts into three runs is
// tried with all shifts, running sums saying what each explains. Then eight by eight they are brought into the codebook.

// An iq1Group is a group being encoded: x sorted, with prefix sums of w·x and w; in IQ1_M, of which the two halves are moved
// independently, with single terms instead.
type iq1Group struct {
	n, halves int
	order     [maxGroup]uint8
	sx, sw    [maxGroup + 1]float32
	term      [16][3]struct{ lx, l2 [2]float32 }

	level  [maxGroup]uint8
	down   [4]bool // of each eight
	member [4]uint16
}

// levels1 are the three levels of eight weights.
func levels1(down bool) [3]float32 {
	if down {
		return [3]float32{-1.125, -0.125, 0.875}
	}
	return [3]float32{-0.875, 0.125, 1.125}
}

func (c *iq1Coder) ggml(dst []byte, src, importance []float32) {
	var b iq1Block
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		c.ggmlBlock(&b, src[:super], importance)
		if importance != nil {
			importance = importance[super:]
		}
		c.put(dst, &b)
	}
}

func (c *iq1Coder) ggmlBlock(b *iq1Block, x, importance []float32) {
	*b = iq1Block{}
	var w [super]float32
	c.ggmlWeights(&w, x, importance)
	g := iq1Group{n: c.group, halves: 1}
	if c.group == 16 {
		g.halves = 2
	}
	var scales [groups16]float32
	var top float32
	for i := range super / c.group {
		at := i * c.group
		if s, ok := g.fit(x[at:at+c.group], w[at:at+c.group], c.tiny); ok {
			scales[i] = s
			copy(b.member[at/8:(at+c.group)/8], g.member[:])
			copy(b.down[at/8:(at+c.group)/8], g.down[:])
			top = max(top, s)
		}
	}
	if top == 0 {
		b.down = [super / 8]bool{}
		return
	}
	d := top / 15
	id := 1 / d
	for i, s := range scales[:super/c.group] {
		b.scale[i] = uint8(min(max(nearestInt(0.5*(float32(id*s)-1)), 0), 7))
	}
	if c.group == 16 {
		d = c.ggmlRefit(b, x, w[:], d)
	}
	b.d = half(float32(d * c.factor))
}

func (c *iq1Coder) ggmlWeights(w *[super]float32, x, importance []float32) {
	if importance == nil {
		for i, v := range x {
			w[i] = float32(v * v)
		}
		return
	}
	weighWith(w[:], x, importance[:super], float32(2*sumSquares(x))/super)
}

// ggmlRefit is the least-squares half for all members and scales.
func (c *iq1Coder) ggmlRefit(b *iq1Block, x, w []float32, d float32) float32 {
	book := book1S.ready()
	var lx, l2 float32
	for k, m := range b.member {
		levels := levels1(b.down[k])
		s := float32(2*int(b.scale[8*k/c.group]) + 1)
		for i, l := range book.level[m] {
			q := float32(levels[l] * s)
			wq := float32(w[8*k+i] * q)
			lx += float32(wq * x[8*k+i])
			l2 += float32(wq * q)
		}
	}
	if l2 > 0 {
		return lx / l2
	}
	return d
}

// fit chooses members and shifts and returns the scale; false for a group of zeros.
func (g *iq1Group) fit(x, w []float32, tiny float32) (float32, bool) {
	var top float32
	for _, v := range x {
		top = max(top, absolute(v))
	}
	if top < tiny {
		return 0, false
	}
	g.sort(x, w)
	scale, first, second, shifts, ok := float32(0), 0, 0, 0, false
	if g.halves == 1 {
		scale, first, second, shifts, ok = g.cut()
	} else {
		g.terms(x, w)
		scale, first, second, shifts, ok = g.cutHalves()
	}
	if !ok {
		return 0, false
	}
	for j, i := range g.order[:g.n] {
		g.level[i] = 2
		if j < first {
			g.level[i] = 0
		} else if j < second {
			g.level[i] = 1
		}
	}
	if scale < 0 {
		for i, l := range g.level[:g.n] {
			g.level[i] = 2 - l
		}
		scale, shifts = -scale, ^shifts
	}
	for k := range g.n / 8 {
		half := k * g.halves / (g.n / 8)
		g.down[k] = shifts>>half&1 != 0
	}
	return g.snap(x, w, scale), true
}

// sort orders the weights, equal ones as they stand, and fills the prefix sums.
func (g *iq1Group) sort(x, w []float32) {
	order := g.order[:g.n]
	for i := range order {
		order[i] = uint8(i)
	}
	slices.SortStableFunc(order, func(a, b uint8) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	for j, i := range order {
		g.sx[j+1] = g.sx[j] + float32(w[i]*x[i])
		g.sw[j+1] = g.sw[j] + w[i]
	}
}

// cut returns the best scale of IQ1_S, where the runs of the levels end, and as a bit whether they are moved down.
func (g *iq1Group) cut() (scale float32, first, second, shifts int, ok bool) {
	n, best := g.n, float32(-math.MaxFloat32)
	sx, sw := &g.sx, &g.sw
	for i := 0; i <= n; i++ {
		for j := i; j <= n; j++ {
			for down := range 2 {
				l := levels1(down == 1)
				lx := float32((sx[i]-sx[0])*l[0]) + float32((sx[j]-sx[i])*l[1]) + float32((sx[n]-sx[j])*l[2])
				l2 := float32(float32((sw[i]-sw[0])*l[0])*l[0]) + float32(float32((sw[j]-sw[i])*l[1])*l[1]) + float32(float32((sw[n]-sw[j])*l[2])*l[2])
				if l2 > 0 && float32(lx*lx) > float32(best*l2) {
					scale = lx / l2
					best = scale * lx
					first, second, shifts, ok = i, j, down, true
				}
			}
		}
	}
	return scale, first, second, shifts, ok
}

// cutHalves is cut for IQ1_M: the halves of a group are moved independently; bit h of shifts is half h. For each pair of cuts ggml
// adds up in sorted order; what comes before the second cut is carried along.
func (g *iq1Group) cutHalves() (scale float32, first, second, shifts int, ok bool) {
	n, best := g.n, float32(-math.MaxFloat32)
	var low iq1Sums
	for i := 0; i <= n; i++ {
		middle := low
		for j := i; j <= n; j++ {
			all := middle
			for t := j; t < n; t++ {
				all.add(g, t, 2)
			}
			for _, k := range [4]int{0, 2, 1, 3} { // ggml's order has the first half in the higher bit
				lx, l2 := all.lx[k], all.l2[k]
				if l2 > 0 && float32(lx*lx) > float32(best*l2) {
					scale = lx / l2
					best = scale * lx
					first, second, shifts, ok = i, j, k, true
				}
			}
			if j < n {
				middle.add(g, j, 1)
			}
		}
		if i < n {
			low.add(g, i, 0)
		}
	}
	return scale, first, second, shifts, ok
}

// iq1Sums are Σ w·level·x and Σ w·level² for the four ways to move two halves.
type iq1Sums struct{ lx, l2 [4]float32 }

// add counts the weight at a place of the sorted order with the given level.
func (s *iq1Sums) add(g *iq1Group, at, level int) {
	h := int(g.order[at]) * 2 / g.n
	t := &g.term[at][level]
	for k := range s.lx {
		d := k >> h & 1
		s.lx[k] += t.lx[d]
		s.l2[k] += t.l2[d]
	}
}

// terms fills what each weight adds to sums, in sorted order, at each level, moved up and down.
func (g *iq1Group) terms(x, w []float32) {
	for at, i := range g.order[:g.n] {
		for down := range 2 {
			for l, q := range levels1(down == 1) {
				wq := float32(w[i] * q)
				g.term[at][l].lx[down] = float32(wq * x[i])
				g.term[at][l].l2[down] = float32(wq * q)
			}
		}
	}
}

// snap brings each eight weights into the codebook, and refits the scale if any was outside.
func (g *iq1Group) snap(x, w []float32, scale float32) float32 {
	book := book1S.ready()
	near := book.neighbours()
	inside := true
	for k := range g.n / 8 {
		number, place := 0, 1
		for _, l := range g.level[8*k:][:8] {
			number += int(l) * place
			place *= 3
		}
		m := book.member[number]
		if m < 0 {
			inside = false
			m = int32(closest1(book, near[number], x[8*k:][:8], w[8*k:][:8], scale, g.down[k]))
		}
		g.member[k] = uint16(m)
	}
	if inside {
		return scale
	}
	var lx, l2 float32
	for k := range g.n / 8 {
		levels := levels1(g.down[k])
		for i, l := range book.level[g.member[k]] {
			q, v := levels[l], x[8*k+i]
			wq := float32(w[8*k+i] * q)
			lx += float32(wq * v)
			l2 += float32(wq * q)
		}
	}
	if lx > 0 && l2 > 0 {
		return lx / l2
	}
	return scale
}

// closest1 is the member of a list with the least error at the given scale.
func closest1(book *gridBook, list []uint16, x, w []float32, scale float32, down bool) uint16 {
	levels := levels1(down)
	found, least := list[0], float32(math.MaxFloat32)
	for _, m := range list {
		var sum float32
		for i, l := range book.level[m] {
			e := float32(scale*levels[l]) - x[i]
			sum += float32(float32(w[i]*e) * e)
		}
		if sum < least {
			found, least = m, sum
		}
	}
	return found
}
