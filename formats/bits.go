package formats

import "encoding/binary"

// A stream of codes packs them one after the other, the lowest bit first: code i is bits i·b … i·b+b−1. Cut into little-endian words of
// any size it has the same bytes, so this one rule reads GPTQ, compressed-tensors and MLX at every width.

// unpackBits reads len(dst) codes of b bits, b being 1 to 8.
func unpackBits(dst []uint8, src []byte, b int) {
	switch b {
	case 8:
		copy(dst, src)
		return
	case 4:
		n := len(dst) &^ 1
		for i := 0; i < n; i += 2 {
			v := src[i/2]
			dst[i], dst[i+1] = v&15, v>>4
		}
		if n < len(dst) {
			dst[n] = src[n/2] & 15
		}
		return
	}
	mask, acc, have, at := uint(1)<<b-1, uint(0), 0, 0
	for i := range dst {
		if have < b {
			acc |= uint(src[at]) << have
			have, at = have+8, at+1
		}
		dst[i] = uint8(acc & mask)
		acc, have = acc>>b, have-b
	}
}

// packBits is the inverse of unpackBits. Bits of dst beyond the last code become zero.
func packBits(dst []byte, src []uint8, b int) {
	acc, have, at := uint(0), 0, 0
	for _, q := range src {
		acc |= uint(q) << have
		for have += b; have >= 8; have -= 8 {
			dst[at] = byte(acc)
			acc, at = acc>>8, at+1
		}
	}
	if have > 0 {
		dst[at] = byte(acc)
		at++
	}
	clear(dst[at:])
}

// bitWords is the number of 32-bit words that n codes of b bits fill.
func bitWords(n, b int) int { return (n*b + 31) / 32 }

// putWord and word are little endian, as everything here.
func word(p []byte, i int) uint32       { return binary.LittleEndian.Uint32(p[4*i:]) }
func putWord(p []byte, i int, v uint32) { binary.LittleEndian.PutUint32(p[4*i:], v) }
