package quantize

import (
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
	Lattice: uniform(kernel.CodesQ8_0, -127, 127, 0, -1),
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
	p := plainRuns.Get().(*plainRun)
	defer plainRuns.Put(p)
	clear(p.low[:])
	for len(src) > 0 {
		x := src[:min(len(src), len(p.code))]
		n := len(x) / flat
		kernel.BlockExtremes(p.hi[:], p.lo[:], x)
		for i := range n {
			p.d[i] = max(p.hi[i], -p.lo[i]) / levels8
			p.factor[i] = inverse(p.d[i])
		}
		kernel.Aways(p.code[:], x, p.factor[:], p.low[:])
		for i := range n {
			if f := p.factor[i]; !(f <= math.MaxFloat32) {
				p.d[i] = alone8(p.code[i*flat:][:flat], block(x[i*flat:]))
			}
		}
		kernel.F32ToF16(p.halves[:], p.d[:])
		for i := range n {
			copy(dst, p.halves[2*i:2*i+2])
			copy(dst[2:34], p.code[i*flat:])
			dst = dst[34:]
		}
		src = src[len(x):]
	}
}

// alone8 takes a block that is not finite, or too small for an inverse.
func alone8(q []uint8, x *[flat]float32) (d float32) {
	d = magnitude(x) / levels8
	id := inverse(d)
	for j, v := range x {
		q[j] = byte(roundAway(float32(v * id)))
	}
	return d
}

// magnitude is the largest |x|, or something that is not finite when any x is not: as integers, NaN is above infinity.
func magnitude(x *[flat]float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	return math.Float32frombits(top)
}

// levels8 is the highest code; -128 is never used.
const levels8 = 127

// encodeQ8_0 keeps to codes -127…127 and plain squared error: at eight bits importance has nothing left to decide. The scale of
// ggml's block, as decoders read it, and one refitted to its codes by least squares are tried with the nearest codes, which
// lose no more than ggml's.
func encodeQ8_0(dst []byte, src, _ []float32) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	f := &b.flat
	*f = flatFit{src: b.calmed(src)}
	clear(b.low[:])
	for f.next(b) {
		b.SweepSym(flat, -levels8, levels8, false, toLevels8[:])
		first, next := &f.first.d, &f.other.d
		*first, *next = halfRow{}, halfRow{}
		for i, top := range b.Top() {
			if b.Scale[i] == 0 {
				continue // zeros
			}
			first[i], next[i] = max(top, -top)/levels8, max(b.Scale[i], -b.Scale[i])
		}
		first.round(&f.halves)
		next.round(&f.halves)
		b.AtScale, b.AtMin = *first, *next
		b.EitherSym(flat, -levels8, levels8, better)
		n := len(f.x) / flat
		for i, d := range b.Scale[:n] {
			b.factor[i] = factorOf(d, false)
		}
		kernel.Levels(b.code[:len(f.x)], f.x, b.factor[:], b.low[:], flat, -levels8, levels8, false)
		kernel.F32ToF16(f.halves[:], b.Scale[:])
		for i := range n {
			out, code := dst[i*34:][:34], b.code[i*flat:][:flat]
			out[0], out[1] = f.halves[2*i], f.halves[2*i+1]
			for j := 0; j < flat; j += 8 {
				putEight(out[2+j:], signed8(eight(code[j:])))
			}
		}
		dst = dst[n*34:]
	}
}

var toLevels8 = [1]float32{levels8}

// signed8 takes 127 from each of eight bytes, wrapping around: it adds 129 without letting one byte carry into the next.
func signed8(codes uint64) uint64 {
	const high, add = 0x8080808080808080, 0x8181818181818181
	return (codes&^high + add&^high) ^ (codes^add)&high
}
