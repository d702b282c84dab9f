package quantize

import (
	"encoding/binary"
	"quern/internal/kernel"
)

// What the flat types share: blocks of 32 codes, one or two halves before them, the fifth bits in a word between.

const flat = 32

// putNibbles stores the low four bits: element j and j+16 share byte j.
func putNibbles(dst []byte, q *[flat]uint8) {
	const low = 0x0f0f0f0f0f0f0f0f
	for j := 0; j < flat/2; j += 8 {
		putEight(dst[j:], eight(q[j:])&low|eight(q[j+flat/2:])&low<<4)
	}
}

func nibbles(q *[flat]uint8, src []byte) {
	src = src[:flat/2]
	for j, b := range src {
		q[j], q[j+flat/2] = b&15, b>>4
	}
}

// putFives stores five-bit codes: bit j of the word is the fifth bit of element j, then the nibbles.
func putFives(dst []byte, q *[flat]uint8) {
	var high uint32
	for j := 0; j < flat; j += 8 { // the product brings the lowest bits of eight bytes together in the highest byte
		high |= uint32(eight(q[j:])>>4&0x0101010101010101*0x0102040810204080>>56) << j
	}
	binary.LittleEndian.PutUint32(dst, high)
	putNibbles(dst[4:], q)
}

func putHalf(dst []byte, h uint16)     { binary.LittleEndian.PutUint16(dst, h) }
func halfAt(src []byte) float32        { return halfValue(binary.LittleEndian.Uint16(src)) }
func block(x []float32) *[flat]float32 { return (*[flat]float32)(x) }

// A flatEffort is what a search looks at.
type flatEffort struct {
	refits      int       // after the sweep
	plain, wide []float32 // the sweep without importance, and with it: the largest weight may be the least important
}

// A flatCoder says where a flat type keeps its codes. Codes run from 0 to 2·zero-1; symmetric types mean code-zero.
type flatCoder struct {
	zero    int
	sweep   []float32     // llama-quantize's, with importance
	efforts [3]flatEffort // of the default search: what efforts 1, 2 and 3 look at
	bytes   int
	at      int // where the codes begin
	codes   *kernel.Codes
	put     func(dst []byte, q *[flat]uint8)
	whole   func(dst []byte, src []float32) bool // llama-quantize's blocks without importance in one go, or false; nil where nothing can
}

// The scales that the default search looks at with importance: the largest weight may be the least important. Levels of Q4_0 reach so much further
// below zero than above that either sign counts, the one that takes it below zero twice as much.
var (
	wide4_0 = []float32{-8, 7.9, -7.78, -7.56, -7.34, -7.1, -6.8, -6.4, -5.8, 7.2, 6.3, -8.22, -8.45, -8.75, -9.2, -9.9, -10.9, 8.7, 10}
	wide5_0 = []float32{-16, -15.6, -15.2, -14.8, -14.4, -14, -13.6, -13.2, -12.8, -12.4, -12, -11.4, -16.3, -16.6, -17, -17.4, -17.9, -18.5, -19.2, -20}
)

var (
	coder4_0 = flatCoder{zero: 8, sweep: sweepSym(8, 0.1), efforts: [3]flatEffort{
		{1, bothSigns(8, -1, 1, 0.5), wide4_0},
		{2, bothSigns(8, -2, 3, 0.2), bothSigns(8, -4, 6, 0.25)},
		{4, bothSigns(8, -4, 6, 0.05), bothSigns(8, -6, 9, 0.05)},
	}, bytes: 18, at: 2, codes: kernel.CodesQ4_0, put: putNibbles, whole: kernel.Blocks4Ggml}
	coder4_1 = flatCoder{zero: 8, sweep: sweepMin(-0.9, 0.05, 36, 15), efforts: [3]flatEffort{
		{1, sweepMin(-1.4, 0.2, 11, 15), sweepMin(-4, 0.6, 11, 15)},
		{2, sweepMin(-2, 0.1, 40, 15), sweepMin(-4, 0.2, 35, 15)},
		{4, sweepMin(-2, 0.05, 80, 15), sweepMin(-6, 0.05, 180, 15)},
	}, bytes: 20, at: 4, codes: kernel.CodesQ4_1, put: putNibbles}
	coder5_0 = flatCoder{zero: 16, sweep: sweepSym(16, 0.1), efforts: [3]flatEffort{
		{1, bothSignsOf(16, 15.4, 14.8, 14.2, 16.6), wide5_0},
		{2, bothSigns(16, -2, 3, 0.2), bothSigns(16, -4, 6, 0.25)},
		{4, bothSigns(16, -4, 6, 0.05), bothSigns(16, -6, 9, 0.05)},
	}, bytes: 22, at: 2, codes: kernel.CodesQ5_0, put: putFives}
	coder5_1 = flatCoder{zero: 16, sweep: sweepMin(-0.9, 0.05, 36, 31), efforts: [3]flatEffort{
		{1, sweepMin(-1.4, 0.2, 11, 31), sweepMin(-4, 0.6, 11, 31)},
		{2, sweepMin(-2, 0.1, 40, 31), sweepMin(-4, 0.2, 35, 31)},
		{4, sweepMin(-2, 0.05, 80, 31), sweepMin(-6, 0.05, 180, 31)},
	}, bytes: 24, at: 4, codes: kernel.CodesQ5_1, put: putFives}
)

// cut is C's conversion of a float to a small integer on x86: towards zero, and 0 where the float does not fit an int.
func cut(x float32) uint8 {
	if !(x > -0x1p31 && x < 0x1p31) {
		return 0
	}
	return uint8(int32(x))
}

// roundAway is C's roundf followed by cut.
func roundAway(x float32) int8 {
	if !(x > -0x1p22 && x < 0x1p22) {
		return 0
	}
	i := int32(x)
	switch rest := x - float32(i); {
	case rest >= 0.5:
		i++
	case rest <= -0.5:
		i--
	}
	return int8(i)
}

func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}
