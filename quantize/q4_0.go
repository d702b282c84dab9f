package quantize

import "quern/internal/kernel"

// Q4_0 is ggml's block_q4_0: d f16, 16 bytes of nibbles; the value is (q-8)·d.
var Q4_0 = register(Type{
	Name: "Q4_0", ID: 2, Block: flat, Bytes: 18,
	Decode:  coder4_0.decodeSym,
	Encode:  coder4_0.encodeSym,
	Harder:  coder4_0.harderSym,
	Weigh:   weighRow,
	Ggml:    coder4_0.ggmlSym,
	Tile:    coder4_0.tileSym,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: uniform(kernel.CodesQ4_0, -8, 7, 0, -1),
	Alone:   true,
	MaxRMSE: 0.084,
})
