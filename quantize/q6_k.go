package quantize

import "quern/internal/kernel"

// Q6_K is ggml's block_q6_K: 128 bytes of low nibbles, 64 of upper bit pairs, 16 int8 scales for 16 weights each, d f16. In a half
// of 128, byte l holds the nibbles of elements l and l+64, byte l+32 those of l+32 and l+96; the pairs of all four share a byte.
var Q6_K = register(Type{
	Name: "Q6_K", ID: 14, Block: super, Bytes: 210,
	Decode:   coder6K.decode,
	Encode:   coder6K.encode,
	Harder:   coder6K.harder,
	Weigh:    weigh6K,
	Ggml:     coder6K.ggml,
	Tile:     coder6K.tile,
	Group:    16,
	Acts:     ActsQ8_K,
	Fallback: Q8_0,
	Lattice:  uniform(kernel.CodesQ6_K, -32, 31, 208, -1),
	MaxRMSE:  0.0169,
})

// weigh6K is the importance itself, as llama-quantize has it here; without, as the other k-quants.
func weigh6K(w, src, importance []float32) {
	for b := 0; b+super <= len(src); b += super {
		seen(w[b:b+super], importance, b)
	}
}

var scan6K = []float32{-32, -31, -30, -33, -29, -28, -27, -26, -25}

var coder6K = symCoder{looks: symQuick{plain: scan6K, wide: scan6K, room: 1, steps: []float32{0, -1, 1}}, zero: 32, lowest: 128, sweep: sweepSym(32, 0.1), bytes: 210, weigh: weigh6K, fit: fit6K, efforts: [3]symEffort{
	{1, nil, nil, stepsTo(8, 1)},
	{1, sweepMin(-34, 0.5, 22, 0), sweepMin(-36, 0.5, 28, 0), stepsTo(8, 1)},
	{3, sweepMin(-34, 0.25, 44, 0), sweepMin(-36, 0.125, 112, 0), stepsTo(16, 1)},
},
	put: func(dst []byte, b *superBlock) {
		for h := range 2 {
			q, ql, qh := b.q[128*h:], dst[64*h:], dst[128+32*h:]
			for l := 0; l < 32; l += 8 {
				const low, two = 0x0f0f0f0f0f0f0f0f, 0x0303030303030303
				a, b, c, d := eight(q[l:]), eight(q[l+32:]), eight(q[l+64:]), eight(q[l+96:])
				putEight(ql[l:], a&low|c&low<<4)
				putEight(ql[l+32:], b&low|d&low<<4)
				putEight(qh[l:], a>>4&two|b>>4&two<<2|c>>4&two<<4|d>>4&two<<6)
			}
		}
		for g, s := range b.scale {
			dst[192+g] = uint8(s)
		}
		putHalf(dst[208:], b.d)
	},
	codes: kernel.CodesQ6_K, at: 208,
	scales: func(src []byte) (b superScales) {
		for g := range groups16 {
			b.scale[g] = int8(src[192+g])
		}
		return b
	},
}

// fit6K chooses scales as llama-quantize does: each group by importance or x², scales rounded.
func fit6K(c *symCoder, b *kBatch, x, importance []float32) {
	if importance == nil {
		b.WeighSquares(16)
	} else {
		b.LoadW(importance, 16)
	}
	b.SweepSym(16, -32, 31, true, c.sweep)
	for i := 0; i*super < len(x); i++ {
		k, scales := &b.block[i].first, b.Scale[i*groups16:][:groups16]
		*k = superScales{}
		top := largestScale(scales)
		if top < tinyGroup && top > -tinyGroup {
			continue
		}
		per := -128 / top
		k.d = half(1 / per)
		for g := range groups16 {
			k.scale[g] = int8(min(127, nearestInt(float32(per*scales[g]))))
		}
	}
}
