package quantize

import "math"

// Below this a group counts as zeros (ggml's GROUP_MAX_EPS).
const tinyGroup = 1e-15

// fitSymGgml is ggml's make_qx_quants with a search: codes 0…2·nmax-1 that stand for -nmax…nmax-1, and the scale to multiply
// them with. It tries 19 inverse scales around the one that takes the largest magnitude to -nmax, refits the scale to each
// by least squares and keeps the one that explains most. Without w, rmseType names the weights: 1 x², 2 one, 3 |x|, 4 √|x|;
// 0 rounds and does not search; a negative one stops after the first fit, halfway between it and the plain scale.
func fitSymGgml(x []float32, nmax int, q []int8, rmseType int, w []float32) float32 {
	top := signedMax(x)
	if float32(math.Abs(float64(top))) < tinyGroup {
		clear(q[:len(x)])
		return 0
	}
	n := float32(nmax)
	iscale := -n / top
	if rmseType == 0 {
		codesSym(q, x, iscale, nmax)
		return 1 / iscale
	}
	early := rmseType < 0
	if early {
		rmseType = -rmseType
	}
	lx, l2 := symSums(x, iscale, nmax, rmseType, w)
	codesSym(q, x, iscale, nmax)
	var scale float32
	if l2 != 0 {
		scale = lx / l2
	}
	if early {
		if l2 > 0 {
			return 0.5 * (scale + 1/iscale)
		}
		return 1 / iscale
	}
	best := scale * lx
	for k := -9; k <= 9; k++ {
		if k == 0 {
			continue
		}
		iscale = -(n + float32(0.1*float32(k))) / top
		lx, l2 = symSums(x, iscale, nmax, rmseType, w)
		if l2 > 0 && float32(lx*lx) > float32(best*l2) {
			codesSym(q, x, iscale, nmax)
			scale = lx / l2
			best = scale * lx
		}
	}
	return scale
}

// signedMax returns the first x of the largest magnitude.
func signedMax(x []float32) float32 {
	var top, amax float32
	for _, v := range x {
		if a := float32(math.Abs(float64(v))); a > amax {
			top, amax = v, a
		}
	}
	return top
}

func codesSym(q []int8, x []float32, iscale float32, nmax int) {
	q = q[:len(x)]
	lo, hi := int32(-nmax), int32(nmax-1)
	for i, v := range x {
		q[i] = int8(min(max(nearestInt(float32(iscale*v)), lo), hi) - lo)
	}
}

// symSums returns Σ w·x·l and Σ w·l² for the codes l that iscale gives, added in ggml's order.
func symSums(x []float32, iscale float32, nmax, rmseType int, w []float32) (lx, l2 float32) {
	lo, hi := int32(-nmax), int32(nmax-1)
	if w != nil {
		w = w[:len(x)]
	}
	for i, v := range x {
		l := float32(min(max(nearestInt(float32(iscale*v)), lo), hi))
		var wi float32
		if w != nil {
			wi = w[i]
		} else {
			wi = symWeight(v, rmseType)
		}
		lx += float32(float32(wi*v) * l)
		l2 += float32(float32(wi*l) * l)
	}
	return lx, l2
}

func symWeight(x float32, rmseType int) float32 {
	switch rmseType {
	case 1:
		return float32(x * x)
	case 2:
		return 1
	case 3:
		return float32(math.Abs(float64(x)))
	}
	return float32(math.Sqrt(math.Abs(float64(x))))
}
