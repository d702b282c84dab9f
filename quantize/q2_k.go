package quantize

import "quern/internal/kernel"

// Q2_K is ggml's block_q2_K: 16 bytes of scale (low) and minimum (high nibble) for 16 weights each, 64 bytes of two-bit codes,
// d and dmin f16.
var Q2_K = register(Type{
	Name: "Q2_K", ID: 10, Block: super, Bytes: 84,
	Decode:   coder2K.decode,
	Encode:   coder2K.encode,
	Harder:   coder2K.harder,
	Weigh:    coder2K.weigh,
	Ggml:     coder2K.ggml,
	Tile:     coder2K.tile,
	Group:    16,
	Acts:     ActsQ8_K,
	Fallback: Q4_0,
	Lattice:  uniform(kernel.CodesQ2_K, 0, 3, 80, 82),
	MaxRMSE:  0.265,
})

var coder2K = minCoder{group: 16, top: 3, most: 15, bytes: 84, sigma: 1, plain: sweepMin(-0.5, 0.1, 15, 3), searched: sweepMin(-0.9, 0.05, 36, 3), plainAbs: true,
	weigh: weighSuper(1), looks: looksMin(3, scanHalves(15, 2, 1, 0.25)), efforts: effortsMin(3),
	put: func(dst []byte, b *superBlock) {
		for g := range groups16 {
			dst[g] = uint8(b.scale[g]) | b.min[g]<<4
		}
		putQuarters(dst[16:], &b.q)
		putHalf(dst[80:], b.d)
		putHalf(dst[82:], b.dmin)
	},
	codes: kernel.CodesQ2_K, at: 80,
	scales: func(src []byte) (b superScales) {
		for g := range groups16 {
			b.scale[g], b.min[g] = int8(src[g]&15), src[g]>>4
		}
		return b
	},
}
