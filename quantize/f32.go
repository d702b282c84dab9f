package quantize

import (
	"encoding/binary"
	"math"
)

// F32 is the identity: little-endian IEEE single precision, every bit kept, NaN payloads included.
var F32 = register(Type{
	Name: "F32", ID: 0, Block: 1, Bytes: 4,
	Decode: decodeF32,
	Encode: encodeF32,
	Ggml:   encodeF32,
	Acts:   ActsF32,
})

func decodeF32(dst []float32, src []byte) {
	src = src[:4*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func encodeF32(dst []byte, src, _ []float32) {
	dst = dst[:4*len(src)]
	for i, x := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}
