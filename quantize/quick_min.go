package quantize

import (
	"slices"

	"quern/internal/kernel"
)

// The default search of the k-quants with minima. Each group takes the scale and the minimum that explain most of a few scales that are far apart,
// by sums alone; the halves are those by which all scales, and all minima, of a super-block lose least. Then each group looks at
// integers around its own, its levels taken anew at each, and the halves are refitted to all levels, twice. llama-quantize's block is not
// among what is looked at: it costs more than all of this, and most blocks lose less.

// A minQuick is what it looks at.
type minQuick struct {
	scan       []float32 // scales of each group: kernel.ScanMin's table
	halves     []float32 // scales of scales and of minima: kernel.ScanSym's
	far, again []float32 // the steps from a group's scale and minimum, as integers, at first and once halves are refitted: kernel.WalkMin's
}

func looksMin(top int, halves []float32) minQuick {
	return minQuick{
		scan:   scanFrom(top),
		halves: halves,
		far:    slices.Concat(stay, stepsMin(top, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5)),
		again:  slices.Concat(stay, stepsMin(top, -2, -1, 1, 2)),
	}
}

// quickSupers is the number of super-blocks whose halves are found side by side: those of scales in the first lanes, those of minima in the others.
const quickSupers = kernel.GroupLanes / 2

func (c *minCoder) encode(dst []byte, src, importance []float32) {
	r := kRows.Get().(*kRow)
	defer kRows.Put(r)
	src = r.batch[0].calmed(src)
	for len(src) > 0 {
		x := src[:min(len(src), quickSupers*super)]
		imp := cutTo(importance, len(x))
		if r.load(x, imp, c.group, c.sigma) {
			c.quick(r, dst, x, imp != nil)
		} else {
			c.run(dst, x, imp, &c.efforts[0], false)
		}
		dst, src, importance = dst[len(x)/super*c.bytes:], src[len(x):], after(importance, len(x))
	}
}

// quick writes the super-blocks that were loaded.
func (c *minCoder) quick(r *kRow, dst []byte, x []float32, weighted bool) {
	n, groups := len(x)/super, c.groups()
	per := kernel.GroupLanes / groups // super-blocks of a batch
	for i := 0; per*i < n; i++ {
		b := &r.batch[i]
		b.ScanMin(c.group, c.top, weighted, c.looks.scan)
		for g, m := range b.Min {
			b.Min[g] = 0 - m
		}
		for s := range min(per, n-per*i) {
			r.take(per*i+s, s, groups, &b.Scale, &b.SumW)
			r.take(quickSupers+per*i+s, s, groups, &b.Min, &b.SumW)
		}
	}
	r.scales.ScanSym(groups, 0, c.most, true, c.looks.halves)
	for i := 0; per*i < n; i++ {
		b, some := &r.batch[i], min(per, n-per*i)
		for s := range some {
			c.roundScales(b, s, r.scales.Scale[per*i+s], r.scales.Scale[quickSupers+per*i+s])
		}
		c.settleQuick(b, some, weighted)
		for s := range some {
			b.out.superScales = b.block[s].best
			c.levels(b, &b.out, x[(per*i+s)*super:][:super], false)
			c.put(dst, &b.out)
			dst = dst[c.bytes:]
		}
	}
}

// roundScales rounds the halves of a super-block, and its scales and minima to integers.
func (c *minCoder) roundScales(b *kBatch, i int, d, dmin float32) {
	k, groups, most := &b.block[i].best, c.groups(), float32(c.most)
	k.d, k.dmin = someHalf(d), someHalf(dmin)
	inv, invMin := inverse(halfValue(k.d)), inverse(halfValue(k.dmin))
	lows := b.Min[i*groups:][:groups]
	for g, s := range b.Scale[i*groups:][:groups] {
		k.scale[g] = int8(min(max(float32(s*inv)+wholeFloat-wholeFloat, 0), most))
		k.min[g] = uint8(min(max(float32(lows[g]*invMin)+wholeFloat-wholeFloat, 0), most))
	}
}

// settleQuick moves the integers of n super-blocks, then the halves, twice.
func (c *minCoder) settleQuick(b *kBatch, n int, weighted bool) {
	for _, steps := range [...][]float32{c.looks.far, c.looks.again} {
		c.spread(b, n)
		b.WalkMin(c.group, c.top, c.most, weighted, steps)
		b.AtScale, b.AtMin = b.Scale, b.Min
		b.WalkMin(c.group, c.top, c.most, weighted, around)
		for i := range n {
			c.gather(b, &b.block[i], i)
		}
		c.measure(b, &b.block, n, weighted)
		for i := range n {
			c.refit(b, &b.block[i].best, i)
		}
	}
}

// someHalf rounds to a half that is not zero where the number is not.
func someHalf(d float32) uint16 {
	if d > 0 {
		return smallHalf(float64(d))
	}
	return 0
}
