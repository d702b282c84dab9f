package quantize

import "quern/internal/kernel"

// Q4_K is ggml's block_q4_K: d and dmin f16, 12 bytes of six-bit scales and minima for 32 weights each, 128 bytes of nibbles.
var Q4_K = register(Type{
	Name: "Q4_K", ID: 12, Block: super, Bytes: 144,
	Decode:   coder4K.decode,
	Encode:   coder4K.encode,
	Harder:   coder4K.harder,
	Weigh:    coder4K.weigh,
	Ggml:     coder4K.ggml,
	Tile:     coder4K.tile,
	Group:    32,
	Acts:     ActsQ8_K,
	Fallback: Q5_0,
	Lattice:  uniform(kernel.CodesQ4_K, 0, 15, 0, 2),
	MaxRMSE:  0.071,
})

var coder4K = minCoder{group: 32, top: 15, most: 63, bytes: 144, sigma: 2, plain: sweepMin(-1, 0.1, 20, 15), searched: sweepMin(-0.9, 0.05, 36, 15),
	weigh: weighSuper(2), looks: looksMin(15, scanHalves(63, 6, 2, 0.5)), efforts: effortsMin(15),
	put: func(dst []byte, b *superBlock) {
		putHalf(dst, b.d)
		putHalf(dst[2:], b.dmin)
		putSixes(dst[4:], b)
		putHalves(dst[16:], &b.q)
	},
	codes: kernel.CodesQ4_K, at: 0,
	scales: func(src []byte) (b superScales) {
		sixes(&b, src[4:])
		return b
	},
}
