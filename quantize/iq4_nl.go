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
