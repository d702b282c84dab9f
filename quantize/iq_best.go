package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of the types with codebooks. It works on what decoders have, not on a lattice near it. A sweep of scales
// brings every group's weights into the codebook and remembers for each what a least-squares fit needs, so that a group's
// error at any other scale is known nearly; with that it chooses the half and the groups' scales together. Then the members
// are taken anew for the scales that came out and for those beside them, others looked for where much is at stake, and the half refitted.
// llama-quantize's block is looked at where the search did not end near what is possible.

const (
	gridLowest  = 0.3 // scales of a sweep: of what takes the largest magnitude to the highest level
	gridHighest = 1.3
	gridRounds  = 6

	seekPart  = 64 // a point of eight weights is looked at among all members where that part of what its block loses is at stake, unless turns tell
	seekPart4 = 32 // the same of four weights
)

// A gridSearch is a super-block under search.
type gridSearch struct {
	c            *gridCoder
	book         *gridBook
	members      *candidates
	room         kernel.GridPoints
	sweep, later kernel.GridPick
	x, w         [super]float32
	unit, heft   [super]float32 // magnitudes, and what their errors count for, in units of their groups
	sign         [super / 8]uint8
	fits         groupFits
	p, q         [groups16]float64 // Σ w·x·code and Σ w·code² of what the try has
	tops         groupTops
	energy       blockEnergy
	try, best    gridBlock
	at           [super / 4]uint8 // the candidate of each point that the try has
	turn         [super / 8]kernel.GridTurn
	loss         float64
	importance   []float32
}

func newGridSearch(c *gridCoder) *gridSearch {
	value := floats(c.book.ready().value, 0)[:c.book.levels]
	points, groups := super/c.book.dims, super/c.group
	k := &gridSearch{
		c: c, book: c.book, members: newCandidates(c.book, gridRounds, gridLowest, gridHighest, value), room: kernel.NewGridPoints(points),
		sweep: kernel.NewGridPick(points, groups, c.sweep/kernel.GridScales, false), later: kernel.NewGridPick(points, groups, 1, false),
	}
	for i := range k.sweep.Scale {
		k.sweep.Scale[i] = between(gridLowest, gridHighest, i/kernel.GridGroups, c.sweep)
		k.sweep.First[i] = k.members.window(k.sweep.Scale[i])
	}
	k.sweep.Aim()
	k.fits.Groups, k.fits.LX, k.fits.L2 = groups, k.sweep.LX, k.sweep.L2
	return k
}

func (c *gridCoder) encode(dst []byte, src, importance []float32) {
	k, ok := c.searches.Get().(*gridSearch)
	if !ok {
		k = newGridSearch(c)
	}
	defer c.searches.Put(k)
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		tame(k.x[:], src[:super])
		k.importance = nil
		if importance != nil {
			k.importance, importance = importance[:super], importance[super:]
		}
		c.weigh(k.w[:], k.x[:], k.importance)
		k.search()
		c.put(dst, &k.best)
	}
}

func (k *gridSearch) search() {
	k.loss, k.try = math.Inf(1), gridBlock{}
	k.load()
	k.members.grid.Fill(k.room, k.unit[:], k.heft[:])
	kernel.PickGrid(&k.sweep, k.room)
	n := super / k.c.group
	if d := k.fits.choose(k.try.scale[:n], float64(k.c.unit), 15); d != 0 {
		k.try.d = smallHalf(d)
		k.settle()
		k.seek()
		k.offer(k.sums())
	}
	if !k.energy.plain(k.loss, k.fits.explained(), k.c.along, 1.08) {
		k.c.ggmlBlock(&k.try, k.x[:], k.importance)
		k.try.d = finiteBits(k.try.d)
		k.offer(k.sumsAnew())
	}
}

// A blockEnergy is what the weights of a block add to its error if they become zeros.
type blockEnergy struct{ sum, top float64 }

// plain says that llama-quantize's block need not be looked at, which costs more than the whole search: the loss is within so
// much of what it would be if groups had scales of their own, and no single weight decides the block. Ordinary blocks
// lose a few hundredths more than that, llama-quantize's a tenth or two; where importance is as uneven as it gets, three of llama-quantize's
// in a hundred are better by up to three hundredths, whether the search is near to that or not.
func (b *blockEnergy) plain(loss, explained, along, near float64) bool {
	sums := alongSums{s: b.sum}
	least := sums.least(explained, along)
	return loss <= near*least && b.top <= b.sum/4 || loss <= 1.03*least
}

// load takes signs off, and with parity turns the sign that is cheapest to turn where an odd number is negative. Groups of almost nothing
// have the lowest levels.
func (k *gridSearch) load() {
	n := k.c.group
	k.energy = k.tops.take(k.x[:], k.w[:], n)
	low, high := float64(k.book.value[0]), float32(k.book.value[k.book.levels-1])
	for g := range super / n {
		k.fits.whole[g], k.fits.heavy[g], k.p[g], k.q[g] = 0, 0, 0, 0
		if top := absolute(k.tops.top[g]); top > tinyGroup {
			k.fits.whole[g], k.fits.heavy[g] = top/high, max(k.tops.heavy[g], 1e-37)
		} else {
			for _, v := range k.w[g*n:][:n] {
				k.q[g] += float64(v) * float64(low*low)
			}
		}
		k.tops.factor[g], k.tops.lighter[g] = inverse(k.fits.whole[g]), inverse(k.fits.heavy[g])
	}
	k.tops.units(k.unit[:], k.heft[:], k.x[:], k.w[:], n, true)
	if k.c.parity {
		kernel.EvenSigns(k.sign[:], k.unit[:], k.x[:], k.w[:])
		return
	}
	kernel.Signs(k.sign[:], k.x[:])
}

// settle takes members anew for the scales of the try, and for those beside them, and keeps the best.
func (k *gridSearch) settle() {
	for g, step := range k.fits.Step {
		for t := range kernel.GridScales {
			scale := scaleOf(step, beside(k.try.scale[g], t, 15))
			at := t*kernel.GridGroups + g
			k.later.Scale[at], k.later.First[at] = scale, k.members.window(scale)
		}
	}
	k.later.Aim()
	kernel.PickGrid(&k.later, k.room)
	lx, l2 := k.fits.Least(&k.later)
	for g, whole := range k.fits.whole[:k.later.Groups] {
		if whole > 0 {
			t := int(k.fits.Number[g])
			k.try.scale[g] = beside(k.try.scale[g], t, 15)
			k.p[g], k.q[g] = k.fits.sums(g, lx[g], l2[g])
			k.take(g, t)
		}
	}
}

// beside is the integer that a group looks at as number t: the one before its own, that, and two after it.
func beside(integer uint8, t, most int) uint8 { return uint8(min(max(int(integer)+t-1, 0), most)) }

// take gives the try what a group was moved to.
func (k *gridSearch) take(g, t int) {
	n, points := k.c.group, k.later.Points
	found := k.later.Found[g*points*kernel.GridScales+t:]
	for i := range points {
		at, j := g*points+i, int(found[i*kernel.GridScales])
		k.at[at] = uint8(j)
		k.try.member[at] = k.members.member(&k.room, at, j)
	}
	copy(k.try.sign[g*n/8:(g+1)*n/8], k.sign[g*n/8:(g+1)*n/8])
}

// seek looks at other members for points that could lose less: where weights are uneven, what is near is not what is good.
func (k *gridSearch) seek() {
	if turns := k.members.turns; turns != nil {
		k.turnAll(turns)
		return
	}
	sums := k.sums()
	part := sums.loss(float64(halfValue(k.try.d)), 0) / k.members.part()
	for g, whole := range k.fits.whole[:k.later.Groups] {
		if whole > 0 {
			k.seekIn(g, k.fits.scale(g, k.try.scale[g]), float32(part/k.fits.units(g)))
		}
	}
}

// seekIn looks at all members for points of a group that could lose less by as much as is worth it.
func (k *gridSearch) seekIn(g int, scale, worth float32) {
	dims, n := k.book.dims, k.c.group
	for i, free := range k.members.free(k.unit[g*n:][:n], k.heft[g*n:][:n], scale) {
		at := g*k.later.Points + i
		p, q := k.room.Sums(at, int(k.at[at]))
		gain := p - float32(scale*q)
		if free-float32(scale*gain) <= worth {
			continue
		}
		if m, p2, q2, ok := k.members.better(k.unit[at*dims:][:dims], k.heft[at*dims:][:dims], scale, gain); ok {
			k.change(g, at, m, p2-p, q2-q)
		}
	}
}

// turnAll takes what turns find.
func (k *gridSearch) turnAll(turns *kernel.GridTurns) {
	points := k.later.Points
	for g := range k.later.Groups {
		scale := k.fits.scale(g, k.try.scale[g])
		for at := g * points; at < (g+1)*points; at++ {
			k.turn[at].Scale, k.turn[at].Found = scale, uint32(k.at[at])
		}
	}
	turns.Find(k.turn[:], &k.room, k.members.grid, k.unit[:], k.heft[:])
	for g, whole := range k.fits.whole[:k.later.Groups] {
		if whole > 0 {
			k.p[g], k.q[g] = k.members.take(k.try.member[g*points:], k.turn[g*points:][:points], &k.fits, g)
		}
	}
}

// change gives a point another member, which changes its group's sums.
func (k *gridSearch) change(g, at int, member uint16, lx, l2 float32) {
	k.try.member[at] = member
	p, q := k.fits.sums(g, lx, l2)
	k.p[g] += p
	k.q[g] += q
}

// sums are those of the try as it was settled.
func (k *gridSearch) sums() alongSums {
	a := alongSums{s: k.energy.sum}
	for g := range super / k.c.group {
		s := float64(k.c.scaleOf(1, k.try.scale[g]))
		a.p += float64(s * k.p[g])
		a.q += float64(float64(s*s) * k.q[g])
	}
	return a
}

// sumsAnew are those of any try.
func (k *gridSearch) sumsAnew() (a alongSums) {
	dims := k.book.dims
	for at := 0; at < super; at += dims {
		s := float64(k.c.scaleOf(1, k.try.scale[at/k.c.group]))
		sign := k.try.sign[at/8] >> (at % 8)
		for i, v := range k.book.code[k.try.member[at/dims]][:dims] {
			level := s * float64(v)
			if sign>>i&1 != 0 {
				level = -level
			}
			a.add(float64(k.w[at+i]), float64(k.x[at+i]), level)
		}
	}
	return a
}

// offer keeps the try if it is the best so far, with its half or with the one that suits it best.
func (k *gridSearch) offer(sums alongSums) {
	if d, loss := sums.suit(k.try.d, k.c.along); loss < k.loss {
		k.best, k.loss = k.try, loss
		k.best.d = d
	}
}
