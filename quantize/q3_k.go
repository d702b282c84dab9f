package quantize

// Q3_K is ggml's block_q3_K: 32 bytes of third bits (bit h of byte l belongs to element 32·h+l), 64 bytes of two-bit codes, 12
// bytes of six-bit scales (biased by 32) for 16 weights each, d f16.
var Q3_K = register(Type{
	Name: "Q3_K", ID: 11, Block: super, Bytes: 110,
	Decode:   coder3K.decode,
	Encode:   coder3K.encode,
	Weigh:    coder3K.weigh,
	Ggml:     coder3K.ggml,
	Tile:     coder3K.tile,
	Group:    16,
	Acts:     ActsQ8_K,
	Fallback: Q4_0,
	MaxRMSE:  0.147,
})

var coder3K = symCoder{zero: 4, lowest: 32, twice: true, far: 4, bytes: 110, weigh: weighSuper(2), fit: fit3K,
	put: func(dst []byte, b *superBlock) {
		for l := range 32 {
			high := uint8(0)
			for h := range 8 {
				high |= b.q[32*h+l] >> 2 << h
			}
			dst[l] = high
		}
		putQuarters(dst[32:], &b.q)
		clear(dst[96:108])
		for g := range groups16 {
			s := uint8(b.scale[g] + 32)
			dst[96+g%8] |= s & 15 << (g / 8 * 4)
			dst[104+g%4] |= s >> 4 << (g / 4 * 2)
		}
		putHalf(dst[108:], b.d)
	},
	take: func(b *superBlock, src []byte) {
		quarters(&b.q, src[32:])
		for l := range 32 {
			for h := range 8 {
				b.q[32*h+l] |= src[l] >> h & 1 << 2
			}
		}
		for g := range groups16 {
			b.scale[g] = int8(src[96+g%8]>>(g/8*4)&15|src[104+g%4]>>(g/4*2)&3<<4) - 32
		}
		b.d = halfBits(src[108:])
	},
}

// fit3K chooses scales as llama-quantize does: without importance each group alone and scales rounded, with it by weights.
func fit3K(c *symCoder, b *superBlock, x, importance []float32) {
	var scales, sum [groups16]float32
	if importance == nil {
		for g := range groups16 {
			scales[g] = fitThreeGgml(x[16*g:][:16], 4, b.q[16*g:])
		}
		if top := largestScale(&scales); top != 0 {
			per := -32 / top
			for g := range groups16 {
				b.scale[g] = int8(min(max(nearestInt(float32(per*scales[g])), -32), 31))
			}
			b.d = half(1 / per)
		} else {
			for g := range groups16 {
				b.scale[g] = -32 // the reference leaves these bits clear
			}
		}
		c.round(b, x)
		return
	}
	var w [super]float32
	var q [maxGroup]int8
	weighWith(w[:], x, importance, float32(2*sumSquares(x))/super)
	for g := range groups16 {
		for _, v := range w[16*g:][:16] {
			sum[g] += v
		}
		scales[g] = fitSymGgml(x[16*g:][:16], 4, q[:], 1, w[16*g:][:16])
		for i, v := range q[:16] {
			b.q[16*g+i] = uint8(v)
		}
	}
	b.d = half(fitSymGgml(scales[:], 32, q[:], 1, sum[:]))
	for g := range groups16 {
		b.scale[g] = q[g] - 32
	}
	c.round(b, x)
}
