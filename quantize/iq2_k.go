package quantize

// IQ2_K is ik_llama.cpp's block_iq2_k: d f16; a bit for each group of 16 that chooses its levels; 8 bytes of four-bit scales (biased
// by 8); two-bit codes as Q2_K has them.
var IQ2_K = register(Type{Name: "IQ2_K", ID: 137, Block: super, Bytes: 76, Decode: coderIK2.decode})

var coderIK2 = ikCoder{group: 16, bytes: 76, values: valuesIK2, take: func(b *ikBlock, src []byte) {
	b.d = halfAt(src)
	b.sets(halfBits(src[2:]))
	for g := range 8 {
		b.scale[2*g], b.scale[2*g+1] = int16(src[4+g]&15)-8, int16(src[4+g]>>4)-8
	}
	quarters(&b.q, src[12:])
}}
