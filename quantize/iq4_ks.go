package quantize

// IQ4_KS is ik_llama.cpp's block_iq4_ks: d f32 before each row; a byte for each group of 32, its scale (biased by 127) but for the lowest
// bit, which chooses the levels; nibbles as IQ4_XS has them.
var IQ4_KS = register(Type{Name: "IQ4_KS", ID: 144, Block: super, Bytes: 136, Row: 4, Decode: coderIK4S.decode})

var coderIK4S = ikCoder{group: 32, bytes: 136, row: 4, values: valuesIK4, take: func(b *ikBlock, src []byte) {
	for g := range 8 {
		b.evenScale(g, src[g])
	}
	b.nibbles32(src[8:])
}}

// evenScale takes a byte that holds a scale and, in its lowest bit, the choice of levels.
func (b *ikBlock) evenScale(g int, s uint8) {
	b.scale[g], b.set[g] = int16(s&254)-127, s&1
}
