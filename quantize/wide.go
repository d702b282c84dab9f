package quantize

import "math"

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

// smallHalf rounds a scale to a half that one can divide by: neither zero, nor infinite, nor NaN.
func smallHalf(d float64) uint16 {
	h := half(float32(d))
	switch m := h & 0x7fff; {
	case m == 0:
		return h | 1
	case m == 0x7c00:
		return h - 1
	case m > 0x7c00:
		return 1
	}
	return h
}

// nearest rounds half to even for |x| < 2^51.
func nearest(x float64) float64 { return x + 0x1.8p52 - 0x1.8p52 }
