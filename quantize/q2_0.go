package quantize

// Q2_0 is ggml's block_q2_0: d f16, two bits for each of 64 weights, four neighbours in a byte, which stand for -1, 0, 1 and 2.
var Q2_0 = register(Type{
	Name: "Q2_0", ID: 42, Block: 64, Bytes: 18,
	Decode:   coder2_0.decode,
	Encode:   coder2_0.encode,
	Weigh:    coder2_0.weigh,
	Ggml:     coder2_0.ggml,
	Tile:     coder2_0.tile,
	Group:    32,
	Acts:     ActsQ8_0,
	Along:    3,
	Lattice:  fewLattice(&coder2_0),
	MaxRMSE:  0.365,
	Fallback: Q4_0,
})

var coder2_0 = fewCoder{along: 3, block: 64, bytes: 18, lowest: -1, highest: 2,
	put: func(dst []byte, q []int8) {
		for i := range dst[2:18] {
			q := q[4*i:][:4]
			dst[2+i] = uint8(q[0]+1) | uint8(q[1]+1)<<2 | uint8(q[2]+1)<<4 | uint8(q[3]+1)<<6
		}
	},
	take: func(q []int8, src []byte) {
		for i := range q {
			q[i] = int8(src[2+i/4]>>(2*(i%4))&3) - 1
		}
	},
}
