package quantize

import "math"

// What MXFP4 and NVFP4 share: E2M1 numbers, kept doubled so that they are whole, and scales that are half of what they say.

var valuesFP4 = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// halfE8M0 is half of the power of two that an E8M0 byte means: 2^(e-128).
func halfE8M0(e uint8) float32 {
	if e < 2 {
		return math.Float32frombits(0x00200000 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

// halfUE4M3 is half of what an unsigned E4M3 byte means: 7 is the bias, codes below 8 are subnormal, 0 and NaN count as nothing.
func halfUE4M3(c uint8) float32 {
	switch exp, m := c>>3&15, float32(c&7); {
	case c == 0 || c == 0x7f:
		return 0
	case exp == 0:
		return m * 0x1p-10
	default:
		return (1 + m/8) * math.Float32frombits((uint32(exp)+127-8)<<23)
	}
}
