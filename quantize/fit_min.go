package quantize

import "math"

// fitMinGgml3 is ggml's make_qkx3_quants: codes 0…nmax, a scale and the negative of a minimum that is never above zero. It
// tries nstep+1 inverse scales, refits scale and minimum to each by weighted least squares and keeps the least error; the
// minimum that codes are taken from is the best found so far, so the order of the tries matters.
func fitMinGgml3(x, w []float32, nmax int, q, qaux []uint8, rmin, rdelta float32, nstep int, useMAD bool) (scale, negMin float32) {
	w, q, qaux = w[:len(x)], q[:len(x)], qaux[:len(x)]
	lo, hi := x[0], x[0]
	var sw, sx float32
	for i, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		sw += w[i]
		sx += float32(w[i] * v)
	}
	if lo > 0 {
		lo = 0
	}
	if hi <= lo {
		clear(q)
		return 0, -lo
	}
	top := float32(nmax)
	codesFrom(q, x, top/(hi-lo), lo, top)
	scale = 1 / (top / (hi - lo))
	best := minError(x, w, q, scale, lo, useMAD)
	qaux[0] = 255 // no code: the first try is always new

	for k := 0; k <= nstep; k++ {
		if !codesFrom(qaux, x, (rmin+float32(rdelta*float32(k))+top)/(hi-lo), lo, top) {
			continue // the codes of the try before have had their chance
		}
		s, m, ok := refitMin(x, w, qaux, sw, sx)
		if !ok {
			continue
		}
		if e := minError(x, w, qaux, s, m, useMAD); e < best {
			copy(q, qaux)
			best, scale, lo = e, s, m
		}
	}
	return scale, -lo
}

// codesFrom rounds (x-lo)·iscale to codes 0…top and tells whether any is new.
func codesFrom(q []uint8, x []float32, iscale, lo, top float32) bool {
	var changed uint8
	q = q[:len(x)]
	for i, v := range x {
		t := float32(iscale * (v - lo))
		if !(t > 0) {
			t = 0
		}
		if t > top {
			t = top
		}
		c := uint8(math.Float32bits(t + 12582912)) // nearestInt of what fits a byte
		changed |= c ^ q[i]
		q[i] = c
	}
	return changed != 0
}

// refitMin returns the scale and minimum that suit codes best; not ok when the codes are all alike.
func refitMin(x, w []float32, q []uint8, sw, sx float32) (scale, low float32, ok bool) {
	w, q = w[:len(x)], q[:len(x)]
	var sl, sl2, sxl float32
	for i, v := range x {
		l := float32(q[i])
		wl := float32(w[i] * l)
		sl += wl
		sl2 += float32(wl * l)
		sxl += float32(wl * v)
	}
	d := float32(sw*sl2) - float32(sl*sl)
	if !(d > 0) {
		return 0, 0, false
	}
	scale = (float32(sw*sxl) - float32(sx*sl)) / d
	low = (float32(sl2*sx) - float32(sl*sxl)) / d
	if low > 0 {
		return sxl / sl2, 0, true
	}
	return scale, low, true
}

func minError(x, w []float32, q []uint8, scale, low float32, useMAD bool) float32 {
	w, q = w[:len(x)], q[:len(x)]
	if useMAD {
		return minAbsError(x, w, q, scale, low)
	}
	var sum float32
	for i, v := range x {
		diff := float32(scale*float32(q[i])) + low - v
		sum += float32(w[i] * float32(diff*diff))
	}
	return sum
}

func minAbsError(x, w []float32, q []uint8, scale, low float32) float32 {
	var sum float32
	for i, v := range x {
		diff := float32(scale*float32(q[i])) + low - v
		sum += float32(w[i] * float32(math.Abs(float64(diff))))
	}
	return sum
}
