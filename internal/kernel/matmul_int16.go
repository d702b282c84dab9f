package kernel

import (
	"math"
	"unsafe"
)

// GroupI16 is the number of columns that share a scale in the product of 16-bit codes, topI16 the greatest code.
const (
	GroupI16 = 64
	topI16   = 1<<15 - 1
)

// The codes of a group are no longer, as a vector, than the root of lengthI16, so that a product of two groups stays within 32 bits (Cauchy and Schwarz).
const lengthI16 = 1<<31 - 1<<18

// wordsI16 is the number of words of a group, which hold two codes each, the first one below.
const wordsI16 = GroupI16 / 2

// GroupsI16 is the number of groups of k columns, the last of which may be part of one.
func GroupsI16(k int) int { return (k + GroupI16 - 1) / GroupI16 }

// An I16 is rows as the product of codes wants them.
type I16 struct {
	Code  []uint32
	Scale []float32
}

// Reset makes room for rows of k columns, reusing the memory.
func (x *I16) Reset(rows, k int) {
	x.Code = grown(x.Code, rows*GroupsI16(k)*wordsI16)
	x.Scale = grown(x.Scale, rows*GroupsI16(k))
}

// RoundF32 codes one of the rows that there is room for. A group has the least power of two for a scale with which its codes, nearest even, keep to
// topI16 and lengthI16. A group with a number that is not finite has codes of zero and a scale that is NaN. The columns that are missing in the last
// group are zero.
func (x *I16) RoundF32(i int, row []float32) {
	k := len(row)
	code, scale, whole := x.row(i, k)
	if whole > 0 {
		codeI16.best(code, scale[:whole], row)
	}
	if whole*GroupI16 < k {
		var rest [GroupI16]float32
		copy(rest[:], row[whole*GroupI16:])
		codeI16.best(code[whole*wordsI16:], scale[whole:], rest[:])
	}
}

// RoundF16 does the same with half precision as it is stored.
func (x *I16) RoundF16(i int, row []byte) { x.roundHalf(i, row, codeF16.best, F16ToF32) }

// RoundBF16 does the same with bfloat16.
func (x *I16) RoundBF16(i int, row []byte) { x.roundHalf(i, row, codeBF16.best, BF16ToF32) }

func (x *I16) roundHalf(i int, row []byte, round func(code []uint32, scale []float32, x []byte), decode func(dst []float32, src []byte)) {
	k := len(row) / 2
	code, scale, whole := x.row(i, k)
	if whole > 0 {
		round(code, scale[:whole], row)
	}
	if whole*GroupI16 < k {
		var rest [GroupI16]float32
		decode(rest[:k-whole*GroupI16], row[2*whole*GroupI16:])
		codeI16.best(code[whole*wordsI16:], scale[whole:], rest[:])
	}
}

// row is the place of a row of k columns, and how many of its groups are whole.
func (x *I16) row(i, k int) (code []uint32, scale []float32, whole int) {
	groups := GroupsI16(k)
	return x.Code[i*groups*wordsI16:][:groups*wordsI16], x.Scale[i*groups:][:groups], k / GroupI16
}

// codeI16 codes as many groups of numbers as there are scales, codeF16 and codeBF16 such of 16 bits.
var (
	codeI16  = portable(codeI16Portable)
	codeF16  = portable(codeHalf(F16ToF32))
	codeBF16 = portable(codeHalf(BF16ToF32))
)

func codeI16Portable(code []uint32, scale, x []float32) {
	for g := range scale {
		scale[g] = codeGroup(code[g*wordsI16:][:wordsI16], x[g*GroupI16:][:GroupI16])
	}
}

func codeHalf(decode func(dst []float32, src []byte)) func(code []uint32, scale []float32, x []byte) {
	return func(code []uint32, scale []float32, x []byte) {
		var group [GroupI16]float32
		for g := range scale {
			decode(group[:], x[2*g*GroupI16:][:2*GroupI16])
			scale[g] = codeGroup(code[g*wordsI16:][:wordsI16], group[:])
		}
	}
}

// codeGroup codes a group and returns its scale.
func codeGroup(words []uint32, x []float32) float32 {
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&^(1<<31))
	}
	// The exponent that the greatest magnitude has once it is rounded to 15 bits; the scale and its inverse must be normal numbers.
	e := max((most+1<<8)>>23, 15)
	if e >= 255 {
		clear(words)
		return math.Float32frombits(nanI16)
	}
	inverse := math.Float32frombits((268 - e) << 23) // with which the greatest code has 15 bits
	var y [GroupI16]float32
	for i, v := range x {
		y[i] = v * inverse
	}
	// Half a power of two less for each bit that the length takes; what rounding adds to it is less than the sum of squares is made larger.
	shift := uint32(max(0, (int32((math.Float32bits(squaresI16(&y))+1<<12)>>23)-156)>>1))
	by := math.Float32frombits((127 - shift) << 23)
	for i := range words {
		words[i] = uint32(roundI16(float32(y[2*i]*by)))&0xffff | uint32(roundI16(float32(y[2*i+1]*by)))<<16
	}
	return math.Float32frombits((e - 14 + shift) << 23)
}

// squaresI16 sums squares: in eight lanes, pairs of them and pairs of these, and then the lanes, those half as many apart first.
func squaresI16(y *[GroupI16]float32) float32 {
	var s [GroupI16]float32
	for i, v := range y {
		s[i] = float32(v * v)
	}
	for _, step := range []int{8, 16, 32} {
		for at := 0; at < GroupI16; at += 2 * step {
			for l := range 8 {
				s[at+l] += s[at+step+l]
			}
		}
	}
	for step := 4; step > 0; step /= 2 {
		for l := range step {
			s[l] += s[l+step]
		}
	}
	return s[0]
}

// nanI16 are the bits of the scale of a group that has a number which is not finite.
const nanI16 = 0x7fc00000

// roundI16 rounds to the nearest integer, even ones in the middle; x is within 16 bits.
func roundI16(x float32) int32 {
	const magic = 3 << 22 // adding it leaves no room for a fraction
	return int32(x + magic - magic)
}

// Tile interleaves m coded rows as rows from on of x, whose tiles hold rows of k columns; from is a multiple of RowTile.
func (x *I16) Tile(rows *I16, from, m, k int) {
	groups := GroupsI16(k)
	PackTiles(x.Code, rows.Code, groups*wordsI16, from, m, groups*wordsI16)
	PackTiles(x.Scale, rows.Scale, groups, from, m, groups)
}

// Panel is the panel of outputs at the given place, of many, each of k columns.
func (x *I16) Panel(at, k int) I16 {
	groups := GroupsI16(k)
	return I16{x.Code[at*groups*wordsI16*Lanes:][:groups*wordsI16*Lanes], x.Scale[at*groups*Lanes:][:groups*Lanes]}
}

// floats sees words as numbers.
func floats(s []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// Pack makes a panel of n ≤ Lanes coded rows of k columns.
func (x I16) Pack(rows *I16, n, k int) {
	groups := GroupsI16(k)
	PackF32(floats(x.Code), floats(rows.Code), n, groups*wordsI16) // moves words, whatever they hold
	PackF32(x.Scale, rows.Scale, n, groups)
}

var matMulI16 = portable(matMulI16Portable)

// MatMulI16 multiplies m rows of tiles of codes, beginning with row from, a multiple of RowTile, by a panel of 32 outputs, both of the given number
// of groups. The integer product of a group is exact; acc = fma(float32(product)·panel scale, tile scale, acc). Only the given groups are multiplied;
// from group 0 on acc begins with zero, else with dst.
//
// x.Code is [tiles][groups·16][RowTile], x.Scale [tiles][groups][RowTile]; those of the panel are [groups·16][Lanes] and [groups][Lanes].
func MatMulI16(dst []float32, ldd int, x *I16, from, m int, panel I16, groups, group, n int) {
	if m == 0 || n == 0 {
		return
	}
	_, _, _, _ = dst[(m-1)*ldd+Lanes-1], x.Scale[(from+m)*groups-1], panel.Code[groups*wordsI16*Lanes-1], panel.Scale[groups*Lanes-1]
	matMulI16.best(dst, ldd, x, from, m, panel, groups, group, n)
}

func matMulI16Portable(dst []float32, ldd int, x *I16, from, m int, panel I16, groups, group, n int) {
	for i := range m {
		out := dst[i*ldd:][:Lanes]
		if group == 0 {
			clear(out)
		}
		at := (from+i)/RowTile*RowTile*groups + (from+i)%RowTile
		for g := group; g < group+n; g++ {
			var sum [Lanes]int32
			for p := g * wordsI16; p < (g+1)*wordsI16; p++ {
				a := x.Code[(from+i)/RowTile*RowTile*groups*wordsI16+p*RowTile+(from+i)%RowTile]
				for j, w := range panel.Code[p*Lanes:][:Lanes] {
					sum[j] += int32(int16(a))*int32(int16(w)) + int32(a)>>16*(int32(w)>>16)
				}
			}
			scale := x.Scale[at+g*RowTile]
			for j, s := range panel.Scale[g*Lanes:][:Lanes] {
				out[j] = fma(float32(sum[j])*s, scale, out[j])
			}
		}
	}
}

// A mulI16 multiplies up to a fixed number of rows of one tile by a fixed number of the panel's outputs. ldd is in bytes; more is 1 where results
// are added to dst.
type mulI16 func(dst *float32, ldd uintptr, x *uint32, xscale *float32, panel *uint32, pscale *float32, m, groups, more uintptr)

// int16Of makes a body of MatMulI16 from an assembly function for rows × lanes outputs; rows divides RowTile.
func int16Of(mul mulI16, rows, lanes int) func(dst []float32, ldd int, x *I16, from, m int, panel I16, groups, group, n int) {
	return func(dst []float32, ldd int, x *I16, from, m int, panel I16, groups, group, n int) {
		more := uintptr(min(group, 1))
		for j := 0; j < Lanes; j += lanes {
			code, scale := &panel.Code[group*wordsI16*Lanes+j], &panel.Scale[group*Lanes+j]
			for i := 0; i < m; i += rows {
				tile, row := (from+i)/RowTile, (from+i)%RowTile
				at := (tile*groups + group) * RowTile
				mul(&dst[i*ldd+j], uintptr(4*ldd), &x.Code[at*wordsI16+row], &x.Scale[at+row], code, scale, uintptr(min(rows, m-i)), uintptr(n), more)
			}
		}
	}
}
