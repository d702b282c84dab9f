package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of the k-quants with minima. It begins with llama-quantize's block and improves it: each group looks at
// scales and minima around its own, its levels taken anew at each, and walks on from the best by single steps; the halves
// are refitted to all levels by least squares and the levels taken once more. What comes out is kept only if the weighted
// squared error of the decoded values falls, so that no block is ever worse than llama-quantize's.

func (c *minCoder) encode(dst []byte, src, importance []float32) {
	c.run(dst, src, importance, &c.efforts[0])
}

// harder is the encoder of an effort.
func (c *minCoder) harder(effort int) Encoder {
	return func(dst []byte, src, importance []float32) { c.run(dst, src, importance, &c.efforts[effort-1]) }
}

func (c *minCoder) run(dst []byte, src, importance []float32, effort *minEffort) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	src = b.calmed(src)
	for len(src) > 0 {
		x := src[:min(len(src), kernel.GroupLanes*c.group)]
		imp := cutTo(importance, len(x))
		c.fit(b, x, imp)
		c.search(b, x, imp, effort)
		if imp != nil && !seenAll(imp) { // where importance says nothing, the plain fit may be the better start
			had := b.block
			c.fit(b, x, nil)
			c.search(b, x, imp, effort)
			b.keepBetter(&had, imp)
		}
		for i := 0; i*super < len(x); i++ {
			k, theirs := b.block[i].settle()
			b.out.superScales = *k
			c.levels(b, &b.out, x[i*super:][:super], theirs)
			c.put(dst[i*c.bytes:], &b.out)
		}
		dst, src, importance = dst[len(x)/super*c.bytes:], src[len(x):], after(importance, len(x))
	}
}

// search improves the blocks that fit left. What does not get better by a part that counts stays as it was.
func (c *minCoder) search(b *kBatch, x, importance []float32, effort *minEffort) {
	weighted := b.weigh(c.weigh, c.sigma, x, importance, c.group)
	for i := 0; i*super < len(x); i++ {
		k := &b.block[i]
		c.finite(k)
		k.best = k.first
	}
	n := len(x) / super
	for round := range effort.rounds {
		c.spread(b, n)
		b.WalkMin(c.group, c.top, c.most, weighted, stay)
		if round == 0 {
			b.start(n, c.groups())
		}
		if len(effort.far) > 0 {
			b.WalkMin(c.group, c.top, c.most, weighted, effort.far)
		}
		for range effort.near {
			b.AtScale, b.AtMin = b.Scale, b.Min
			b.WalkMin(c.group, c.top, c.most, weighted, around)
		}
		walked := b.block
		for i := range n {
			c.gather(b, &walked[i], i)
		}
		c.measure(b, &walked, n, weighted)
		next := walked
		for i := range n {
			c.refit(b, &next[i].best, i)
		}
		c.measure(b, &next, n, weighted)
		for i := range n {
			next[i].loss = b.sum(&b.Loss, i, c.groups())
			b.block[i].offer(&walked[i])
			b.block[i].offer(&next[i])
		}
	}
}

// finite sees that the halves of llama-quantize's block are numbers.
func (c *minCoder) finite(k *kBlock) {
	k.first.d, k.first.dmin = finiteBits(k.first.d), finiteBits(k.first.dmin)
}

// spread puts the best scales and minima, as integers, into the lanes.
func (c *minCoder) spread(b *kBatch, n int) {
	for i := range n {
		k := &b.block[i].best
		d, dmin := halfValue(k.d), halfValue(k.dmin)
		for g := range c.groups() {
			at := i*c.groups() + g
			b.D[at], b.DMin[at], b.Loss[at] = d, dmin, inf32
			b.Scale[at], b.Min[at] = float32(k.scale[g]), float32(k.min[g])
		}
	}
	b.AtScale, b.AtMin = b.Scale, b.Min
}

// gather takes them back.
func (c *minCoder) gather(b *kBatch, k *kBlock, i int) {
	for g := range c.groups() {
		at := i*c.groups() + g
		k.best.scale[g], k.best.min[g] = int8(b.Scale[at]), uint8(b.Min[at])
	}
	k.loss = b.sum(&b.Loss, i, c.groups())
}

// measure takes the levels of some blocks for sums and errors.
func (c *minCoder) measure(b *kBatch, blocks *kBlocks, n int, weighted bool) {
	for i := range n {
		k := &blocks[i].best
		d, dmin := halfValue(k.d), halfValue(k.dmin)
		for g := range c.groups() {
			at := i*c.groups() + g
			b.Scale[at], b.Min[at] = float32(d*float32(k.scale[g])), float32(dmin*float32(k.min[g]))
		}
	}
	b.TakeMin(c.group, c.top, weighted)
}

// refit solves for the two halves that suit levels, scales and minima best.
func (c *minCoder) refit(b *kBatch, k *superScales, i int) {
	var aa, am, mm, ax, mx float64
	for g := range c.groups() {
		at := i*c.groups() + g
		s, m := float64(k.scale[g]), -float64(k.min[g])
		aa += float64(s * s * float64(b.SumWQQ[at]))
		am += float64(s * m * float64(b.SumWQ[at]))
		mm += float64(m * m * float64(b.SumW[at]))
		ax += float64(s * float64(b.SumWQX[at]))
		mx += float64(m * float64(b.SumWX[at]))
	}
	det := float64(aa*mm) - float64(am*am)
	if !(det > 1e-12*aa*mm) {
		if aa > 0 {
			k.d = finiteBits(half(float32(ax / aa)))
		}
		return
	}
	d, m := (float64(ax*mm)-float64(mx*am))/det, (float64(mx*aa)-float64(ax*am))/det
	if d > 0 && m >= 0 && d <= math.MaxFloat32 && m <= math.MaxFloat32 {
		k.d, k.dmin = finiteBits(half(float32(d))), finiteBits(half(float32(m)))
	}
}
