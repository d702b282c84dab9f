package quantize

// IQ3_S is ggml's block_iq3_s: d f16; 64 bytes with the low bits of members for each four weights, 8 with their ninth bits, 32 of
// signs, 4 of scales.
var IQ3_S = register(Type{
	Name: "IQ3_S", ID: 21, Block: super, Bytes: 110,
	Decode:   grid3S.decode,
	Encode:   grid3S.encode,
	Weigh:    grid3S.weigh,
	Ggml:     grid3S.ggml,
	Tile:     grid3S.tile,
	Book:     grid3S.asBook(),
	Group:    32,
	Acts:     ActsQ8_K,
	Along:    3,
	MaxRMSE:  0.130,
	Fallback: IQ4_NL,
})

var grid3S = gridCoder{book: &book3S, group: 32, unit: 1, sweep: 12, bytes: 110, weigh: weighBook3, along: 3,
	as: gridGgml{tries: 9, step: 0.2, sigma: 2, factor: 1.033, redo: true},
	put: func(dst []byte, b *gridBlock) {
		putHalf(dst, b.d)
		for k := range dst[66:74] {
			ninth := uint8(0)
			for i, v := range b.member[8*k:][:8] {
				dst[2+8*k+i] = uint8(v)
				ninth |= uint8(v>>8) << i
			}
			dst[66+k] = ninth
		}
		copy(dst[74:106], b.sign[:])
		putScales(dst[106:110], b)
	},
	take: func(b *gridBlock, src []byte) {
		b.d = halfBits(src)
		for k := range b.member {
			b.member[k] = uint16(src[2+k]) | uint16(src[66+k/8]>>(k%8)&1)<<8
		}
		copy(b.sign[:], src[74:106])
		takeScales(b, src[106:110])
	},
}
