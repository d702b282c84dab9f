package quantize

import "quern/internal/kernel"

// Q5_1 is ggml's block_q5_1: d and m f16, a word of fifth bits, 16 bytes of nibbles; the value is q·d + m.
var Q5_1 = register(Type{
	Name: "Q5_1", ID: 7, Block: flat, Bytes: 24,
	Decode:  coder5_1.decodeMin,
	Encode:  coder5_1.encodeMin,
	Harder:  coder5_1.harderMin,
	Weigh:   weighRow,
	Ggml:    coder5_1.ggmlMin,
	Tile:    coder5_1.tileMin,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: uniform(kernel.CodesQ5_1, 0, 31, 0, 2),
	Alone:   true,
	MaxRMSE: 0.0338,
})
