package quantize

import (
	"encoding/binary"
	"math"
)

// The types of ik_llama.cpp that quern reads. Codes name levels that lie unevenly, of two sets for each group; groups have integer
// scales, and a half in each block or a number before each row says what those are multiples of.

// An ikBlock is 256 weights unpacked.
type ikBlock struct {
	q     [super]uint8
	scale [groups16]int16
	set   [groups16]uint8 // 1 where the second set of levels is meant
	d     float32
}

type ikCoder struct {
	group, bytes int
	values       []float32 // of both sets
	row          int       // bytes before the blocks of a row: its d as a half or a float32
	take         func(b *ikBlock, src []byte)
}

// decode reads one row where something stands before its blocks, else any number of blocks.
func (c *ikCoder) decode(dst []float32, src []byte) {
	var b ikBlock
	switch c.row {
	case 2:
		b.d = halfAt(src)
	case 4:
		b.d = math.Float32frombits(binary.LittleEndian.Uint32(src))
	}
	n := len(c.values) / 2
	for src = src[c.row:]; len(dst) >= super; dst, src = dst[super:], src[c.bytes:] {
		c.take(&b, src)
		for g := range super / c.group {
			s := float32(b.d * float32(b.scale[g]))
			values := c.values[n*int(b.set[g]):][:n]
			for i := g * c.group; i < (g+1)*c.group; i++ {
				dst[i] = s * values[b.q[i]]
			}
		}
	}
}

// floats makes levels of both sets: those given, and those moved by so much.
func floats(values []int8, move int8) (out []float32) {
	for _, v := range values {
		out = append(out, float32(v))
	}
	for _, v := range values {
		out = append(out, float32(v+move))
	}
	return out
}

var (
	valuesIK2 = floats([]int8{-31, -13, 1, 17}, 5)
	valuesIK3 = floats([]int8{-63, -40, -23, -10, 1, 13, 28, 47}, 4)
	valuesIK4 = floats(values4NL[:], 4)
	valuesIK5 = floats([]int8{-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6,
		-1, 5, 11, 17, 23, 29, 36, 43, 51, 59, 68, 77, 87, 97, 109, 121}, 2)
	valuesIK6 = func() []float32 {
		out := make([]float32, 128)
		fused := func(q, sum, add float32) float32 { return float32(float64(q)*float64(sum) + float64(add)) }
		for i := range 64 { // a cubic, and one more
			q := float32(i)
			out[i] = fused(q, fused(q, fused(q, 0.0011972, -0.11218), 6.2568), -127)
			out[i+64] = out[i] + 1
		}
		return out
	}()
)

// sets takes a bit for each of 16 groups.
func (b *ikBlock) sets(bits uint16) {
	for g := range b.set {
		b.set[g] = uint8(bits >> g & 1)
	}
}

// higher adds a bit to every code, bit h of byte l for element 32·h+l, above those that are there.
func (b *ikBlock) higher(src []byte, bit int) {
	for h := range 8 {
		for l := range 32 {
			b.q[32*h+l] |= src[l] >> h & 1 << bit
		}
	}
}
