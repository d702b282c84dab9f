package quantize

import "quern/internal/kernel"

// IQ4_NL is ggml's block_iq4_nl: d f16, 16 bytes of nibbles that name levels.
var IQ4_NL = register(Type{
	Name: "IQ4_NL", ID: 20, Block: flat, Bytes: 18,
	Decode:  decodeIQ4_NL,
	Encode:  encodeIQ4_NL,
	Weigh:   weigh4NL,
	Ggml:    ggmlIQ4_NL,
	Tile:    tileIQ4_NL,
	Group:   flat,
	Acts:    ActsQ8_0,
	Lattice: named(&values4NL, flat, 18, 2, 16, 16, 0),
	MaxRMSE: 0.0737,
})

func decodeIQ4_NL(dst []float32, src []byte) {
	expandTiles(dst, src, flat, 18, flat, false, tileIQ4_NL)
}

func tileIQ4_NL(dst Tile, src []byte) {
	kernel.NameNibbles(dst.Code, src[2:], 16, 18, &values4NL)
	kernel.HalvesEvery(dst.Scale, src, 18)
	clear(dst.Min)
}

func ggmlIQ4_NL(dst []byte, src, importance []float32) {
	var w [flat]float32
	var q [flat]uint8
	for ; len(src) >= flat; dst, src = dst[18:], src[flat:] {
		weights4NL(w[:], src[:flat], importance)
		if importance != nil {
			importance = importance[flat:]
		}
		d := ggml4NL(block(src), &w)
		putHalf(dst, half(d))
		sums4NL(&q, block(src), &w, inverse(d))
		putNibbles(dst[2:], &q)
	}
}

var weigh4NL = weighEach(flat, 2)

// encodeIQ4_NL takes the better of llama-quantize's block and of a sweep through scales of both signs, each refitted to its codes
// as long as that helps.
func encodeIQ4_NL(dst []byte, src, importance []float32) {
	var f fit4
	var x, w [flat]float32
	var q, best [flat]uint8
	for ; len(src) >= flat; dst, src = dst[18:], src[flat:] {
		tame(x[:], src[:flat])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:flat], importance[flat:]
		}
		ggmlIQ4_NL(dst[:18], x[:], imp)
		nibbles(&best, dst[2:])
		weigh4NL(w[:], x[:], imp)
		f.load(&x, &w)
		h := finiteBits(halfBits(dst))
		least := f.coded(&best, float64(halfValue(h)))
		for _, d := range f.sweep() {
			for d != 0 {
				try := smallHalf(d)
				loss := f.loss(&q, float64(halfValue(try)))
				if !(loss < least) {
					break
				}
				h, least, best = try, loss, q
				lx, l2 := f.products(&q)
				d = lx / l2
			}
		}
		putHalf(dst, h)
		putNibbles(dst[2:], &best)
	}
}
