package quantize

import "quern/internal/kernel"

// F16 is IEEE half precision, rounded to nearest even. What is beyond 65519 becomes infinity, as in every other tool:
// a caller who minds must look at the range first.
var F16 = register(Type{
	Name: "F16", ID: 1, Block: 1, Bytes: 2,
	Decode:  kernel.F16ToF32,
	Encode:  encodeF16,
	Ggml:    encodeF16,
	Acts:    ActsF16,
	Alone:   true,
	MaxRMSE: 2.2e-4,
})

func encodeF16(dst []byte, src, _ []float32) { kernel.F32ToF16(dst, src) }
