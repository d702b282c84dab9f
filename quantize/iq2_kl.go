package quantize

// IQ2_KL is ik_llama.cpp's block_iq2_kl: d f16 before each row; a word with the upper two bits of the scales of groups of 32 (biased by
// 32), 4 bytes with their low nibbles, the first four in the low halves; 64 bytes of nibbles and 16 of fifth bits that
// name pairs of levels.
var IQ2_KL = register(Type{Name: "IQ2_KL", ID: 157, Block: super, Bytes: 86, Row: 2, Decode: coderIK2L.decode})

// pairsIK2L are the 32 pairs, as places among IQ3_K's levels.
const pairsIK2L = "0205101315172122242526303435374243444546515253545560626466677275"

var coderIK2L = ikCoder{group: 32, bytes: 86, row: 2, values: valuesIK3, take: func(b *ikBlock, src []byte) {
	high, qs, qh := halfBits(src), src[6:70], src[70:86]
	for g := range 8 {
		b.scale[g] = int16(src[2+g%4]>>(4*(g/4))&15) | int16(high>>(2*g)&3<<4) - 32
		for j := range 16 {
			pair := qs[16*(g/2)+j]>>(4*(g%2))&15 | qh[j]>>g&1<<4
			b.q[32*g+2*j], b.q[32*g+2*j+1] = pairsIK2L[2*pair]-'0', pairsIK2L[2*pair+1]-'0'
		}
	}
}}
