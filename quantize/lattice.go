package quantize

import (
	"slices"

	"quern/internal/kernel"
)

// A Lattice is what a method needs of a type to choose codes itself: the scales come from the type's encoder, as it leaves a block,
// and codes are put in afterwards, one weight after the other. Types whose weights share a code have none.
type Lattice struct {
	Levels []int8                        // the codes that Tile reports, ascending
	Recode func(dst []byte, code []int8) // puts other codes into encoded blocks; their scales stay
	scale  *storedHalf                   // that all scales of a block are multiples of, or nil
	min    *storedHalf                   // the same of its minima
}

// uniform is the lattice of a type with codes from low to high, kept as kernel says.
func uniform(codes *kernel.Codes, low, high, scale, min int) *Lattice {
	l := &Lattice{Recode: codes.Pack, scale: storedAt(scale), min: storedAt(min)}
	for v := low; v <= high; v++ {
		l.Levels = append(l.Levels, int8(v))
	}
	return l
}

// named is the lattice of a type whose nibbles name levels, 2·half of them in half bytes from at on, and again every stride bytes of
// a block.
func named(levels *[16]int8, block, bytes, at, half, stride, scale int) *Lattice {
	l := &Lattice{Levels: slices.Compact(slices.Sorted(slices.Values(levels[:]))), scale: storedAt(scale)}
	l.Recode = func(dst []byte, code []int8) {
		for ; len(code) >= block; dst, code = dst[bytes:], code[block:] {
			for n := 0; n < block; n += 2 * half {
				out := dst[at+n/(2*half)*stride:]
				for j := range half {
					out[j] = nameOf(levels, code[n+j]) | nameOf(levels, code[n+half+j])<<4
				}
			}
		}
	}
	return l
}

func nameOf(levels *[16]int8, v int8) uint8 { return uint8(slices.Index(levels[:], v)) }

// nearest is the level next to v, in steps of the scale; the lower one in the middle.
func (l *Lattice) nearest(v float32) int8 {
	low, high := l.Levels[0], l.Levels[len(l.Levels)-1]
	if int(high)-int(low) == len(l.Levels)-1 {
		switch {
		case !(v > float32(low)):
			return low
		case v >= float32(high):
			return high
		}
		return int8(float32(v+wholeFloat) - wholeFloat) // rounded to even
	}
	i := 0
	for i+1 < len(l.Levels) && 2*v > float32(int(l.Levels[i])+int(l.Levels[i+1])) {
		i++
	}
	return l.Levels[i]
}

// fewLattice is that of a type with a few levels in each byte.
func fewLattice(c *fewCoder) *Lattice {
	l := &Lattice{scale: storedAt(c.at)}
	for v := c.lowest; v <= c.highest; v++ {
		if v != 0 || !c.signs {
			l.Levels = append(l.Levels, v)
		}
	}
	l.Recode = func(dst []byte, code []int8) {
		for ; len(code) >= c.block; dst, code = dst[c.bytes:], code[c.block:] {
			c.put(dst, code[:c.block])
		}
	}
	return l
}
