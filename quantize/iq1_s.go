package quantize

import "encoding/binary"

// IQ1_S is ggml's block_iq1_s: d f16; 32 bytes with the low bits of members; for 32 weights a word with three more bits of four
// members, a three-bit scale, and a top bit that moves all levels down.
var IQ1_S = register(Type{
	Name: "IQ1_S", ID: 19, Block: super, Bytes: 50,
	Decode:          coder1S.decode,
	Encode:          coder1S.encode,
	Weigh:           coder1S.weigh,
	Ggml:            coder1S.ggml,
	Tile:            coder1S.tile,
	Book:            coder1S.asBook(storedAt(0)),
	Group:           32,
	Acts:            ActsQ8_K,
	Along:           3,
	MaxRMSE:         0.4690,
	Fallback:        IQ4_NL,
	NeedsImportance: true,
})

var coder1S = iq1Coder{group: 32, bytes: 50, tiny: 1e-12, factor: 1.125, ways: 2, weigh: weighOnce, along: 3,
	put: func(dst []byte, b *iq1Block) {
		putHalf(dst, b.d)
		for g := range 8 {
			word := uint16(b.scale[g]) << 12
			for k := range 4 {
				m := b.member[4*g+k]
				dst[2+4*g+k] = uint8(m)
				word |= m >> 8 << (3 * k)
			}
			if b.down[4*g] {
				word |= 1 << 15
			}
			binary.LittleEndian.PutUint16(dst[34+2*g:], word)
		}
	},
	take: func(b *iq1Block, src []byte) {
		b.d = halfBits(src)
		for g := range 8 {
			word := binary.LittleEndian.Uint16(src[34+2*g:])
			b.scale[g] = uint8(word >> 12 & 7)
			for k := range 4 {
				b.member[4*g+k] = uint16(src[2+4*g+k]) | word>>(3*k)&7<<8
				b.down[4*g+k] = word>>15 != 0
			}
		}
	},
}
