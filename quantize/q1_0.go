package quantize

// Q1_0 is ggml's block_q1_0: d f16, a bit for each of 128 weights: set is +d, clear is -d.
var Q1_0 = register(Type{
	Name: "Q1_0", ID: 41, Block: 128, Bytes: 18,
	Decode:  coder1_0.decode,
	Encode:  coder1_0.encode,
	Weigh:   coder1_0.weigh,
	Ggml:    coder1_0.ggml,
	Tile:    coder1_0.tile,
	Group:   32,
	Acts:    ActsQ8_0,
	Along:   1,
	Lattice: fewLattice(&coder1_0),
	MaxRMSE: 0.625,
})

var coder1_0 = fewCoder{along: 1, block: 128, bytes: 18, lowest: -1, highest: 1, signs: true,
	put: func(dst []byte, q []int8) {
		clear(dst[2:18])
		for i, v := range q {
			if v > 0 {
				dst[2+i/8] |= 1 << (i % 8)
			}
		}
	},
	take: func(q []int8, src []byte) {
		for i := range q {
			q[i] = int8(src[2+i/8]>>(i%8)&1)*2 - 1
		}
	},
}
