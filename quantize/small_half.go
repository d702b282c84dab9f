package quantize

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
