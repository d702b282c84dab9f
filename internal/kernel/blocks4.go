package kernel

import (
	"encoding/binary"
	"math"
)

// blocks4 bodies take a multiple of 32 weights.
var blocks4Ggml = portable(blocks8Body(blocks4GgmlPortable))

const bytes4 = 18

// Blocks4Ggml writes llama-quantize's blocks of Q4_0, 18 bytes each: a half and 32 codes, of which the weight of the largest magnitude, of two the first, has
// the lowest, whatever its sign. Weights are finite. False if there was a block too small for its scale to have an inverse.
func Blocks4Ggml(dst []byte, src []float32) bool { return blocks4Ggml.best(dst, src) == 0 }

func blocks4GgmlPortable(dst []byte, src []float32) (bad uint32) {
	for ; len(src) >= block8; dst, src = dst[bytes4:], src[block8:] {
		x := src[:block8]
		var top, size float32
		for _, v := range x {
			if a := float32(math.Abs(float64(v))); a > size {
				top, size = v, a
			}
		}
		d := top / -8
		inv := 1 / d
		switch {
		case size == 0:
			inv = 0
		case !(size <= math.MaxFloat32 && inv <= math.MaxFloat32 && inv >= -math.MaxFloat32):
			bad = 1
			continue
		}
		binary.LittleEndian.PutUint16(dst, F16(d))
		for e, low := range x[:block8/2] {
			dst[2+e] = cut4(low, inv) | cut4(x[e+block8/2], inv)<<4
		}
	}
	return bad
}

func cut4(x, inv float32) uint8 { return uint8(min(float32(x*inv)+8.5, 15)) }
