package quantize

// IQ6_K is ik_llama.cpp's block_iq6_k: d f16; a bit for each group of 16 that chooses its levels; 16 int8 scales; nibbles as Q4_K has them;
// 64 bytes of upper bit pairs, for each 128 weights 32, the lowest pairs those of the first 32. Its levels are a cubic, here
// with fused operations, as builds of ik_llama.cpp for present CPUs have it.
var IQ6_K = register(Type{Name: "IQ6_K", ID: 141, Block: super, Bytes: 212, Decode: coderIK6.decode})

var coderIK6 = ikCoder{group: 16, bytes: 212, values: valuesIK6, take: func(b *ikBlock, src []byte) {
	b.d = halfAt(src)
	b.sets(halfBits(src[2:]))
	for g := range b.scale {
		b.scale[g] = int16(int8(src[4+g]))
	}
	halves(&b.q, src[20:])
	var high [super]uint8
	quarters(&high, src[148:])
	for i, h := range high {
		b.q[i] |= h << 4
	}
}}
