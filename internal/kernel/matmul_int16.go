package kernel

import (
	"math"
	"unsafe"
)

// GroupI16 is the number of columns that share a scale in the product of 14-bit codes, and topI16 the greatest code: 32 products of two codes
// stay within 32 bits.
const (
	GroupI16 = 32
	topI16   = 8191
)

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

// Round codes n rows of k numbers.
func (x *I16) Round(rows []float32, n, k int) {
	x.Reset(n, k)
	for i := range n {
		x.RoundRow(i, rows[i*k:][:k])
	}
}

// RoundRow codes one of the rows that there is room for: each group has the least power of two for a scale that keeps its codes, nearest even, within
// 13 bits and a sign. A group with a number that is not finite has codes of zero and a scale that is NaN. The columns that are missing in the last
// group are zero.
func (x *I16) RoundRow(i int, row []float32) {
	groups, whole := GroupsI16(len(row)), len(row)/GroupI16
	code, scale := x.Code[i*groups*wordsI16:], x.Scale[i*groups:]
	if whole > 0 {
		codeI16.best(code[:whole*wordsI16], scale[:whole], row[:whole*GroupI16])
	}
	if whole < groups {
		var rest [GroupI16]float32
		copy(rest[:], row[whole*GroupI16:])
		codeI16.best(code[whole*wordsI16:][:wordsI16], scale[whole:][:1], rest[:])
	}
}

var codeI16 = portable(codeI16Portable)

func codeI16Portable(code []uint32, scale, x []float32) {
	for g := range scale {
		x := x[g*GroupI16:][:GroupI16]
		var most uint32
		for _, v := range x {
			most = max(most, math.Float32bits(v)&^(1<<31))
		}
		// The exponent that the greatest magnitude has once it is rounded to 13 bits; the scale and its inverse must be normal numbers.
		e := max((most+1<<10)>>23, 13)
		s, inverse := math.Float32frombits((e-12)<<23), math.Float32frombits((266-e)<<23)
		words := code[g*wordsI16:][:wordsI16]
		if e >= 255 {
			s = math.Float32frombits(nanI16)
			clear(words)
		} else {
			for i := range words {
				words[i] = uint32(roundI16(float32(x[2*i]*inverse)))&0xffff | uint32(roundI16(float32(x[2*i+1]*inverse)))<<16
			}
		}
		scale[g] = s
	}
}

// nanI16 are the bits of the scale of a group that has a number which is not finite.
const nanI16 = 0x7fc00000

// roundI16 rounds to the nearest integer, even ones in the middle; x is within 14 bits.
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
