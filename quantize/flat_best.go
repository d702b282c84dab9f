package quantize

import "math"

// encodeSym takes the better of llama-quantize's block and of the search. Weights that are not numbers are read as zero,
// infinite ones as the largest float32: what it writes always decodes to finite numbers.
func (c *flatCoder) encodeSym(dst []byte, src, importance []float32) {
	var f symFit
	var q [flat]uint8
	f.above = sweepPlain
	if importance != nil {
		f.above = sweepWide
	}
	r := flatRowOf(src, importance)
	for ; r.next(); dst = dst[c.bytes:] {
		amax := f.load(&r)
		h := half(c.ggmlSymBlock(&q, &r))
		if amax > 0 {
			if s, loss := f.fitSym(c.zero, amax); !(f.lossSym(&q, c.zero, float64(halfValue(h))) <= loss) {
				h, q = s, f.q
			}
		}
		putHalf(dst, h)
		c.put(dst[c.at:], &q)
	}
}

func (c *flatCoder) encodeMin(dst []byte, src, importance []float32) {
	var f minFit
	var q [flat]uint8
	r := flatRowOf(src, importance)
	for ; r.next(); dst = dst[c.bytes:] {
		f.load(&r)
		d, m := c.ggmlMinBlock(&q, &r)
		hd, hm := half(d), half(m)
		if bd, bm, loss := f.fitMin(2*c.zero - 1); !(f.lossMin(&q, hd, hm) <= loss) {
			hd, hm, q = bd, bm, f.q
		}
		putHalf(dst, hd)
		putHalf(dst[2:], hm)
		c.put(dst[c.at:], &q)
	}
}

// A wide is a block in float64, where no product of its numbers overflows, and the codes found for it.
type wide struct {
	x, w     [flat]float64
	q        [flat]uint8
	repaired [flat]float32
}

// load takes a block with the weights that the search minimises, and returns its largest magnitude. A block that is not
// finite is repaired in r.
func (f *wide) load(r *flatRow) float64 {
	amax := magnitude(block(r.x))
	if !finite(amax) {
		for i, v := range r.x {
			f.repaired[i] = nearestFinite(v)
		}
		r.x = f.repaired[:]
		amax = magnitude(&f.repaired)
	}
	var w [flat]float32
	if r.with == nil {
		ones(w[:])
	} else {
		weighFlat(&w, r.x, r.with, r.sigma2)
	}
	for i, v := range block(r.x) {
		f.x[i], f.w[i] = float64(v), float64(w[i])
	}
	return float64(amax)
}

// nearestFinite reads NaN as zero.
func nearestFinite(x float32) float32 {
	if x != x {
		return 0
	}
	return min(max(x, -math.MaxFloat32), math.MaxFloat32)
}
