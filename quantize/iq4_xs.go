package quantize

import (
	"encoding/binary"

	"quern/internal/kernel"
)

// IQ4_XS is ggml's block_iq4_xs: d f16; a word with the high two bits of eight six-bit scales (biased by 32), four bytes with their
// low nibbles; nibbles as IQ4_NL has them, 32 after 32.
var IQ4_XS = register(Type{
	Name: "IQ4_XS", ID: 23, Block: super, Bytes: 136,
	Decode:   decodeIQ4_XS,
	Encode:   encodeIQ4_XS,
	Weigh:    weigh4XS,
	Ggml:     ggmlIQ4_XS,
	Tile:     tileIQ4_XS,
	Group:    32,
	Acts:     ActsQ8_K,
	Fallback: IQ4_NL,
	Lattice:  named(&values4NL, super, 136, 8, 16, 16, 0),
	MaxRMSE:  0.0743,
})

// scaleIQ4_XS is the scale of group g.
func scaleIQ4_XS(src []byte, g int) int {
	low := src[4+g/2] >> (4 * (g % 2)) & 15
	high := binary.LittleEndian.Uint16(src[2:]) >> (2 * g) & 3
	return int(low) + int(high)<<4 - 32
}

func decodeIQ4_XS(dst []float32, src []byte) {
	expandTiles(dst, src, super, 136, 32, false, tileIQ4_XS)
}

func tileIQ4_XS(dst Tile, src []byte) {
	for n := 0; (n+1)*super <= len(dst.Code); n, src = n+1, src[136:] {
		kernel.NameNibbles(dst.Code[n*super:][:super], src[8:], 16, 16, &values4NL)
		dst.Scale[n] = halfAt(src)
		for g := range 8 {
			dst.Sub[8*n+g] = int16(scaleIQ4_XS(src, g))
		}
	}
	dst.clearMin()
}

// An xs4Block is a block of IQ4_XS unpacked.
type xs4Block struct {
	q     [super]uint8
	scale [8]int8 // -32…31
	d     uint16
}

func (b *xs4Block) put(dst []byte) {
	putHalf(dst, b.d)
	var high uint16
	for g, s := range b.scale {
		high |= uint16(uint8(s+32)>>4) << (2 * g)
	}
	binary.LittleEndian.PutUint16(dst[2:], high)
	for i := range 4 {
		dst[4+i] = uint8(b.scale[2*i]+32)&15 | uint8(b.scale[2*i+1]+32)<<4
	}
	for g := range 8 {
		putNibbles(dst[8+16*g:], (*[flat]uint8)(b.q[32*g:]))
	}
}

func ggmlIQ4_XS(dst []byte, src, importance []float32) {
	var b xs4Block
	for ; len(src) >= super; dst, src = dst[136:], src[super:] {
		b.ggml(src[:super], importance)
		if importance != nil {
			importance = importance[super:]
		}
		b.put(dst)
	}
}

// ggml is llama-quantize's choice. Codes are taken with the scale before it is rounded to a half.
func (b *xs4Block) ggml(x, importance []float32) {
	var w [super]float32
	var scales [8]float32
	weights4NL(w[:], x, importance)
	for g := range scales {
		scales[g] = ggml4NL(block(x[32*g:]), block(w[32*g:]))
	}
	d := -signedMax(scales[:]) / 32
	id := inverse(d)
	b.d = half(d)
	for g, s := range scales {
		l := min(max(nearestInt(float32(id*s)), -32), 31)
		b.scale[g] = int8(l)
		sums4NL((*[flat]uint8)(b.q[32*g:]), block(x[32*g:]), block(w[32*g:]), inverse(float32(d*float32(l))))
	}
}
