package quantize

import "quern/internal/kernel"

// BF16 is the upper half of a float32, rounded to nearest even. A NaN stays one: its quiet bit is set, because cutting the
// payload alone could leave an infinity.
var BF16 = register(Type{
	Name: "BF16", ID: 30, Block: 1, Bytes: 2,
	Decode:  kernel.BF16ToF32,
	Encode:  encodeBF16,
	Ggml:    encodeBF16,
	Acts:    ActsBF16,
	Alone:   true,
	MaxRMSE: 1.7e-3,
})

func encodeBF16(dst []byte, src, _ []float32) { kernel.F32ToBF16(dst, src) }
