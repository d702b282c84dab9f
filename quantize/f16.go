package quantize

import "encoding/binary"

// F16 is IEEE half precision, rounded to nearest even. What is beyond 65519 becomes infinity, as in every other tool:
// a caller who minds must look at the range first.
var F16 = register(Type{
	Name: "F16", ID: 1, Block: 1, Bytes: 2,
	Decode:  decodeF16,
	Encode:  encodeF16,
	Ggml:    encodeF16,
	Acts:    ActsF16,
	MaxRMSE: 2.2e-4,
})

func decodeF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = halfValue(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func encodeF16(dst []byte, src, _ []float32) {
	dst = dst[:2*len(src)]
	for i, x := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], half(x))
	}
}
