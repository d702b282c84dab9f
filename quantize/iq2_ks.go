package quantize

// IQ2_KS is ik_llama.cpp's block_iq2_ks: d f16 before each row; a word whose low byte chooses the levels of groups of 32 and whose high
// one has the fifth bits of their scales (biased by 16); 4 bytes of scales; two-bit codes as Q2_K has them.
var IQ2_KS = register(Type{Name: "IQ2_KS", ID: 145, Block: super, Bytes: 70, Row: 2, Decode: coderIK2S.decode})

var coderIK2S = ikCoder{group: 32, bytes: 70, row: 2, values: valuesIK2, take: func(b *ikBlock, src []byte) {
	b.sets(halfBits(src))
	for g := range 8 {
		b.scale[g] = int16(src[2+g/2]>>(4*(g%2))&15|src[1]>>g&1<<4) - 16
	}
	quarters(&b.q, src[6:])
}}
