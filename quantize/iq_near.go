package quantize

import (
	"slices"

	"quern/internal/kernel"
)

// A nearList has, for every point of a codebook's grid, the members around it, nearest first, a member's own list beginning with itself.
type nearList struct {
	member []uint16 // kernel.GridNear of each point
	level  []uint16 // their levels, as kernels have them
	all    []uint16 // the levels of all members, up to a multiple of sixteen
}

// packed are the levels of a member: a nibble each, of eight dimensions two bits.
func (b *gridBook) packed(m uint16) (bits uint16) {
	for i, l := range b.level[m][:b.dims] {
		bits |= uint16(l) << (16 / b.dims * i)
	}
	return bits
}

// surroundings are the members that the default search looks at.
func (b *gridBook) surroundings() *nearList {
	b.look.Do(func() { b.wide = b.around() })
	return b.wide
}

func (b *gridBook) around() *nearList {
	b.ready()
	half := 1
	for range b.dims / 2 {
		half *= b.levels
	}
	apart := b.halvesApart(half)
	l := &nearList{}
	for m := range b.number {
		l.all = append(l.all, b.packed(uint16(m)))
	}
	packed := slices.Clone(l.all)
	for len(l.all)%16 != 0 {
		l.all = append(l.all, l.all[0])
	}
	// A member's distance above its place: the least of these words are the nearest, of equal ones the first.
	word := make([]uint32, len(b.number))
	for n := range b.member {
		low, high := apart[n%half*half:][:half], apart[n/half*half:][:half]
		for j, p := range b.number {
			word[j] = uint32(low[int(p)%half]+high[int(p)/half])<<16 | uint32(j)
		}
		for _, w := range least(word) {
			l.member, l.level = append(l.member, uint16(w)), append(l.level, packed[w&0xffff])
		}
	}
	return l
}

// least are the smallest words in ascending order.
func least(word []uint32) (out [kernel.GridNear]uint32) {
	for i := range out {
		out[i] = 1<<32 - 1
	}
	for _, w := range word {
		if w >= out[len(out)-1] {
			continue
		}
		i := len(out) - 1
		for ; i > 0 && out[i-1] > w; i-- {
			out[i] = out[i-1]
		}
		out[i] = w
	}
	return out
}

// turned are the turns that make members, or nil where there are so few of these that the best one is often not to be had by turns.
func (b *gridBook) turned() *kernel.GridTurns {
	if b.dims != 8 || len(b.ready().number) < 1000 {
		return nil
	}
	b.turn.Do(func() { b.ways = kernel.NewGridTurns(func(n int) bool { return b.member[n] >= 0 }) })
	return b.ways
}
