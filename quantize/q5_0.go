package quantize

import "quern/internal/kernel"

// Q5_0 is ggml's block_q5_0: d f16, a word of fifth bits, 16 bytes of nibbles; the value is (q-16)·d.
var Q5_0 = register(Type{
	Name: "Q5_0", ID: 6, Block: flat, Bytes: 22,
	Decode:  coder5_0.decodeSym,
	Encode:  coder5_0.encodeSym,
	Harder:  coder5_0.harderSym,
	Weigh:   weighRow,
	Ggml:    coder5_0.ggmlSym,
	Tile:    coder5_0.tileSym,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: uniform(kernel.CodesQ5_0, -16, 15, 0, -1),
	Alone:   true,
	MaxRMSE: 0.043,
})
