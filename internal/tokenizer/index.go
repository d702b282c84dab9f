package tokenizer

import "hash/maphash"

// An entry is a text of a vocabulary and its id.
type entry struct {
	text string
	id   int32
}

// An index finds ids by text, and keeps its entries in the order in which they came. It takes a third of the time and half of the memory of a
// map beside a list, which is what a plan of a model with a large vocabulary would spend most of its time on.
type index struct {
	seed    maphash.Seed
	slots   []indexSlot // a power of two of them, at least half of which are empty
	entries []entry
}

type indexSlot struct{ hash, at uint32 } // at counts from one; 0 is an empty slot

// newIndex expects n texts, or more.
func newIndex(n int) *index {
	slots := 16
	for slots < 2*n {
		slots *= 2
	}
	return &index{seed: maphash.MakeSeed(), slots: make([]indexSlot, slots), entries: make([]entry, 0, n)}
}

// indexOf maps the text of each token to its id; of equal texts the first counts.
func indexOf(tokens []string) *index {
	x := newIndex(len(tokens))
	for i, t := range tokens {
		x.add(t, int32(i))
	}
	return x
}

func (x *index) len() int { return len(x.entries) }

// add takes a text. One that is there already keeps its id, which is what comes back.
func (x *index) add(text string, id int32) (there int32, twice bool) {
	h := uint32(maphash.String(x.seed, text))
	i, twice := find(x, h, text)
	if twice {
		return x.entries[x.slots[i].at-1].id, true
	}
	x.set(i, h, entry{text, id})
	return id, false
}

// put takes a text. Of equal ones, which all become entries, the last counts.
func (x *index) put(text string, id int32) {
	h := uint32(maphash.String(x.seed, text))
	i, _ := find(x, h, text)
	x.set(i, h, entry{text, id})
}

func (x *index) set(slot int, hash uint32, e entry) {
	x.entries = append(x.entries, e)
	x.slots[slot] = indexSlot{hash, uint32(len(x.entries))}
	if 2*len(x.entries) > len(x.slots) {
		x.grow()
	}
}

// get is the id of a text.
func (x *index) get(text string) (id int32, ok bool) {
	i, ok := find(x, uint32(maphash.String(x.seed, text)), text)
	if !ok {
		return 0, false
	}
	return x.entries[x.slots[i].at-1].id, true
}

// near is get of a text that may be the entry after the one at a place; the place becomes the text's.
func (x *index) near(at *int, text []byte) (id int32, ok bool) {
	if *at+1 < len(x.entries) && x.entries[*at+1].text == string(text) {
		*at++
	} else {
		i, ok := find(x, uint32(maphash.Bytes(x.seed, text)), text)
		if !ok {
			return 0, false
		}
		*at = int(x.slots[i].at) - 1
	}
	return x.entries[*at].id, true
}

// find is the slot of a text, or the one that it would take.
func find[T string | []byte](x *index, hash uint32, text T) (slot int, ok bool) {
	last := len(x.slots) - 1
	for i := int(hash) & last; ; i = (i + 1) & last {
		switch s := x.slots[i]; {
		case s.at == 0:
			return i, false
		case s.hash == hash && x.entries[s.at-1].text == string(text):
			return i, true
		}
	}
}

// grow doubles the slots.
func (x *index) grow() {
	old, last := x.slots, 2*len(x.slots)-1
	x.slots = make([]indexSlot, last+1)
	for _, s := range old {
		if s.at == 0 {
			continue
		}
		i := int(s.hash) & last
		for x.slots[i].at != 0 {
			i = (i + 1) & last
		}
		x.slots[i] = s
	}
}
