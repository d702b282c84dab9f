package quantize

import "encoding/binary"

// IQ4_KSS is ik_llama.cpp's block_iq4_kss: d f32 before each row; for 32 weights eight words, whose lowest bits are the byte that IQ4_KS
// has for a scale, and whose others, exclusive or themselves moved down by one, are four nibbles.
var IQ4_KSS = register(Type{Name: "IQ4_KSS", ID: 146, Block: super, Bytes: 128, Row: 4, Decode: coderIK4SS.decode})

var coderIK4SS = ikCoder{group: 32, bytes: 128, row: 4, values: valuesIK4, take: func(b *ikBlock, src []byte) {
	for g := range 8 {
		var s uint8
		var codes [16]byte
		for k := range 8 {
			word := binary.LittleEndian.Uint16(src[16*g+2*k:])
			s |= uint8(word&1) << k
			word &= 0xfffe
			binary.LittleEndian.PutUint16(codes[2*k:], word^word>>1)
		}
		b.evenScale(g, s)
		nibbles((*[flat]uint8)(b.q[32*g:]), codes[:])
	}
}}
