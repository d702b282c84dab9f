package quantize

import (
	"math"

	"github.com/x448/float16"
)

// half rounds to IEEE half precision, nearest even, overflow to infinity.
func half(x float32) uint16 { return float16.Fromfloat32(x).Bits() }

// halfValue is exact. Shifting a half's exponent and fraction into place leaves a float32 too small by 2^112, subnormals
// included, so one multiplication does what would otherwise be three cases.
func halfValue(h uint16) float32 {
	f := math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112
	b := math.Float32bits(f) | uint32(h&0x8000)<<16
	if h&0x7c00 == 0x7c00 {
		b |= 0x7f800000
	}
	return math.Float32frombits(b)
}
