package quantize

import "quern/internal/kernel"

// The default search of the k-quants without minima. Each group takes the scale that explains most of a few that are far apart (what is near is
// seldom much better), of either sign in Q3_K, since levels reach further below zero than above; the half is the one by which the scales
// lose least, or, where they are fine enough, the largest one's; integer scales are then compared with their neighbours, and the half is
// refitted to all levels. llama-quantize's block is not among what is looked at: on average this loses less, and seldom a little more.

// A symQuick is what it looks at.
type symQuick struct {
	plain, wide []float32 // scales of each group, without importance and with it: kernel.ScanSym's tables
	halves      []float32 // scales of scales, likewise; none: the largest decides
	room        float32   // which is so far from the largest integer
	steps       []float32 // the steps from a group's scale, as integers: kernel.WalkSym's table
}

func (c *symCoder) encode(dst []byte, src, importance []float32) {
	r := kRows.Get().(*kRow)
	defer kRows.Put(r)
	src = r.batch[0].calmed(src)
	for len(src) > 0 {
		x := src[:min(len(src), len(r.batch)*kernel.GroupLanes*16)]
		imp := cutTo(importance, len(x))
		if r.load(x, imp, 16, c.sigma) {
			c.quick(r, dst, x, imp != nil)
		} else {
			c.run(dst, x, imp, &c.efforts[0], false)
		}
		dst, src, importance = dst[len(x)/super*c.bytes:], src[len(x):], after(importance, len(x))
	}
}

// quick writes the super-blocks that were loaded.
func (c *symCoder) quick(r *kRow, dst []byte, x []float32, weighted bool) {
	table, n := c.looks.plain, len(x)/super
	if weighted {
		table = c.looks.wide
	}
	for i := 0; 2*i < n; i++ {
		r.batch[i].ScanSym(16, -c.zero, c.zero-1, weighted, table)
	}
	c.findHalves(r, n)
	for i := 0; 2*i < n; i++ {
		b, some := &r.batch[i], min(2, n-2*i)
		c.roundScales(b, r.scales.Scale[2*i:], some)
		b.WalkSym(16, c.zero, -c.lowest, c.lowest-1, weighted, c.looks.steps)
		c.takeScales(b, some)
		b.TakeSym(16, -c.zero, c.zero-1, weighted)
		for s := range some {
			c.refit(b, &b.block[s].best, s)
			b.out.superScales = b.block[s].best
			c.levels(b, &b.out, x[(2*i+s)*super:][:super], false)
			c.put(dst, &b.out)
			dst = dst[c.bytes:]
		}
	}
}

// findHalves leaves the halves of all super-blocks as the scales of their scales.
func (c *symCoder) findHalves(r *kRow, n int) {
	if c.looks.halves == nil {
		for s := range n {
			top := largestScale(r.batch[s/2].Scale[s%2*groups16:][:groups16])
			r.scales.Scale[s] = top / (c.looks.room - float32(c.lowest))
		}
		return
	}
	for s := range n {
		b := &r.batch[s/2]
		r.take(s, s%2, groups16, &b.Scale, &b.SumWQQ)
	}
	r.scales.ScanSym(groups16, -c.lowest, c.lowest-1, true, c.looks.halves)
}

// roundScales rounds the halves, and scales to integers.
func (c *symCoder) roundScales(b *kBatch, halves []float32, n int) {
	lowest, highest := float32(-c.lowest), float32(c.lowest-1)
	for i := range n {
		k, at := &b.block[i].best, i*groups16
		k.d = finiteBits(half(halves[i]))
		d := halfValue(k.d)
		inv := inverse(d)
		for g, s := range b.Scale[at:][:groups16] {
			b.D[at+g], b.Loss[at+g] = d, inf32
			b.AtScale[at+g] = min(max(float32(s*inv)+wholeFloat-wholeFloat, lowest), highest)
		}
	}
	b.Scale = b.AtScale
}

// takeScales takes the integers, and leaves what they stand for.
func (c *symCoder) takeScales(b *kBatch, n int) {
	for i := range n {
		k, at := &b.block[i].best, i*groups16
		for g, s := range b.Scale[at:][:groups16] {
			k.scale[g] = int8(s)
			b.Scale[at+g] = float32(b.D[at+g] * s)
		}
	}
}
