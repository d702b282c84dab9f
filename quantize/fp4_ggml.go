package quantize

import "math"

// The encoders of llama-quantize for MXFP4 and NVFP4, to the byte: a scale that follows from the largest magnitude, the nearest
// codes, importance or not.

// codeFP4 is the code nearest to x where d is half the scale; of two the smaller, 0 where nothing can be nearer.
func codeFP4(x, d float32) uint8 {
	if d == 0 || x-x != 0 {
		return 0
	}
	a, minus := x, uint8(0)
	if x < 0 {
		a, minus = -x, 8
	}
	c := magnitudeFP4(a, d)
	if c == 0 {
		return 0
	}
	return c | minus
}

// magnitudeFP4 is the code nearest to a magnitude; the middles between two times d are exact.
func magnitudeFP4(a, d float32) (c uint8) {
	for _, middle := range [...]float32{0.5, 1.5, 2.5, 3.5, 5, 7, 10} {
		if a > middle*d {
			c++
		}
	}
	return c
}

func ggmlMXFP4(dst []byte, src, _ []float32) {
	var q [flat]uint8
	for ; len(src) >= flat; dst, src = dst[17:], src[flat:] {
		var top float32
		for _, v := range src[:flat] {
			top = max(top, absolute(noNaN(v)))
		}
		e := uint8(0)
		if top > 0 {
			e = uint8(floorLog2(top) + 125)
		}
		dst[0] = e
		for i, v := range src[:flat] {
			q[i] = codeFP4(v, halfE8M0(e))
		}
		putNibbles(dst[1:], &q)
	}
}

func noNaN(x float32) float32 {
	if x != x {
		return 0
	}
	return x
}

// floorLog2 is C's floorf(log2f(x)): just below a power of two the logarithm, rounded to a float, is that of the power.
func floorLog2(x float32) int {
	if x > math.MaxFloat32 {
		return -125 // what a byte makes of infinity
	}
	_, e := math.Frexp(float64(x)) // x is in [2^(e-1), 2^e)
	below := 1 - math.Ldexp(float64(x), -e)
	if below < 0x1p-12 {
		log := float64(e) - float64(float64(below*math.Log2E)*(1+below/2))
		if float32(log) == float32(e) {
			return e
		}
	}
	return e - 1
}

func ggmlNVFP4(dst []byte, src, _ []float32) {
	for ; len(src) >= 64; dst, src = dst[36:], src[64:] {
		for g := range 4 {
			x := src[16*g:][:16]
			var top float32
			for _, v := range x {
				top = max(top, absolute(noNaN(v)))
			}
			c := ue4m3(top / 6)
			dst[g] = c
			putFP4(dst[4+8*g:], x, halfUE4M3(c))
		}
	}
}

// putFP4 stores the nearest codes of 16 weights.
func putFP4(dst []byte, x []float32, d float32) {
	for j := range 8 {
		dst[j] = codeFP4(x[j], d) | codeFP4(x[j+8], d)<<4
	}
}

// ue4m3 rounds as ggml does: half up, nothing beyond 0x7e, and 240 and more, which have codes of their own, to that as well.
func ue4m3(x float32) uint8 {
	if !(x > 0) {
		return 0
	}
	bits := math.Float32bits(min(x, 448))
	exp, m := int(bits>>23&0xff)-120, uint8(bits>>20&7)
	if exp <= 0 {
		return min(uint8(float32(x*512)+0.5), 7)
	}
	if exp >= 15 {
		return 0x7e
	}
	m += uint8(bits >> 19 & 1)
	if m > 7 {
		m = 0
		if exp++; exp >= 15 {
			return 0x7e
		}
	}
	return uint8(exp)<<3 | m
}
