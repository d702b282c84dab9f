package quantize

// IQ3_K is ik_llama.cpp's block_iq3_k: d f16; a word with a bit for each group of 16 that chooses its levels, another with the signs of
// scales; 8 bytes of scales, s for 2·s+1; two-bit codes as Q2_K has them; third bits as Q3_K has them.
var IQ3_K = register(Type{Name: "IQ3_K", ID: 138, Block: super, Bytes: 110, Decode: coderIK3.decode})

var coderIK3 = ikCoder{group: 16, bytes: 110, values: valuesIK3, take: func(b *ikBlock, src []byte) {
	b.d = halfAt(src)
	b.sets(halfBits(src[2:]))
	signs := halfBits(src[4:])
	for g := range b.scale {
		b.scale[g] = 2*int16(src[6+g/2]>>(4*(g%2))&15) + 1
		if signs>>g&1 != 0 {
			b.scale[g] = -b.scale[g]
		}
	}
	quarters(&b.q, src[14:])
	b.higher(src[78:], 2)
}}
