package quantize

import "encoding/binary"

// IQ1_M is ggml's block_iq1_m: 32 bytes with the low bits of members; 16 with a nibble for each, three more bits and one that moves
// its levels down; four words, each with three-bit scales of four groups and, on top, a nibble of d f16, the lowest first.
var IQ1_M = register(Type{
	Name: "IQ1_M", ID: 29, Block: super, Bytes: 56,
	Decode:          coder1M.decode,
	Encode:          coder1M.encode,
	Weigh:           coder1M.weigh,
	Ggml:            coder1M.ggml,
	Tile:            coder1M.tile,
	Book:            coder1M.asBook(&half1M),
	Group:           16,
	Acts:            ActsQ8_K,
	Along:           3,
	MaxRMSE:         0.4335,
	Fallback:        IQ4_NL,
	NeedsImportance: true,
})

var coder1M = iq1Coder{group: 16, bytes: 56, tiny: 1e-7, factor: 1.1125, ways: 1, weigh: weighOnce, along: 3,
	put: func(dst []byte, b *iq1Block) {
		clear(dst[32:48])
		for k, m := range b.member {
			dst[k] = uint8(m)
			nibble := uint8(m >> 8)
			if b.down[k] {
				nibble |= 8
			}
			dst[32+k/2] |= nibble << (4 * (k % 2))
		}
		for i := range 4 {
			word := b.d >> (4 * i) << 12
			for j := range 4 {
				word |= uint16(b.scale[4*i+j]) << (3 * j)
			}
			binary.LittleEndian.PutUint16(dst[48+2*i:], word)
		}
	},
	take: func(b *iq1Block, src []byte) {
		b.d = half1M.get(src)
		for k := range b.member {
			nibble := src[32+k/2] >> (4 * (k % 2))
			b.member[k] = uint16(src[k]) | uint16(nibble&7)<<8
			b.down[k] = nibble&8 != 0
		}
		for i := range 4 {
			word := binary.LittleEndian.Uint16(src[48+2*i:])
			for j := range 4 {
				b.scale[4*i+j] = uint8(word >> (3 * j) & 7)
			}
		}
	},
}

// half1M is d, a nibble in each of four words.
var half1M = storedHalf{
	get: func(block []byte) (d uint16) {
		for i := range 4 {
			d |= binary.LittleEndian.Uint16(block[48+2*i:]) >> 12 << (4 * i)
		}
		return d
	},
	set: func(block []byte, d uint16) {
		for i := range 4 {
			at := block[48+2*i:]
			binary.LittleEndian.PutUint16(at, binary.LittleEndian.Uint16(at)&0xfff|d>>(4*i)<<12)
		}
	},
}
