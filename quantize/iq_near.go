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

// enoughNear is how many members the default search looks at for each point, at least.
const enoughNear = 16

// A nearList has, for every point, the members around it: whole shells, until there are enough.
type nearList struct {
	from   []uint32 // where a point's members begin; one more than there are points
	member []uint16
	slots  []slots
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

// around lists at least so many members for every point, a member's own list beginning with itself.
func (b *gridBook) around(enough int) *nearList {
	b.ready()
	half := 1
	for range b.dims / 2 {
		half *= b.levels
	}
	apart := b.halvesApart(half)
	l := &nearList{from: make([]uint32, 1, len(b.member)+1)}
	dist := make([]uint16, len(b.number))
	all := make([]slots, len(b.number))
	for m := range all {
		all[m] = b.slotsOf(uint16(m))
	}
	for n := range b.member {
		low, high := apart[n%half*half:][:half], apart[n/half*half:][:half]
		var many [256]int
		for j, p := range b.number {
			dist[j] = low[int(p)%half] + high[int(p)/half]
			many[dist[j]]++
		}
		shells := 0
		for have, d := 0, 0; have < enough; d++ {
			if have += many[d]; many[d] > 0 {
				shells++
			}
		}
		at := len(l.member)
		l.member = appendShells(l.member, dist, shells)
		for _, m := range l.member[at:] {
			l.slots = append(l.slots, all[m])
		}
		l.from = append(l.from, uint32(len(l.member)))
	}
	return l
}
