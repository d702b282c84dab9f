package quantize

// Q6_0 is ik_llama.cpp's block_q6_0: d f16, 8 bytes with the upper two bits of four codes each, 16 of nibbles; value d·(code-32).
var Q6_0 = register(Type{Name: "Q6_0", ID: 133, Block: flat, Bytes: 26, Decode: decodeQ6_0})

func decodeQ6_0(dst []float32, src []byte) {
	for ; len(dst) >= flat; dst, src = dst[flat:], src[26:] {
		d, qh, qs := halfAt(src), src[2:10], src[10:26]
		for j, b := range qs {
			high := qh[j%8] >> (4 * (j / 8))
			dst[j] = float32(int(b&15|high&3<<4)-32) * d
			dst[j+16] = float32(int(b>>4|high>>2&3<<4)-32) * d
		}
	}
}
