package quantize

// TQ2_0 is ggml's block_tq2_0: 64 bytes, in each 32 of which byte m has two bits, -1, 0 or 1, of weights m, m+32, m+64 and m+96; d f16.
var TQ2_0 = register(Type{
	Name: "TQ2_0", ID: 35, Block: super, Bytes: 66,
	Decode:   coderTQ2.decode,
	Encode:   coderTQ2.encode,
	Weigh:    coderTQ2.weigh,
	Ggml:     coderTQ2.ggml,
	Tile:     coderTQ2.tile,
	Group:    32,
	Acts:     ActsQ8_K,
	Along:    3,
	Lattice:  fewLattice(&coderTQ2),
	MaxRMSE:  0.4575,
	Fallback: Q4_0,
})

var coderTQ2 = fewCoder{along: 3, block: super, bytes: 66, at: 64, lowest: -1, highest: 1,
	put: func(dst []byte, q []int8) {
		for i := range 64 {
			q := q[i/32*128+i%32:]
			dst[i] = uint8(q[0]+1) | uint8(q[32]+1)<<2 | uint8(q[64]+1)<<4 | uint8(q[96]+1)<<6
		}
	},
	take: func(q []int8, src []byte) {
		for i, b := range src[:64] {
			q := q[i/32*128+i%32:]
			q[0], q[32], q[64], q[96] = int8(b&3)-1, int8(b>>2&3)-1, int8(b>>4&3)-1, int8(b>>6)-1
		}
	},
}
