package quantize

import "encoding/binary"

// IQ2_XS is ggml's block_iq2_xs: d f16; for each eight weights a word, nine bits of member below seven signs; eight bytes of
// scales, the even groups' in the low nibbles.
var IQ2_XS = register(Type{
	Name: "IQ2_XS", ID: 17, Block: super, Bytes: 74,
	Decode:          grid2XS.decode,
	Encode:          grid2XS.encode,
	Weigh:           grid2XS.weigh,
	Ggml:            grid2XS.ggml,
	Tile:            grid2XS.tile,
	Book:            grid2XS.asBook(),
	Group:           16,
	Acts:            ActsQ8_K,
	Along:           3,
	MaxRMSE:         0.2955,
	Fallback:        IQ4_NL,
	NeedsImportance: true,
})

var grid2XS = gridCoder{book: &book2XS, group: 16, unit: 1. / 8, parity: true, sweep: 8, bytes: 74, weigh: weighBook2, along: 3,
	as: gridGgml{tries: 9, step: 0.1, tiny: tinyGroup, sigma: 1, factor: 1},
	put: func(dst []byte, b *gridBlock) {
		putHalf(dst, b.d)
		for k, m := range b.member[:32] {
			binary.LittleEndian.PutUint16(dst[2+2*k:], m|uint16(b.sign[k]&127)<<9)
		}
		putScales(dst[66:74], b)
	},
	take: func(b *gridBlock, src []byte) {
		b.d = halfBits(src)
		for k := range 32 {
			word := binary.LittleEndian.Uint16(src[2+2*k:])
			b.member[k], b.sign[k] = word&511, evenSign(uint8(word>>9))
		}
		takeScales(b, src[66:74])
	},
}

// putScales packs a byte for two groups, the first in its low nibble.
func putScales(dst []byte, b *gridBlock) {
	for i := range dst {
		dst[i] = b.scale[2*i] | b.scale[2*i+1]<<4
	}
}

func takeScales(b *gridBlock, src []byte) {
	for i, s := range src {
		b.scale[2*i], b.scale[2*i+1] = s&15, s>>4
	}
}
