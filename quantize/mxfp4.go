package quantize

import "quern/internal/kernel"

// MXFP4 is ggml's block_mxfp4: an E8M0 scale, 16 bytes of E2M1 nibbles (OCP Microscaling Formats 1.0).
var MXFP4 = register(Type{
	Name: "MXFP4", ID: 39, Block: flat, Bytes: 17,
	Decode:  decodeMXFP4,
	Encode:  encodeMXFP4,
	Weigh:   weighMXFP4,
	Ggml:    coderMXFP4.ggml,
	Tile:    tileMXFP4,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: named(&valuesFP4, flat, 17, 1, 16, 16, -1),
	MaxRMSE: 0.1125,
})

func decodeMXFP4(dst []float32, src []byte) {
	expandTiles(dst, src, flat, 17, flat, false, tileMXFP4)
}

func tileMXFP4(dst Tile, src []byte) {
	kernel.NameNibbles(dst.Code, src[1:], 16, 17, &valuesFP4)
	for b := range dst.Scale {
		dst.Scale[b] = halfE8M0(src[17*b])
	}
	clear(dst.Min)
}
