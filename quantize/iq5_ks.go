package quantize

// IQ5_KS is ik_llama.cpp's block_iq5_ks: d f32 before each row; scales as IQ4_KS; nibbles as Q4_K has them; fifth bits as Q5_K.
var IQ5_KS = register(Type{Name: "IQ5_KS", ID: 152, Block: super, Bytes: 168, Row: 4, Decode: coderIK5S.decode})

var coderIK5S = ikCoder{group: 32, bytes: 168, row: 4, values: valuesIK5, take: func(b *ikBlock, src []byte) {
	for g := range 8 {
		b.evenScale(g, src[g])
	}
	halves(&b.q, src[8:])
	b.higher(src[136:], 4)
}}
