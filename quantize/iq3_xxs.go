package quantize

import "encoding/binary"

// IQ3_XXS is ggml's block_iq3_xxs: d f16; a byte of member for each four weights; for 32 weights a word with four times seven
// signs and a scale above them.
var IQ3_XXS = register(Type{
	Name: "IQ3_XXS", ID: 18, Block: super, Bytes: 98,
	Decode:          grid3XXS.decode,
	Encode:          grid3XXS.encode,
	Weigh:           grid3XXS.weigh,
	Ggml:            grid3XXS.ggml,
	Tile:            grid3XXS.tile,
	Book:            grid3XXS.asBook(),
	Group:           32,
	Acts:            ActsQ8_K,
	Along:           3,
	MaxRMSE:         0.1808,
	Fallback:        IQ4_NL,
	NeedsImportance: true,
})

var grid3XXS = gridCoder{book: &book3XXS, group: 32, unit: 1. / 4, parity: true, sweep: 12, bytes: 98, weigh: weighBook3, along: 3,
	as: gridGgml{tries: 15, step: 0.2, tiny: 1e-8, sigma: 2, factor: 1.0125},
	put: func(dst []byte, b *gridBlock) {
		putHalf(dst, b.d)
		for k, m := range b.member {
			dst[2+k] = uint8(m)
		}
		for g := range 8 {
			word := uint32(b.scale[g]) << 28
			for k := range 4 {
				word |= uint32(b.sign[4*g+k]&127) << (7 * k)
			}
			binary.LittleEndian.PutUint32(dst[66+4*g:], word)
		}
	},
	take: func(b *gridBlock, src []byte) {
		b.d = halfBits(src)
		for k := range b.member {
			b.member[k] = uint16(src[2+k])
		}
		for g := range 8 {
			word := binary.LittleEndian.Uint32(src[66+4*g:])
			b.scale[g] = uint8(word >> 28)
			for k := range 4 {
				b.sign[4*g+k] = evenSign(uint8(word >> (7 * k)))
			}
		}
	},
}
