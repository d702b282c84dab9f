package quantize

// IQ3_KS is ik_llama.cpp's block_iq3_ks: d f16 before each row; a word whose low byte has the fifth bits of the scales of groups of 32
// (biased by 16) and whose high one chooses their levels; 4 bytes of scales, the first four in the low nibbles; codes as IQ3_K.
var IQ3_KS = register(Type{Name: "IQ3_KS", ID: 156, Block: super, Bytes: 102, Row: 2, Decode: coderIK3S.decode})

var coderIK3S = ikCoder{group: 32, bytes: 102, row: 2, values: valuesIK3, take: func(b *ikBlock, src []byte) {
	b.sets(halfBits(src) >> 8)
	for g := range 8 {
		b.scale[g] = int16(src[2+g%4]>>(4*(g/4))&15|src[0]>>g&1<<4) - 16
	}
	quarters(&b.q, src[6:])
	b.higher(src[70:], 2)
}}
