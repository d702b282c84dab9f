package kernel

import (
	"encoding/binary"
	"math"
)

// Blocks8 and its relative write whole blocks of Q8_0: 32 weights each, 34 bytes: a half and 32 signed codes. Nothing is stored in between, and the
// sums of a block have eight parts, added in one order everywhere.

// blocks8 bodies take a multiple of 32 weights.
type blocks8Body func(dst []byte, src []float32) uint32

var (
	blocks8     = portable(blocks8Body(blocks8Portable))
	blocks8Ggml = portable(blocks8Body(blocks8GgmlPortable))
)

const (
	block8, bytes8 = 32, 34
	most8          = 127
	tiny8          = 1e-15 // below it a block is zeros
	mostHalf       = 65504
)

// Blocks8 takes for each block the half that suits the codes best that take the largest magnitude to 127, and then the codes that are nearest,
// which lose no more than those with the half of the largest magnitude. It returns the largest magnitude of all weights; where that is
// more than 1e9 or not a number, blocks are nonsense.
func Blocks8(dst []byte, src []float32) (top float32) {
	return math.Float32frombits(blocks8.best(dst, src))
}

// Blocks8Ggml writes llama-quantize's blocks: the largest magnitude becomes 127, and halves are rounded away from zero. False if there
// were weights that are not finite, or a block too small for its scale to have an inverse.
func Blocks8Ggml(dst []byte, src []float32) bool { return blocks8Ggml.best(dst, src) == 0 }

func blocks8Portable(dst []byte, src []float32) (top uint32) {
	for ; len(src) >= block8; dst, src = dst[bytes8:], src[block8:] {
		x := src[:block8]
		most := most8Bits(x)
		top = max(top, most)
		inv := float32(0)
		if m := math.Float32frombits(most); m >= tiny8 {
			inv = most8 / m
		}
		lx, l2 := sums8(x, inv)
		d := lx / l2
		if !(d > 0) {
			d = 0
		}
		h := F16(min(d, mostHalf))
		binary.LittleEndian.PutUint16(dst, h)
		inv = 0
		if d = F16Value(h); d > 0 {
			inv = 1 / d
		}
		for e, v := range x {
			dst[2+e] = byte(int8(level(float32(v*inv), -most8, most8)))
		}
	}
	return top
}

// most8Bits are the bits of the largest magnitude, of something that is not finite where there is one.
func most8Bits(x []float32) (most uint32) {
	for _, v := range x {
		most = max(most, math.Float32bits(v)&0x7fffffff)
	}
	return most
}

// sums8 adds Σxq and Σq² for the codes q that an inverse scale gives.
func sums8(x []float32, inv float32) (lx, l2 float32) {
	var xq, qq [8]float32
	for e, v := range x {
		q, lane := fma(v, inv, levelZero)-levelZero, e%8
		xq[lane], qq[lane] = fma(q, v, xq[lane]), fma(q, q, qq[lane])
	}
	return fold8(&xq), fold8(&qq)
}

func fold8(p *[8]float32) float32 {
	return ((p[0] + p[4]) + (p[1] + p[5])) + ((p[2] + p[6]) + (p[3] + p[7]))
}

func blocks8GgmlPortable(dst []byte, src []float32) (bad uint32) {
	for ; len(src) >= block8; dst, src = dst[bytes8:], src[block8:] {
		x := src[:block8]
		most := most8Bits(x)
		d := math.Float32frombits(most) / most8
		inv := 1 / d
		switch {
		case most == 0:
			inv = 0
		case most >= 0x7f800000 || inv > math.MaxFloat32:
			bad = 1
			continue
		}
		binary.LittleEndian.PutUint16(dst, F16(d))
		for e, v := range x {
			t := float32(v * inv)
			dst[2+e] = byte(int8(t + float32(math.Copysign(0x1.fffffep-2, float64(t)))))
		}
	}
	return bad
}
