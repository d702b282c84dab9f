package quantize

// TQ1_0 is ggml's block_tq1_0: bytes of five digits to the base three, -1, 0 or 1; 32 bytes for the first 160 weights, 16 for the next
// 80, 4 with four digits for the last 16; d f16. A byte is the digits as a fraction of 256, rounded up, so that multiplying
// by three shifts out the next digit.
var TQ1_0 = register(Type{
	Name: "TQ1_0", ID: 34, Block: super, Bytes: 54,
	Decode:   coderTQ1.decode,
	Encode:   coderTQ1.encode,
	Weigh:    coderTQ1.weigh,
	Ggml:     coderTQ1.ggml,
	Tile:     coderTQ1.tile,
	Group:    32,
	Acts:     ActsQ8_K,
	Along:    3,
	Lattice:  fewLattice(&coderTQ1),
	MaxRMSE:  0.4575,
	Fallback: Q4_0,
})

var coderTQ1 = fewCoder{along: 3, block: super, bytes: 54, at: 52, lowest: -1, highest: 1,
	put: func(dst []byte, q []int8) {
		trits(func(at, first, step, n int) {
			v := 0
			for k := range 5 {
				v *= 3
				if k < n {
					v += int(q[first+k*step]) + 1
				}
			}
			dst[at] = uint8((v*256 + 242) / 243)
		})
	},
	take: func(q []int8, src []byte) {
		trits(func(at, first, step, n int) {
			b := src[at]
			for k := range n {
				q[first+k*step] = int8(uint16(b)*3>>8) - 1
				b *= 3
			}
		})
	},
}

// trits calls f for every byte with the first of its n weights and their distance.
func trits(f func(at, first, step, n int)) {
	for m := range 32 {
		f(m, m, 32, 5)
	}
	for m := range 16 {
		f(32+m, 160+m, 16, 5)
	}
	for m := range 4 {
		f(48+m, 240+m, 4, 4)
	}
}
