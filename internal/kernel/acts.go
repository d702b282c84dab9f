package kernel

import "math"

// nearest rounds to the nearest integer, halves to even; |x| < 128. Beyond that the result means nothing, but is the same in
// every body: the low byte of x + 1.5·2^23.
func nearest(x float32) int8 { return int8(math.Float32bits(x + 12582912)) }

// QuantizeQ8_0 stores m rows of k activations as llama.cpp's Q8_0 does: 32 share a scale, amax/127 rounded to half precision;
// codes are x times the inverse of the scale before that rounding. group is the number of weights that share a scale in the
// panel, 16 or 32. A block that holds NaN has scale NaN.
func QuantizeQ8_0(dst *ActsI8, x []float32, m, k, group int) {
	dst.reset(m, k, group)
	for b := 0; b < m*k; b += 32 {
		src := x[b : b+32]
		hi, lo := extremes.best(src)
		amax := max(hi, -lo)
		d, inv := amax/127, float32(0)
		if amax > 0 {
			inv = 127 / amax
		}
		roundI8.best(dst.Code[b:b+32], src, inv)
		dst.sums(b, 32, F16Value(F16(d)))
	}
}

// QuantizeQ8_K stores activations as llama.cpp's Q8_K does: 256 share a float32 scale, and the value of the largest magnitude
// becomes -127. A block that holds NaN has scale NaN.
func QuantizeQ8_K(dst *ActsI8, x []float32, m, k, group int) {
	dst.reset(m, k, group)
	for b := 0; b < m*k; b += 256 {
		src := x[b : b+256]
		top := extreme(src)
		if top == 0 {
			continue
		}
		inv := -127 / top
		if top != top {
			dst.sums(b, 256, top)
			continue
		}
		roundI8.best(dst.Code[b:b+256], src, inv)
		dst.sums(b, 256, 1/inv)
	}
}

// sums fills scales and sums of the n codes at b.
func (a *ActsI8) sums(b, n int, d float32) {
	for g := b; g < b+n; g += a.Group {
		s := int32(0)
		for _, c := range a.Code[g : g+a.Group] {
			s += int32(c)
		}
		at := g / a.Group
		a.Scale[at], a.Sum[at], a.Start[at] = d, d*float32(s), -128*s
	}
}

// extreme is the first of the values with the largest magnitude, NaN if there is one.
func extreme(x []float32) float32 {
	hi, lo := extremes.best(x)
	switch {
	case hi != hi:
		return hi
	case hi > -lo:
		return hi
	case hi < -lo:
		return lo
	}
	for _, v := range x {
		if v == hi || v == lo {
			return v
		}
	}
	return 0
}

var roundI8 = portable(roundI8Portable)

// roundI8Portable sets code[i] to x[i]*f, rounded to nearest even; products stay within ±127. len(x) is a multiple of 32.
func roundI8Portable(code []int8, x []float32, f float32) {
	for i, v := range x {
		code[i] = nearest(float32(v * f)) // not to be fused with the sum in nearest
	}
}
