package quantize

import "encoding/binary"

// IQ2_XXS is ggml's block_iq2_xxs: d f16; for 32 weights four bytes of members, and a word with four times seven signs and a
// scale above them.
var IQ2_XXS = register(Type{
	Name: "IQ2_XXS", ID: 16, Block: super, Bytes: 66,
	Decode:          grid2XXS.decode,
	Encode:          grid2XXS.encode,
	Weigh:           grid2XXS.weigh,
	Ggml:            grid2XXS.ggml,
	Tile:            grid2XXS.tile,
	Book:            grid2XXS.asBook(),
	Group:           32,
	Acts:            ActsQ8_K,
	Along:           3,
	MaxRMSE:         0.340,
	Fallback:        IQ4_NL,
	NeedsImportance: true,
})

var grid2XXS = gridCoder{book: &book2XXS, group: 32, unit: 1. / 8, parity: true, sweep: 8, bytes: 66, weigh: weighOnce, along: 3,
	as: gridGgml{tries: 6, step: 0.1, tiny: tinyGroup, sigma: 1, factor: 1, fitted: true},
	put: func(dst []byte, b *gridBlock) {
		putHalf(dst, b.d)
		for g, dst := 0, dst[2:]; g < 8; g, dst = g+1, dst[8:] {
			word := uint32(b.scale[g]) << 28
			for k := range 4 {
				dst[k] = uint8(b.member[4*g+k])
				word |= uint32(b.sign[4*g+k]&127) << (7 * k)
			}
			binary.LittleEndian.PutUint32(dst[4:], word)
		}
	},
	take: func(b *gridBlock, src []byte) {
		b.d = halfBits(src)
		for g, src := 0, src[2:]; g < 8; g, src = g+1, src[8:] {
			word := binary.LittleEndian.Uint32(src[4:])
			b.scale[g] = uint8(word >> 28)
			for k := range 4 {
				b.member[4*g+k] = uint16(src[k])
				b.sign[4*g+k] = evenSign(uint8(word >> (7 * k)))
			}
		}
	},
}
