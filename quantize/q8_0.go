package quantize

import (
	"encoding/binary"
	"math"

	"quern/internal/kernel"
)

// Q8_0 is ggml's block_q8_0: d f16, 32 signed bytes; the value is q·d.
var Q8_0 = register(Type{
	Name: "Q8_0", ID: 8, Block: flat, Bytes: 34,
	Decode:  decodeQ8_0,
	Encode:  encodeQ8_0,
	Ggml:    ggmlQ8_0,
	Tile:    tileQ8_0,
	Group:   flat,
	Acts:    ActsQ8_0,
	MaxRMSE: 0.0055,
})

func decodeQ8_0(dst []float32, src []byte) { expandTiles(dst, src, flat, 34, flat, false, tileQ8_0) }

func tileQ8_0(dst Tile, src []byte) {
	kernel.CodesQ8_0.Unpack(dst.Code, src)
	kernel.HalvesEvery(dst.Scale, src, 34)
	clear(dst.Min)
}

// ggmlQ8_0 ignores importance, and divides by the scale before it is rounded to a half.
func ggmlQ8_0(dst []byte, src, _ []float32) {
	for ; len(src) >= flat; dst, src = dst[34:], src[flat:] {
		d := magnitude(block(src)) / 127
		putHalf(dst, half(d))
		id := inverse(d)
		for j, v := range src[:flat] {
			dst[2+j] = byte(roundAway(float32(v * id)))
		}
	}
}

// magnitude is the largest |x|, or something that is not finite when any x is not: as integers, NaN is above infinity.
func magnitude(x *[flat]float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(top)
}

// encodeQ8_0 keeps to codes -127…127 and plain squared error: at eight bits importance has nothing left to decide. It
// rounds with the scale as decoders read it, refits the scale by least squares and takes the best of that and ggml's block.
func encodeQ8_0(dst []byte, src, _ []float32) {
	var f wide
	var q [flat]int8
	for r := flatRowOf(src, nil); r.next(); dst = dst[34:] {
		amax := f.load(&r)
		ggmlQ8_0(dst, r.x, nil)
		if amax == 0 {
			continue
		}
		best := f.loss8(dst)
		h := smallHalf(amax / 127)
		for range 2 {
			next := f.round8(&q, h)
			if loss := f.lossCodes(&q, h); !(best <= loss) {
				best = loss
				putHalf(dst, h)
				for j, c := range q {
					dst[2+j] = byte(c)
				}
			}
			h = next
		}
	}
}

func (f *wide) loss8(src []byte) float64 {
	var q [flat]int8
	for j, c := range src[2:34] {
		q[j] = int8(c)
	}
	return f.lossCodes(&q, binary.LittleEndian.Uint16(src))
}

func (f *wide) lossCodes(q *[flat]int8, h uint16) (sum float64) {
	d := float64(halfValue(h))
	for j, x := range f.x {
		e := x - float64(float64(q[j])*d)
		sum += float64(e * e)
	}
	return sum
}

// round8 takes codes with scale h and returns the scale that suits them best.
func (f *wide) round8(q *[flat]int8, h uint16) uint16 {
	s := 1 / float64(halfValue(h))
	var lx, l2 float64
	for j, x := range f.x {
		k := min(max(nearest(float64(x*s)), -127), 127)
		q[j] = int8(k)
		lx += float64(k * x)
		l2 += float64(k * k)
	}
	return smallHalf(lx / l2)
}
