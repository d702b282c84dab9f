package quantize

import "encoding/binary"

// What the k-quants share: 256 weights in groups of 16 or 32, each group with a small integer scale, in some types an integer
// minimum too, and one or two halves that those are multiples of.

const (
	super    = 256 // weights in a super-block
	maxGroup = 32
	groups16 = super / 16
)

// A superBlock is a super-block unpacked. Codes run from 0; scales and minima are as they multiply d and dmin.
type superBlock struct {
	q [super]uint8
	superScales
}

// superScales are all of a super-block but its codes.
type superScales struct {
	scale   [groups16]int8
	min     [groups16]uint8
	d, dmin uint16
}

// putQuarters stores two-bit codes: byte l of a half holds elements l, l+32, l+64 and l+96.
func putQuarters(dst []byte, q *[super]uint8) {
	const low = 0x0303030303030303
	for h := 0; h < super; h += 128 {
		for l := 0; l < 32; l += 8 {
			a, b, c, d := eight(q[h+l:]), eight(q[h+l+32:]), eight(q[h+l+64:]), eight(q[h+l+96:])
			putEight(dst[h/4+l:], a&low|b&low<<2|c&low<<4|d&low<<6)
		}
	}
}

// eight are eight codes as one number, which their bits can be moved in together.
func eight(q []uint8) uint64            { return binary.LittleEndian.Uint64(q) }
func putEight(dst []byte, codes uint64) { binary.LittleEndian.PutUint64(dst, codes) }

func quarters(q *[super]uint8, src []byte) {
	for h := 0; h < super; h += 128 {
		for l := range 32 {
			b := src[h/4+l]
			q[h+l], q[h+l+32], q[h+l+64], q[h+l+96] = b&3, b>>2&3, b>>4&3, b>>6
		}
	}
}

// putHalves stores the low four bits of codes: 32 bytes hold 64 elements, the first 32 in the low nibbles.
func putHalves(dst []byte, q *[super]uint8) {
	const low = 0x0f0f0f0f0f0f0f0f
	for h := 0; h < super; h += 64 {
		for l := 0; l < 32; l += 8 {
			putEight(dst[h/2+l:], eight(q[h+l:])&low|eight(q[h+l+32:])&low<<4)
		}
	}
}

func halves(q *[super]uint8, src []byte) {
	for h := 0; h < super; h += 64 {
		for l := range 32 {
			b := src[h/2+l]
			q[h+l], q[h+l+32] = b&15, b>>4
		}
	}
}

// putSixes packs eight pairs of six-bit scale and minimum into 12 bytes: the first four whole, in the low bits of bytes 0…7;
// of the last four the low nibbles in bytes 8…11, the high two bits above the first eight.
func putSixes(dst []byte, b *superBlock) {
	for j := range 4 {
		s, m, s4, m4 := uint8(b.scale[j]), b.min[j], uint8(b.scale[j+4]), b.min[j+4]
		dst[j] = s | s4>>4<<6
		dst[j+4] = m | m4>>4<<6
		dst[j+8] = s4&15 | m4<<4
	}
}

func sixes(b *superScales, src []byte) {
	low, mid, high := binary.LittleEndian.Uint32(src), binary.LittleEndian.Uint32(src[4:]), binary.LittleEndian.Uint32(src[8:])
	scale := [2]uint32{low & 0x3f3f3f3f, high&0x0f0f0f0f | low>>2&0x30303030}
	min := [2]uint32{mid & 0x3f3f3f3f, high>>4&0x0f0f0f0f | mid>>2&0x30303030}
	for j := range 8 {
		b.scale[j], b.min[j] = int8(scale[j/4]>>(j%4*8)), uint8(min[j/4]>>(j%4*8))
	}
}

func halfBits(src []byte) uint16 { return uint16(src[0]) | uint16(src[1])<<8 }
