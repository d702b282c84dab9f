package quantize

import "quern/internal/kernel"

// Q5_K is ggml's block_q5_K: as Q4_K, with 32 bytes of fifth bits before the nibbles: bit h of byte l belongs to element 32·h+l.
var Q5_K = register(Type{
	Name: "Q5_K", ID: 13, Block: super, Bytes: 176,
	Decode:   coder5K.decode,
	Encode:   coder5K.encode,
	Harder:   coder5K.harder,
	Weigh:    coder5K.weigh,
	Ggml:     coder5K.ggml,
	Tile:     coder5K.tile,
	Group:    32,
	Acts:     ActsQ8_K,
	Fallback: Q5_1,
	Lattice:  uniform(kernel.CodesQ5_K, 0, 31, 0, 2),
	MaxRMSE:  0.0351,
})

var coder5K = minCoder{group: 32, top: 31, most: 63, bytes: 176, sigma: 2, plain: sweepMin(-0.5, 0.1, 15, 31), searched: sweepMin(-0.9, 0.05, 36, 31),
	weigh: weighSuper(2), looks: looksMin(31, scanHalves(63, 12, 4, 1)), efforts: effortsMin(31),
	put: func(dst []byte, b *superBlock) {
		putHalf(dst, b.d)
		putHalf(dst[2:], b.dmin)
		putSixes(dst[4:], b)
		for l := 0; l < 32; l += 8 {
			high := uint64(0)
			for h := range 8 {
				high |= eight(b.q[32*h+l:]) >> 4 & 0x0101010101010101 << h
			}
			putEight(dst[16+l:], high)
		}
		putHalves(dst[48:], &b.q)
	},
	codes: kernel.CodesQ5_K, at: 0,
	scales: func(src []byte) (b superScales) {
		sixes(&b, src[4:])
		return b
	},
}
