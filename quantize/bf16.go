package quantize

import (
	"encoding/binary"
	"math"
)

// BF16 is the upper half of a float32, rounded to nearest even. A NaN stays one: its quiet bit is set, because cutting the
// payload alone could leave an infinity.
var BF16 = register(Type{
	Name: "BF16", ID: 30, Block: 1, Bytes: 2,
	Decode:  decodeBF16,
	Encode:  encodeBF16,
	Ggml:    encodeBF16,
	Acts:    ActsBF16,
	MaxRMSE: 1.7e-3,
})

func decodeBF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func encodeBF16(dst []byte, src, _ []float32) {
	dst = dst[:2*len(src)]
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], bfloat(x))
	}
}

func bfloat(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
