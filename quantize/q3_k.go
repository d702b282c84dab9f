package quantize

import "quern/internal/kernel"

// Q3_K is ggml's block_q3_K: 32 bytes of third bits (bit h of byte l belongs to element 32·h+l), 64 bytes of two-bit codes, 12
// bytes of six-bit scales (biased by 32) for 16 weights each, d f16.
var Q3_K = register(Type{
	Name: "Q3_K", ID: 11, Block: super, Bytes: 110,
	Decode:   coder3K.decode,
	Encode:   coder3K.encode,
	Harder:   coder3K.harder,
	Weigh:    coder3K.weigh,
	Ggml:     coder3K.ggml,
	Tile:     coder3K.tile,
	Group:    16,
	Acts:     ActsQ8_K,
	Fallback: Q4_0,
	Lattice:  uniform(kernel.CodesQ3_K, -4, 3, 108, -1),
	MaxRMSE:  0.147,
})

var coder3K = symCoder{looks: symQuick{
	plain:  bothSignsOf(4, 3.6, 3.2, 4.4, 2.8),
	wide:   bothSignsOf(4, 3.6, 3.2, 2.8, 2.4, 4.5, 5, 5.6, 6.2),
	halves: []float32{-32, -33, -31, -30, -29, -28, -27, -26, -25, -24, -23, -22, -21},
	steps:  []float32{0, -1, 1},
}, zero: 4, lowest: 32, descends: true, sweep: sweepSym(4, 0.1), sigma: 2, bytes: 110,
	weigh: weighSuper(2), fit: fit3K, efforts: [3]symEffort{
		{1, nil, bothSigns(4, -1.8, 1.8, 0.2), stepsTo(8, 1)},
		{1, bothSigns(4, -1.8, 1.8, 0.2), bothSigns(4, -1.8, 1.8, 0.2), stepsTo(8, 1)},
		{4, bothSigns(4, -2.4, 2.4, 0.1), bothSigns(4, -2.4, 2.4, 0.1), stepsTo(12, 1)},
	},
	put: func(dst []byte, b *superBlock) {
		for l := 0; l < 32; l += 8 {
			high := uint64(0)
			for h := range 8 {
				high |= eight(b.q[32*h+l:]) >> 2 & 0x0101010101010101 << h
			}
			putEight(dst[l:], high)
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
	codes: kernel.CodesQ3_K, at: 108,
	scales: func(src []byte) (b superScales) {
		for g := range groups16 {
			b.scale[g] = int8(src[96+g%8]>>(g/8*4)&15|src[104+g%4]>>(g/4*2)&3<<4) - 32
		}
		return b
	},
}

// fit3K chooses scales as llama-quantize does: without importance each group alone and scales rounded, with it by weights.
func fit3K(c *symCoder, b *kBatch, x, importance []float32) {
	if importance == nil {
		b.WeighSquares(16)
		b.DescendSym(16, 4)
	} else {
		b.LoadW(importance, 16)
		b.sigma(c.sigma, x, groups16)
		b.WeighBy(16)
		b.SweepSym(16, -4, 3, true, c.sweep)
	}
	for i := 0; i*super < len(x); i++ {
		k, scales := &b.block[i].first, b.Scale[i*groups16:][:groups16]
		*k = superScales{}
		switch top := largestScale(scales); {
		case importance != nil:
			c.scalesBy(k, scales, b.SumW[i*groups16:][:groups16])
		case top != 0:
			per := -32 / top
			for g := range groups16 {
				k.scale[g] = int8(min(max(nearestInt(float32(per*scales[g])), -32), 31))
			}
			k.d = half(1 / per)
		default:
			for g := range groups16 {
				k.scale[g] = -32 // the reference leaves these bits clear
			}
		}
	}
}
