package quantize

// A pointSet is what one point, four or eight weights, may become: members of the codebook around the points that its weights
// round to at several scales. What a member loses at scale s is s²·q - 2·s·p, less what no member changes, so that looking
// at another scale costs two products for each.
type pointSet struct {
	n      int
	p, q   [maxSet]float32 // Σ w·x·code and Σ w·code²
	member [maxSet]uint16
}

const maxSet = 96

// A setMaker makes point sets of one codebook with one set of values.
type setMaker struct {
	near   *nearList
	levels int
	value  []float32
	middle []float32 // between values
	tp, tq slotTable
	stamp  uint32
	seen   [2048]uint32 // the set that had a member last
}

func newSetMaker(b *gridBook, value []float32) *setMaker {
	m := &setMaker{near: b.surroundings(), levels: b.levels, value: value}
	for l := range value[1:] {
		m.middle = append(m.middle, (value[l]+value[l+1])/2)
	}
	return m
}

// fill makes the set of weights x; scales are inverse.
func (m *setMaker) fill(s *pointSet, x, w, wx []float32, scales []float32) {
	m.tables(w, wx)
	s.n = 0
	m.stamp++
	last := -1
	for _, inv := range scales {
		point := m.round(x, inv)
		if point == last {
			continue
		}
		last = point
		from, to := m.near.from[point], m.near.from[point+1]
		at := m.near.slots[from:to]
		for j, member := range m.near.member[from:to] {
			if m.seen[member&2047] == m.stamp || s.n == maxSet {
				continue
			}
			m.seen[member&2047] = m.stamp
			s.member[s.n] = member
			s.p[s.n], s.q[s.n] = m.tp.sum(at[j]), m.tq.sum(at[j])
			s.n++
		}
	}
}

// round takes the nearest level of each weight.
func (m *setMaker) round(x []float32, inv float32) int {
	number, place := 0, 1
	for _, v := range x {
		u := float32(v * inv)
		for _, mid := range m.middle {
			if u > mid {
				number += place
			}
		}
		place *= m.levels
	}
	return number
}

// tables fills what levels add to both sums.
func (m *setMaker) tables(w, wx []float32) {
	if len(w) == 4 {
		for i := range 4 {
			for l, v := range m.value {
				m.tp[16*i+l], m.tq[16*i+l] = wx[i]*v, float32(w[i]*v)*v
			}
		}
		return
	}
	v0, v1, v2 := m.value[0], m.value[1], m.value[2]
	s0, s1, s2 := v0*v0, v1*v1, v2*v2
	pairs := func(t []float32, a, b, x0, x1, x2 float32) {
		a0, a1, a2 := float32(a*x0), float32(a*x1), float32(a*x2)
		b0, b1, b2 := float32(b*x0), float32(b*x1), float32(b*x2)
		t = t[:9]
		t[0], t[1], t[2] = a0+b0, a1+b0, a2+b0
		t[3], t[4], t[5] = a0+b1, a1+b1, a2+b1
		t[6], t[7], t[8] = a0+b2, a1+b2, a2+b2
	}
	for i := range 4 {
		pairs(m.tp[16*i:], wx[2*i], wx[2*i+1], v0, v1, v2)
		pairs(m.tq[16*i:], w[2*i], w[2*i+1], s0, s1, s2)
	}
}

// best is the place in the set of what loses least at scale s, and that loss.
func (s *pointSet) best(scale float32) (found int, least float32) {
	square, twice := float32(scale*scale), 2*scale
	p, q := s.p[:s.n], s.q[:s.n]
	q = q[:len(p)]
	least = float32(square*q[0]) - float32(twice*p[0])
	for j, v := range p {
		if e := float32(square*q[j]) - float32(twice*v); e < least {
			found, least = j, e
		}
	}
	return found, least
}
