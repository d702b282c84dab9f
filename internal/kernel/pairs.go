package kernel

import (
	"math"
	"unsafe"
)

// tinyBF16 are the bits of the least magnitude that a factor of the bfloat16 product has; what is smaller counts as zero. Products and their
// sums are then zero or normal numbers, so that instructions which take subnormal numbers for zero compute the same.
const tinyBF16 = 71 << 23 // 2^-56

// PairBF16 rounds x to bfloat16 and puts neighbours into one word, the first one above, zero beside the last of an odd number;
// magnitudes below 2^-56 become zero. len(dst) is (len(x)+1)/2.
func PairBF16(dst []uint32, x []float32) { pairBF16.best(dst[:(len(x)+1)/2], x) }

var pairBF16 = portable(pairBF16Portable)

func pairBF16Portable(dst []uint32, x []float32) {
	for i := range dst {
		w := bf16Factor(x[2*i])
		if 2*i+1 < len(x) {
			w |= bf16Factor(x[2*i+1]) >> 16
		}
		dst[i] = w
	}
}

// bf16Factor is x as the upper half of a word.
func bf16Factor(x float32) uint32 {
	b := uint32(BF16(x)) << 16
	if b&0x7fffffff < tinyBF16 {
		return 0
	}
	return b
}

// PackPairs makes a panel of n ≤ Lanes rows of k pairs, as PackF32 does of numbers.
func PackPairs(panel, w []uint32, n, k int) { PackF32(floats(panel), floats(w), n, k) }

// floats sees words as numbers, whose values do not matter.
func floats(s []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

var matMulPairs = portable(matMulPairsPortable)

// MatMulPairs multiplies m rows of tiles of pairs, beginning with row from, a multiple of RowTile, by a panel of 32 outputs for k pairs of
// weights, as MatMulTiles does for single numbers: the fused sums are those of the numbers in ascending order.
func MatMulPairs(dst []float32, ldd int, tiles []uint32, from, m int, panel []uint32, k, column, columns int) {
	if m == 0 || columns == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+Lanes-1], panel[k*Lanes-1]
	matMulPairs.best(dst, ldd, tiles[from*k:][:(m+RowTile-1)/RowTile*RowTile*k], m, panel, k, column, columns)
}

func matMulPairsPortable(dst []float32, ldd int, tiles []uint32, m int, panel []uint32, k, column, columns int) {
	for i := range m {
		out := dst[i*ldd:][:Lanes]
		if column == 0 {
			clear(out)
		}
		x := tiles[i/RowTile*RowTile*k+i%RowTile:]
		for p := column; p < column+columns; p++ {
			first, second := unpair(x[p*RowTile])
			for j, pair := range panel[p*Lanes:][:Lanes] {
				w0, w1 := unpair(pair)
				out[j] = fma(second, w1, fma(first, w0, out[j]))
			}
		}
	}
}

func unpair(w uint32) (first, second float32) {
	return math.Float32frombits(w & 0xffff0000), math.Float32frombits(w << 16)
}

// pairsOf makes a body of MatMulPairs from an assembly function for rows × lanes outputs; rows divides RowTile.
func pairsOf(mul mulPair, rows, lanes int) func(dst []float32, ldd int, tiles []uint32, m int, panel []uint32, k, column, columns int) {
	return func(dst []float32, ldd int, tiles []uint32, m int, panel []uint32, k, column, columns int) {
		more := uintptr(min(column, 1))
		for i := 0; i < m; i += rows {
			x := &tiles[(i/RowTile*k+column)*RowTile+i%RowTile]
			for j := 0; j < Lanes; j += lanes {
				mul(&dst[i*ldd+j], uintptr(4*ldd), x, &panel[column*Lanes+j], uintptr(min(rows, m-i)), uintptr(columns), more)
			}
		}
	}
}

// A mulPair multiplies pairs as a mulTile multiplies numbers.
type mulPair func(dst *float32, ldd uintptr, x, panel *uint32, m, k, more uintptr)
