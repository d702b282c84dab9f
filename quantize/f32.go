package quantize

import "quern/internal/kernel"

// F32 is the identity: little-endian IEEE single precision, every bit kept, NaN payloads included.
var F32 = register(Type{
	Name: "F32", ID: 0, Block: 1, Bytes: 4,
	Decode: kernel.BytesToF32,
	Encode: encodeF32,
	Ggml:   encodeF32,
	Acts:   ActsF32,
	Alone:  true,
})

func encodeF32(dst []byte, src, _ []float32) { kernel.F32ToBytes(dst, src) }
