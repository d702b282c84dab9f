package quantize

import "math"

// encodeSym takes the better of llama-quantize's block and of the search. Weights that are not numbers are read as zero,
// infinite ones as the largest float32: what it writes always decodes to finite numbers.
func (c *flatCoder) encodeSym(dst []byte, src, importance []float32) {
	var f symFit
	var q [flat]uint8
	var x, w [flat]float32
	f.above = sweepPlain
	if importance != nil {
		f.above = sweepWide
	}
	sigma2 := meanSquareIf(src, importance)
	for ; len(src) >= flat; dst, src = dst[c.bytes:], src[flat:] {
		amax := f.load(&x, &w, src, importance, sigma2)
		var h uint16
		if importance == nil {
			h = half(c.plainSym(&q, &x))
		} else {
			h = half(c.searchedSym(&q, x[:], w[:]))
			importance = importance[flat:]
		}
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
	var q, aux [flat]uint8
	var x, w [flat]float32
	top := 2*c.zero - 1
	sigma2 := meanSquareIf(src, importance)
	for ; len(src) >= flat; dst, src = dst[c.bytes:], src[flat:] {
		f.load(&x, &w, src, importance, sigma2)
		var d, m float32
		if importance == nil {
			d, m = c.plainMin(&q, &x)
		} else {
			d, m = fitMinGgml3(x[:], w[:], top, q[:], aux[:], -0.9, 0.05, 36, false)
			m = -m
			importance = importance[flat:]
		}
		hd, hm := half(d), half(m)
		if bd, bm, loss := f.fitMin(top); !(f.lossMin(&q, hd, hm) <= loss) {
			hd, hm, q = bd, bm, f.q
		}
		putHalf(dst, hd)
		putHalf(dst[2:], hm)
		c.put(dst[c.at:], &q)
	}
}

// A wide is a block in float64, where no product of its numbers overflows, and the codes found for it.
type wide struct {
	x, w [flat]float64
	q    [flat]uint8
}

// load takes the next block, with finite weights x and usable weights w, and returns the largest magnitude. Where no
// element of a block counts, all count the same.
func (f *wide) load(x, w *[flat]float32, src, importance []float32, sigma2 float32) float64 {
	*x = *block(src)
	amax := magnitude(x)
	if !(amax <= math.MaxFloat32) {
		amax = repair(x)
	}
	sum := 0.0
	if importance != nil {
		weighWith(w[:], x[:], importance[:flat], sigma2)
		for i, v := range w {
			f.w[i] = float64(v)
			sum += f.w[i]
		}
	}
	if !(sum > 0 && sum < math.Inf(1)) {
		for i := range f.w {
			w[i], f.w[i] = 1, 1
		}
	}
	for i, v := range x {
		f.x[i] = float64(v)
	}
	return float64(amax)
}

func repair(x *[flat]float32) float32 {
	for i, v := range x {
		switch {
		case v != v:
			x[i] = 0
		case v > math.MaxFloat32:
			x[i] = math.MaxFloat32
		case v < -math.MaxFloat32:
			x[i] = -math.MaxFloat32
		}
	}
	return magnitude(x)
}
