package quantize

import "quern/internal/kernel"

// Q4_1 is ggml's block_q4_1: d and m f16, 16 bytes of nibbles; the value is q·d + m. llama.cpp multiplies it with Q8_1,
// which is Q8_0 and a sum that takes m out of the loop.
var Q4_1 = register(Type{
	Name: "Q4_1", ID: 3, Block: flat, Bytes: 20,
	Decode:  coder4_1.decodeMin,
	Encode:  coder4_1.encodeMin,
	Harder:  coder4_1.harderMin,
	Weigh:   weighRow,
	Ggml:    coder4_1.ggmlMin,
	Tile:    coder4_1.tileMin,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: uniform(kernel.CodesQ4_1, 0, 15, 0, 2),
	Alone:   true,
	MaxRMSE: 0.0695,
})
