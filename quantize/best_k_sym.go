package quantize

import "quern/internal/kernel"

// The default search of the k-quants without minima goes as that of those with: llama-quantize's block, and in Q3_K one that was
// fitted by the objective with scales of either sign, since levels reach further below zero than above; then each group
// looks at the scales around its own, and the half is refitted. Q6_K has levels enough on both sides: there the second one
// is made only where llama-quantize drops groups, which it does with those that calibration never saw.

// harder is the encoder of an effort.
func (c *symCoder) harder(effort int) Encoder {
	if effort <= EffortDefault {
		return c.encode
	}
	return func(dst []byte, src, importance []float32) {
		c.encode(dst, src, importance)
		c.run(dst, src, importance, &c.efforts[effort-1], true)
	}
}

// run searches from llama-quantize's blocks, and, if there are some, from those that the default effort has written.
func (c *symCoder) run(dst []byte, src, importance []float32, effort *symEffort, written bool) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	src = b.calmed(src)
	for len(src) > 0 {
		x := src[:min(len(src), kernel.GroupLanes*16)]
		imp := cutTo(importance, len(x))
		var quick []byte
		if written {
			quick = dst[:len(x)/super*c.bytes]
		}
		c.load(b, x, imp)
		c.search(b, x, imp, effort, quick)
		if imp != nil && !seenAll(imp) { // where importance says nothing, the plain fit may be the better start
			had := b.block
			c.load(b, x, nil)
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
func (c *symCoder) search(b *kBatch, x, importance []float32, effort *symEffort, written []byte) {
	weighted := b.weigh(c.weigh, c.sigma, x, importance, 16)
	n := len(x) / super
	for i := range n {
		k := &b.block[i]
		k.first.d = finiteBits(k.first.d)
		k.best = k.first
	}
	c.stand(b, n, weighted)
	b.start(n, groups16)
	table := effort.plain
	if weighted {
		table = effort.wide
	}
	if table == nil && b.drops(x, n) {
		table = c.sweep
	}
	if table != nil {
		c.searched(b, n, weighted, table)
		c.stand(b, n, weighted)
	}
	if written != nil {
		c.offerWritten(b, n, weighted, written)
		c.stand(b, n, weighted)
	}
	for round := range effort.rounds {
		if round > 0 {
			c.stand(b, n, weighted)
		}
		c.improve(b, n, weighted, effort.far)
	}
}

// improve moves the scales of all groups, then the halves.
func (c *symCoder) improve(b *kBatch, n int, weighted bool, far []float32) {
	b.WalkSym(16, c.zero, -c.lowest, c.lowest-1, weighted, far)
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
		next[i].loss = b.sum(&b.Loss, i, groups16)
		b.block[i].offer(&walked[i])
		b.block[i].offer(&next[i])
	}
}

// searched offers blocks of a fit with scales of both signs, rounded by what an error in them costs.
func (c *symCoder) searched(b *kBatch, n int, weighted bool, table []float32) {
	b.SweepSym(16, -c.zero, c.zero-1, weighted, table)
	had := b.block
	for i := range n {
		k, at := &b.block[i].best, i*groups16
		c.scalesBy(k, b.Scale[at:at+groups16], b.SumWQQ[at:at+groups16])
		k.d = finiteBits(k.d)
	}
	c.offerAll(b, &had, n, weighted)
}

// offerWritten offers the blocks that were written.
func (c *symCoder) offerWritten(b *kBatch, n int, weighted bool, written []byte) {
	had := b.block
	for i := range n {
		block := written[i*c.bytes:]
		b.block[i].best = c.scales(block)
		b.block[i].best.d = finiteBits(halfBits(block[c.at:]))
	}
	c.offerAll(b, &had, n, weighted)
}

// offerAll keeps of what stands and of what there was the better.
func (c *symCoder) offerAll(b *kBatch, had *kBlocks, n int, weighted bool) {
	c.stand(b, n, weighted)
	for i := range n {
		b.block[i].loss = b.sum(&b.Loss, i, groups16)
		had[i].offer(&b.block[i])
	}
	b.block = *had
}

// drops is true when a group of some block is zeros that should not be.
func (b *kBatch) drops(x []float32, n int) bool {
	for i := range n {
		for g, s := range b.block[i].best.scale {
			if s == 0 && signedMax(x[i*super+16*g:][:16]) != 0 {
				return true
			}
		}
	}
	return false
}

// stand puts the best scales, as integers, into the lanes, and finds their errors.
func (c *symCoder) stand(b *kBatch, n int, weighted bool) {
	for i := range n {
		k := &b.block[i].best
		d := halfValue(k.d)
		for g, s := range k.scale {
			at := i*groups16 + g
			b.D[at], b.Loss[at], b.Scale[at] = d, inf32, float32(s)
		}
	}
	b.AtScale = b.Scale
	b.WalkSym(16, c.zero, -c.lowest, c.lowest-1, weighted, stay[:1])
}

// gather takes them back.
func (c *symCoder) gather(b *kBatch, k *kBlock, i int) {
	for g := range k.best.scale {
		k.best.scale[g] = int8(b.Scale[i*groups16+g])
	}
	k.loss = b.sum(&b.Loss, i, groups16)
}

// measure takes the levels of some blocks for sums and errors.
func (c *symCoder) measure(b *kBatch, blocks *kBlocks, n int, weighted bool) {
	for i := range n {
		k := &blocks[i].best
		d := halfValue(k.d)
		for g, s := range k.scale {
			b.Scale[i*groups16+g] = float32(d * float32(s))
		}
	}
	b.TakeSym(16, -c.zero, c.zero-1, weighted)
}

// refit solves for the half that suits levels and scales best.
func (c *symCoder) refit(b *kBatch, k *superScales, i int) {
	var aa, ax float64
	for g := range k.scale {
		at, s := i*groups16+g, float64(k.scale[g])
		aa += float64(s * s * float64(b.SumWQQ[at]))
		ax += float64(s * float64(b.SumWQX[at]))
	}
	if aa > 0 {
		k.d = finiteBits(half(float32(ax / aa)))
	}
}
