package quantize

// What the default search needs of a codebook beside its members. What a member adds to a sum is added up from a table: its dimensions
// are split into four slots, each with an entry for every combination of levels in it, nine for two dimensions of three levels,
// eight for one of eight.

// A slotTable has sixteen places for each of four slots.
type slotTable [64]float32

// slots are the places of a member's entries in a slotTable.
type slots [4]uint8

func (t *slotTable) sum(s slots) float32 {
	return (t[s[0]&63] + t[s[1]&63]) + (t[s[2]&63] + t[s[3]&63])
}

// enoughNear is how many members a point's list has. Twice as many take a third off the last percent of the error.
const enoughNear = 8

// A nearList has, for every point, the members around it, nearest first.
type nearList struct {
	member [][enoughNear]uint16
	slots  [][enoughNear]slots
}

// slotsOf is where a member's entries are.
func (b *gridBook) slotsOf(m uint16) (s slots) {
	level := &b.level[m]
	for k := range s {
		if b.dims == 8 {
			s[k] = uint8(16*k) + level[2*k] + 3*level[2*k+1]
		} else {
			s[k] = uint8(16*k) + level[k]
		}
	}
	return s
}

// around lists members for every point, a member's own list beginning with itself.
func (b *gridBook) around() *nearList {
	b.ready()
	half := 1
	for range b.dims / 2 {
		half *= b.levels
	}
	apart := b.halvesApart(half)
	l := &nearList{member: make([][enoughNear]uint16, len(b.member)), slots: make([][enoughNear]slots, len(b.member))}
	dist := make([]uint16, len(b.number))
	var list []uint16
	for n := range b.member {
		low, high := apart[n%half*half:][:half], apart[n/half*half:][:half]
		var many [256]int
		for j, p := range b.number {
			dist[j] = low[int(p)%half] + high[int(p)/half]
			many[dist[j]]++
		}
		shells := 0
		for have, d := 0, 0; have < enoughNear; d++ {
			if have += many[d]; many[d] > 0 {
				shells++
			}
		}
		list = appendShells(list[:0], dist, shells)
		for j, m := range list[:enoughNear] {
			l.member[n][j], l.slots[n][j] = m, b.slotsOf(m)
		}
	}
	return l
}
