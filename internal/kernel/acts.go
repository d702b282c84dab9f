package kernel

import (
	"math"
	"sync"
)

// nearest rounds to the nearest integer, halves to even; |x| < 128. Beyond that the result means nothing, but is the same in
// every body: the low byte of x + 1.5·2^23.
func nearest(x float32) int8 { return int8(math.Float32bits(x + 12582912)) }

// strip is the number of columns that are rounded together.
const strip = 256

// A roundingTile is the room for a strip of one tile, row by row.
type roundingTile struct {
	code  [RowTile * strip]int8
	scale [RowTile * strip / 16]float32
	sum   [RowTile * strip / 16]int32 // of sixteen codes, then of a group
	pair  [RowTile * strip / 16]int16 // the same
}

var roundingTiles = sync.Pool{New: func() any { return new(roundingTile) }}

// QuantizeQ8_0 stores m rows of activations as llama.cpp's Q8_0 does, as rows from on of a, a multiple of RowTile: 32 share a
// scale, amax/127 rounded to half precision; codes are x times the inverse of the scale before that rounding. A block that holds
// NaN has scale NaN. Where the blocks of a are of 16 columns, two have what 32 share.
func QuantizeQ8_0(a *ActsI8, x []float32, from, m int) {
	a.round(x, from, m, roundBlocks.best)
}

// QuantizeQ8_K stores activations as llama.cpp's Q8_K does: 256 share a float32 scale, and the value of the largest magnitude
// becomes -127. A block that holds NaN has scale NaN.
func QuantizeQ8_K(a *ActsI8, x []float32, from, m int) {
	a.round(x, from, m, func(code []int8, scale, src []float32) {
		top := extreme(src)
		inv := -127 / top
		switch {
		case top == 0:
			clear(code)
			scale[0] = 0
		case top != top:
			clear(code)
			scale[0] = top
		default:
			roundI8.best(code, src, inv)
			scale[0] = 1 / inv
		}
	})
}

// round fills tiles strip by strip; one sets the codes and the scales of a strip of one row.
func (a *ActsI8) round(x []float32, from, m int, one func(code []int8, scale, x []float32)) {
	t := roundingTiles.Get().(*roundingTile)
	defer roundingTiles.Put(t)
	for i := 0; i < m; i += RowTile {
		n := min(RowTile, m-i)
		for c := 0; c < a.K; c += strip {
			wide := min(strip, a.K-c)
			if n < RowTile {
				clear(t.code[n*strip:])
				clear(t.scale[n*strip/16:])
			}
			for r := range n {
				scale := t.scale[r*strip/16:][:strip/16]
				one(t.code[r*strip:][:wide], scale[:strip/32], x[(i+r)*a.K+c:][:wide])
				if a.Block == 16 {
					twice(scale)
				}
			}
			a.place((from+i)/RowTile, c, wide, t)
		}
	}
}

// twice makes two of each number of the first half.
func twice(s []float32) {
	for i := len(s) - 1; i > 0; i-- {
		s[i] = s[i/2]
	}
}

// place interleaves a strip of a tile.
func (a *ActsI8) place(tile, column, wide int, t *roundingTile) {
	sum16.best(t.sum[:], t.code[:])
	code := words(a.Code[(tile*a.K+column)*RowTile:])
	for r := 0; r < RowTile; r += 4 {
		interleave(code[r:], RowTile, words(t.code[r*strip:]), strip/4, wide/4)
	}
	scales := words(a.Scale[(tile*a.K+column)/a.Block*RowTile:])
	for r := 0; r < RowTile; r += 4 {
		interleave(scales[r:], RowTile, words(t.scale[r*strip/16:]), strip/16, wide/a.Block)
	}
	if per := a.Group / 16; per > 1 {
		for g := range RowTile * strip / a.Group {
			s := int32(0)
			for _, v := range t.sum[g*per:][:per] {
				s += v
			}
			t.sum[g] = s
		}
	}
	at, groups := (tile*a.K+column)/a.Group*RowTile, wide/a.Group
	if a.Block > a.Group {
		a.placePairs(at, groups, t)
		return
	}
	sums, starts := a.Sum[at:][:groups*RowTile], a.Start[at:][:groups*RowTile]
	for r := 0; r < RowTile; r += 4 {
		interleave(words(starts)[r:], RowTile, words(t.sum[r*strip/a.Group:]), strip/a.Group, groups)
	}
	for i, s := range starts {
		sums[i], starts[i] = float32(s), -128*s
	}
}

// placePairs interleaves the sums of groups, two together.
func (a *ActsI8) placePairs(at, groups int, t *roundingTile) {
	for i, s := range t.sum[:RowTile*strip/a.Group] {
		t.pair[i] = int16(s)
	}
	pairs := words(a.Pair[at:])
	for r := 0; r < RowTile; r += 4 {
		interleave(pairs[r:], RowTile, words(t.pair[r*strip/a.Group:]), strip/a.Group/2, groups/2)
	}
}

var roundBlocks = portable(roundBlocksPortable)

// roundBlocksPortable rounds blocks of 32.
func roundBlocksPortable(code []int8, scale, x []float32) {
	for b := 0; b < len(x); b += 32 {
		src := x[b : b+32]
		hi, lo := extremesPortable(src)
		amax := max(hi, -lo)
		inv := float32(0)
		if amax > 0 {
			inv = 127 / amax
		}
		roundI8Portable(code[b:b+32], src, inv)
		scale[b/32] = F16Value(F16(amax / 127))
	}
}

// extreme is the first of the values with the largest magnitude, NaN if there is one.
func extreme(x []float32) float32 {
	hi, lo := extremes.best(x)
	switch {
	case hi != hi:
		return hi
	case hi > -lo:
		return hi
	case hi < -lo:
		return lo
	}
	for _, v := range x {
		if v == hi || v == lo {
			return v
		}
	}
	return 0
}

var roundI8 = portable(roundI8Portable)

// roundI8Portable sets code[i] to x[i]*f, rounded to nearest even; products stay within ±127. len(x) is a multiple of 32.
func roundI8Portable(code []int8, x []float32, f float32) {
	for i, v := range x {
		code[i] = nearest(float32(v * f)) // not to be fused with the sum in nearest
	}
}

var sum16 = portable(sum16Portable)

// sum16Portable adds 16 codes each; there is a multiple of 32.
func sum16Portable(sum []int32, code []int8) {
	for g := range len(code) / 16 {
		s := int32(0)
		for _, c := range code[16*g : 16*g+16] {
			s += int32(c)
		}
		sum[g] = s
	}
}
