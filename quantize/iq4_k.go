package quantize

// IQ4_K is ik_llama.cpp's block_iq4_k: d f16; a bit for each group of 16 that chooses its levels; 4 bytes with the upper two bits of four
// scales each (biased by 32), 8 with their low nibbles; nibbles as IQ4_XS has them.
var IQ4_K = register(Type{Name: "IQ4_K", ID: 139, Block: super, Bytes: 144, Decode: coderIK4.decode})

var coderIK4 = ikCoder{group: 16, bytes: 144, values: valuesIK4, take: func(b *ikBlock, src []byte) {
	b.sixBits(src)
	b.nibbles32(src[16:])
}}

// sixBits is the head of IQ4_K and IQ5_K.
func (b *ikBlock) sixBits(src []byte) {
	b.d = halfAt(src)
	b.sets(halfBits(src[2:]))
	for g := range b.scale {
		b.scale[g] = int16(src[8+g/2]>>(4*(g%2))&15|src[4+g/4]>>(2*(g%4))&3<<4) - 32
	}
}

// nibbles32 takes four-bit codes: byte j of 16 holds elements j and j+16 of 32.
func (b *ikBlock) nibbles32(src []byte) {
	for g := range 8 {
		nibbles((*[flat]uint8)(b.q[32*g:]), src[16*g:])
	}
}
