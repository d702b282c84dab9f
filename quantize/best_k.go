package quantize

import (
	"math"
	"slices"

	"quern/internal/kernel"
)

// The longer searches of the k-quants with minima. They begin with llama-quantize's block, the default effort's, and some that take the largest
// scale and minimum for other integers, and improve them: each group looks at scales and minima around its own, its levels taken anew at
// each, and walks on from the best by a single step; the halves are refitted to all levels by least squares and the levels taken once
// more. What comes out is kept only if the weighted squared error of the decoded values falls, so that no block is worse than
// llama-quantize's.

// harder is the encoder of an effort.
func (c *minCoder) harder(effort int) Encoder {
	if effort <= EffortDefault {
		return c.encode
	}
	return func(dst []byte, src, importance []float32) {
		c.encode(dst, src, importance)
		c.run(dst, src, importance, &c.efforts[effort-1], true)
	}
}

// run searches from llama-quantize's blocks, and, if there are some, from those that the default effort has written.
func (c *minCoder) run(dst []byte, src, importance []float32, effort *minEffort, written bool) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	src = b.calmed(src)
	for len(src) > 0 {
		x := src[:min(len(src), kernel.GroupLanes*c.group)]
		imp := cutTo(importance, len(x))
		var quick []byte
		if written {
			quick = dst[:len(x)/super*c.bytes]
		}
		c.fit(b, x, imp)
		c.search(b, x, imp, effort, quick)
		if imp != nil && !seenAll(imp) { // where importance says nothing, the plain fit may be the better start
			had := b.block
			c.fit(b, x, nil)
			c.search(b, x, imp, effort, nil)
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

// search improves the blocks that fit left, or were written. What does not get better by a part that counts stays as it was.
func (c *minCoder) search(b *kBatch, x, importance []float32, effort *minEffort, written []byte) {
	weighted := b.weigh(c.weigh, c.sigma, x, importance, c.group)
	n := len(x) / super
	for i := range n {
		k := &b.block[i]
		c.finite(k)
		k.best = k.first
	}
	c.stand(b, n, weighted)
	b.start(n, c.groups())
	if written != nil {
		c.offerWritten(b, n, weighted, written)
	}
	if len(effort.starts) > 0 {
		c.offerStarts(b, n, weighted, effort)
	}
	c.climb(b, n, weighted, effort)
}

// offerStarts offers what is found from a scan of scales: integers of several halves.
func (c *minCoder) offerStarts(b *kBatch, n int, weighted bool, effort *minEffort) {
	b.ScanMin(c.group, c.top, weighted, c.looks.scan)
	scales, mins, had := b.Scale, b.Min, b.block
	for g, m := range mins {
		mins[g] = 0 - m
	}
	for _, part := range effort.starts {
		most := part * float32(c.most)
		b.Scale, b.Min = scales, mins
		for i := range n {
			at := i * c.groups()
			c.roundScales(b, i, slices.Max(scales[at:at+c.groups()])/most, slices.Max(mins[at:at+c.groups()])/most)
			b.block[i].loss = math.Inf(1)
		}
		c.climb(b, n, weighted, effort)
		for i := range n {
			had[i].offer(&b.block[i])
		}
	}
	b.block = had
}

// climb improves the best blocks.
func (c *minCoder) climb(b *kBatch, n int, weighted bool, effort *minEffort) {
	for range effort.rounds {
		c.stand(b, n, weighted)
		c.improve(b, n, weighted, effort)
	}
}

// improve moves the scales and minima of all groups, then the halves.
func (c *minCoder) improve(b *kBatch, n int, weighted bool, effort *minEffort) {
	b.WalkMin(c.group, c.top, c.most, weighted, effort.far)
	b.AtScale, b.AtMin = b.Scale, b.Min
	b.WalkMin(c.group, c.top, c.most, weighted, around)
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

// offerWritten offers the blocks that were written.
func (c *minCoder) offerWritten(b *kBatch, n int, weighted bool, written []byte) {
	had := b.block
	for i := range n {
		block := written[i*c.bytes:]
		k := &b.block[i].best
		*k = c.scales(block)
		k.d, k.dmin = halfBits(block[c.at:]), halfBits(block[c.at+2:])
	}
	c.stand(b, n, weighted)
	for i := range n {
		b.block[i].loss = b.sum(&b.Loss, i, c.groups())
		had[i].offer(&b.block[i])
	}
	b.block = had
}

// stand puts the best scales and minima into the lanes, and finds their errors.
func (c *minCoder) stand(b *kBatch, n int, weighted bool) {
	c.spread(b, n)
	b.WalkMin(c.group, c.top, c.most, weighted, stay)
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
	if !(det > unlike*aa*mm) { // so near to dependent that float32 sums cannot tell them apart
		if aa > 0 {
			k.d = someHalf(float32((ax - float64(am*float64(halfValue(k.dmin)))) / aa))
		}
		return
	}
	d, m := (float64(ax*mm)-float64(mx*am))/det, (float64(mx*aa)-float64(ax*am))/det
	if d > 0 && m >= 0 && d <= math.MaxFloat32 && m <= math.MaxFloat32 {
		k.d, k.dmin = someHalf(float32(d)), someHalf(float32(m))
	}
}

// unlike is the part of a product of sums that a determinant has to be to say something.
const unlike = 1e-5
