package quantize

// IQ2_S is ggml's block_iq2_s: d f16; 32 bytes with the low bits of members, 32 of signs, 8 with two more bits of four members
// each, 8 of scales.
var IQ2_S = register(Type{
	Name: "IQ2_S", ID: 22, Block: super, Bytes: 82,
	Decode:          grid2S.decode,
	Encode:          grid2S.encode,
	Weigh:           grid2S.weigh,
	Ggml:            grid2S.ggml,
	Tile:            grid2S.tile,
	Book:            grid2S.asBook(),
	Group:           16,
	Acts:            ActsQ8_K,
	Along:           3,
	MaxRMSE:         0.2415,
	Fallback:        IQ4_NL,
	NeedsImportance: true,
})

var grid2S = gridCoder{book: &book2S, group: 16, unit: 1. / 8, sweep: 8, bytes: 82, weigh: weighBook2, along: 3,
	as: gridGgml{tries: 9, step: 0.1, tiny: 1e-8, sigma: 2, plus: 0.25, factor: 0.9875},
	put: func(dst []byte, b *gridBlock) {
		putHalf(dst, b.d)
		copy(dst[34:66], b.sign[:])
		for k := range dst[66:74] {
			m := b.member[4*k:][:4]
			for i, v := range m {
				dst[2+4*k+i] = uint8(v)
			}
			dst[66+k] = uint8(m[0]>>8 | m[1]>>8<<2 | m[2]>>8<<4 | m[3]>>8<<6)
		}
		putScales(dst[74:82], b)
	},
	take: func(b *gridBlock, src []byte) {
		b.d = halfBits(src)
		copy(b.sign[:], src[34:66])
		for k := range 32 {
			b.member[k] = uint16(src[2+k]) | uint16(src[66+k/4]>>(2*(k%4))&3)<<8
		}
		takeScales(b, src[74:82])
	},
}
