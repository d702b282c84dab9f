package kernel

import "math"

// nearest rounds to the nearest integer, halves to even; |x| < 2^22.
func nearest(x float32) int32 {
	return int32(math.Float32bits(x+12582912)&0x7fffff) - 0x400000
}

// QuantizeQ8_0 stores m rows of k activations as llama.cpp's Q8_0 does: 32 share a scale, amax/127 rounded to half precision;
// codes are x times the inverse of the scale before that rounding. group is the number of weights that share a scale in the
// panel, 16 or 32.
func QuantizeQ8_0(dst *ActsI8, x []float32, m, k, group int) {
	dst.reset(m, k, group)
	for b := 0; b < m*k; b += 32 {
		src, code := x[b:b+32], dst.Code[b:b+32]
		amax := absMax(src)
		d, inv := amax/127, float32(0)
		if amax > 0 {
			inv = 127 / amax
		}
		for i, v := range src {
			code[i] = int8(nearest(v * inv))
		}
		dst.sums(b, 32, F16Value(F16(d)))
	}
}

// QuantizeQ8_K stores activations as llama.cpp's Q8_K does: 256 share a float32 scale, and the value of the largest magnitude
// becomes -127.
func QuantizeQ8_K(dst *ActsI8, x []float32, m, k, group int) {
	dst.reset(m, k, group)
	for b := 0; b < m*k; b += 256 {
		src, code := x[b:b+256], dst.Code[b:b+256]
		amax, top := float32(0), float32(0)
		for _, v := range src {
			if a := abs(v); a > amax {
				amax, top = a, v
			}
		}
		if amax == 0 {
			continue
		}
		inv := -127 / top
		for i, v := range src {
			code[i] = int8(min(127, nearest(inv*v)))
		}
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
		a.Scale[g/a.Group], a.Sum[g/a.Group] = d, d*float32(s)
	}
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func absMax(x []float32) float32 {
	m := float32(0)
	for _, v := range x {
		m = max(m, abs(v))
	}
	return m
}
