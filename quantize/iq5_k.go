package quantize

// IQ5_K is ik_llama.cpp's block_iq5_k: head as IQ4_K; nibbles as Q4_K has them; fifth bits as Q5_K has them.
var IQ5_K = register(Type{Name: "IQ5_K", ID: 140, Block: super, Bytes: 176, Decode: coderIK5.decode})

var coderIK5 = ikCoder{group: 16, bytes: 176, values: valuesIK5, take: func(b *ikBlock, src []byte) {
	b.sixBits(src)
	halves(&b.q, src[16:])
	b.higher(src[144:], 4)
}}
