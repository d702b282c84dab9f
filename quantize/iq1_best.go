package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of IQ1_S and IQ1_M goes as that of the other types with codebooks; instead of signs there is a shift of all
// levels up or down, for 32 weights together or for each eight.

const (
	sweep1   = 8    // scales of a sweep
	lowest1  = 0.26 // the first of them: of the largest magnitude
	highest1 = 0.98
)

var scales1 = sweepScales(lowest1, highest1, sweep1)

// The levels of a member, moved up and down.
var values1 = [2][]float32{{-0.875, 0.125, 1.125}, {-1.125, -0.125, 0.875}}

// An iq1Search is a super-block under search.
type iq1Search struct {
	c          *iq1Coder
	rooms      [2]*candidates // moved up, moved down
	x, w       [super]float32
	unit, heft [super]float32 // weights, and what their errors count for, in units of their groups
	group      [groups16]iq1Part
	tops       groupTops
	energy     blockEnergy
	at         [super / 8]uint8 // the candidate of each eight that the try has
	moved      iq1Moved
	try, best  iq1Block
	loss       float64
}

// An iq1Moved is a group brought into the codebook at some scales: its sums, 2·Σ w·x·level and Σ w·level² in its own units, where all its levels
// are moved up and where down, or where each eight goes its own way, which is then the only one. Of the eights that do, what they chose.
type iq1Moved struct {
	lx, l2 [2][sweep1]float32
	down   [2][sweep1]bool
	found  [2][sweep1]uint8
}

// An iq1Part is a group under search.
type iq1Part struct {
	whole, heavy float32 // its units
	fits         scaleFits
	p, q         float64 // Σ w·x·level and Σ w·level² of what the try has
}

func (c *iq1Coder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*iq1Search)
	if !ok {
		k = &iq1Search{c: c}
		for down := range k.rooms {
			k.rooms[down] = newCandidates(&book1S, values1[down], lowest1, highest1)
		}
	}
	defer c.searches.Put(k)
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		tame(k.x[:], src[:super])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:super], importance[super:]
		}
		c.weigh(k.w[:], k.x[:], imp)
		k.search(imp)
		c.put(dst, &k.best)
	}
}

func (k *iq1Search) search(importance []float32) {
	k.loss, k.try = math.Inf(1), iq1Block{}
	k.load()
	var fits [groups16]*scaleFits
	n := super / k.c.group
	for g := range n {
		fits[g] = &k.group[g].fits
		k.sweep(g)
	}
	if d := chooseHalf(fits[:n], k.try.scale[:n], 1, 7); d != 0 {
		k.try.d = smallHalf(d)
		for round := range 2 {
			k.settle()
			if round == 0 {
				k.seek()
			}
			sums := k.sums()
			k.offer(sums)
			k.try.d = smallHalf(sums.best(0))
		}
	}
	explained := 0.0
	for g := range n {
		explained += k.group[g].fits.explained
	}
	if !k.energy.plain(k.loss, explained, k.c.along, 1.08) {
		k.c.ggmlBlock(&k.try, k.x[:], importance)
		k.try.d = finiteBits(k.try.d)
		k.offer(k.sumsAnew())
	}
}

func (k *iq1Search) load() {
	n := k.c.group
	k.energy = k.tops.take(k.x[:], k.w[:], n)
	for g := range super / n {
		group, top := &k.group[g], absolute(k.tops.top[g])
		group.fits.n, group.whole, group.heavy, group.p, group.q = 0, 0, 0, 0, 0
		if top > tinyGroup {
			group.whole, group.heavy = top, max(k.tops.heavy[g], 1e-37)
		} else { // the first member, moved up
			for _, v := range k.w[g*n:][:n] {
				group.q += float64(v) * float64(values1[0][0]*values1[0][0])
			}
		}
		k.tops.factor[g], k.tops.lighter[g] = inverse(group.whole), inverse(group.heavy)
	}
	k.tops.units(k.unit[:], k.heft[:], k.x[:], k.w[:], n, false)
}

// sweep fits a group at scales below its largest magnitude.
func (k *iq1Search) sweep(g int) {
	n, group := k.c.group, &k.group[g]
	if group.whole == 0 {
		return
	}
	for _, room := range k.rooms {
		room.fill(g*n/8, k.unit[g*n:][:n], k.heft[g*n:][:n])
	}
	k.move(g, scales1)
	group.fits.begin(k.c.ways, lowest1, highest1, group.whole, sweep1)
	for t := range sweep1 {
		for way := range k.c.ways {
			group.fits.add(group.sums(k.moved.lx[way][t], k.moved.l2[way][t]))
		}
	}
}

// move brings a group into the codebook at so many scales.
func (k *iq1Search) move(g int, scale []float32) {
	m, points := &k.moved, k.c.group/8
	if k.c.ways == 2 {
		for down, room := range k.rooms {
			lx, l2 := room.pick(g*points, points, scale)
			copy(m.lx[down][:], lx)
			copy(m.l2[down][:], l2)
		}
		return
	}
	m.lx[0], m.l2[0] = [sweep1]float32{}, [sweep1]float32{}
	for p := range points {
		upX, up2 := k.rooms[0].pick(g*points+p, 1, scale)
		downX, down2 := k.rooms[1].pick(g*points+p, 1, scale)
		for t, s := range scale {
			down := downX[t]-float32(s*down2[t]) > upX[t]-float32(s*up2[t])
			lx, l2, room := upX[t], up2[t], k.rooms[0]
			if down {
				lx, l2, room = downX[t], down2[t], k.rooms[1]
			}
			m.lx[0][t] += lx
			m.l2[0][t] += l2
			m.down[p][t], m.found[p][t] = down, uint8(room.chosen(0, 1, t))
		}
	}
}

// sums are those of a group in ordinary units.
func (g *iq1Part) sums(lx, l2 float32) (p, q float64) {
	heavy := float64(g.heavy)
	return float64(lx) / 2 * float64(float64(g.whole)*heavy), float64(l2) * heavy
}

// settle takes members and shifts anew for the scales of the try and for those beside them, and keeps the best.
func (k *iq1Search) settle() {
	d := float64(halfValue(k.try.d))
	n := k.c.group
	for g := range super / n {
		group := &k.group[g]
		if group.fits.n == 0 {
			continue
		}
		var step [kernel.GridScales]uint8
		var scale [kernel.GridScales]float32
		for t := range step {
			step[t] = uint8(min(max(int(k.try.scale[g])+t-1, 0), 7))
			scale[t] = float32(float64(d*float64(2*int(step[t])+1)) / float64(group.whole))
		}
		k.move(g, scale[:])
		least, at, by := math.Inf(1), 0, 0
		for t, s := range step {
			u := float64(d * float64(2*int(s)+1))
			for way := range k.c.ways {
				lx, l2 := group.sums(k.moved.lx[way][t], k.moved.l2[way][t])
				if e := u * (float64(u*l2) - 2*lx); e < least {
					least, at, by, group.p, group.q = e, t, way, lx, l2
				}
			}
		}
		k.take(g, at, by, step[at])
	}
}

// take gives the try what a group was moved to: at scale number t, in one of the ways.
func (k *iq1Search) take(g, t, way int, scale uint8) {
	k.try.scale[g] = scale
	points := k.c.group / 8
	for p := range points {
		down, found := way == 1, 0
		if k.c.ways == 1 {
			down, found = k.moved.down[p][t], int(k.moved.found[p][t])
		} else {
			found = k.rooms[way].chosen(p, points, t)
		}
		room := k.rooms[0]
		if down {
			room = k.rooms[1]
		}
		at := g*points + p
		k.try.member[at], k.try.down[at], k.at[at] = room.member(at, found), down, uint8(found)
	}
}

// seek looks at all members for eights that could lose less by a part of what the block loses.
func (k *iq1Search) seek() {
	sums, d := k.sums(), float64(halfValue(k.try.d))
	part := sums.loss(d, 0) / seekPart
	for i := range k.at {
		g := 8 * i / k.c.group
		group := &k.group[g]
		if group.fits.n == 0 {
			continue
		}
		room := k.rooms[0]
		if k.try.down[i] {
			room = k.rooms[1]
		}
		scale := min(float32(float64(d*float64(2*int(k.try.scale[g])+1))/float64(group.whole)), farScale)
		worth := float32(part / (float64(float64(group.whole)*float64(group.whole)) * float64(group.heavy)))
		x, w := k.unit[8*i:][:8], k.heft[8*i:][:8]
		p, q := room.sums(i, int(k.at[i]))
		gain := p - float32(scale*q)
		if room.free(x, w, scale)[0]-float32(scale*gain) <= worth {
			continue
		}
		if m, p2, q2, ok := room.seek(i, x, w, scale, gain); ok {
			k.try.member[i] = m
			dp, dq := group.sums(p2-p, q2-q)
			group.p += dp
			group.q += dq
		}
	}
}

// sums are those of the try as it was settled.
func (k *iq1Search) sums() alongSums {
	a := alongSums{s: k.energy.sum}
	for g := range super / k.c.group {
		s := float64(2*int(k.try.scale[g]) + 1)
		a.p += float64(s * k.group[g].p)
		a.q += float64(float64(s*s) * k.group[g].q)
	}
	return a
}

// sumsAnew are those of any try.
func (k *iq1Search) sumsAnew() (a alongSums) {
	for p, m := range k.try.member {
		value := values1[0]
		if k.try.down[p] {
			value = values1[1]
		}
		s := float64(2*int(k.try.scale[8*p/k.c.group]) + 1)
		for i, l := range book1S.level[m] {
			a.add(float64(k.w[8*p+i]), float64(k.x[8*p+i]), float64(s*float64(value[l])))
		}
	}
	return a
}

// offer keeps the try if it is the best so far, with its half or with the one that suits it best.
func (k *iq1Search) offer(sums alongSums) {
	if d, loss := sums.suit(k.try.d, k.c.along); loss < k.loss {
		k.best, k.loss = k.try, loss
		k.best.d = d
	}
}
