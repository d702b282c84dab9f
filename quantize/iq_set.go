package quantize

import "math"

// A pointSet is what one point, four or eight weights, may become: members of the codebook around the points that its weights
// round to at several scales. What a member loses at scale s is s²·q - 2·s·p, less what no member changes, so that looking
// at another scale costs two products for each.
type pointSet struct {
	n      int
	p, q   [maxSet]float32 // Σ w·x·code and Σ w·code²
	member [maxSet]uint16
}

const maxSet = (gridRound + 2) * enoughNear

// A setMaker makes point sets of one codebook with one set of values.
type setMaker struct {
	near   *nearList
	levels int
	value  []float32
	middle []float32 // between values
	tp, tq slotTable
	stamp  uint32
	seen   [2048]uint32 // the set that had a member last
	all    []slots      // of each member
	p, q   [2048]float32
}

func newSetMaker(b *gridBook, value []float32) *setMaker {
	m := &setMaker{near: b.surroundings(), levels: b.levels, value: value}
	for i := range b.number {
		m.all = append(m.all, b.slotsOf(uint16(i)))
	}
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
	if dominated(w) {
		m.thorough(s, scales)
	}
	last := -1
	for _, inv := range scales {
		point := m.round(x, inv)
		if point == last {
			continue
		}
		last = point
		at := &m.near.slots[point]
		for j, member := range &m.near.member[point] {
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

// dominated says whether one weight has more than three quarters of all: then what is near is not what is good.
func dominated(w []float32) bool {
	var sum, top float32
	for _, v := range w {
		sum += v
		top = max(top, v)
	}
	return top > 0.75*sum
}

// thorough adds the best of all members at each scale.
func (m *setMaker) thorough(s *pointSet, scales []float32) {
	for i, at := range m.all {
		m.p[i], m.q[i] = m.tp.sum(at), m.tq.sum(at)
	}
	p := m.p[:len(m.all)]
	for _, inv := range scales {
		found := mostGain(p, m.q[:len(p)], 1/inv)
		if m.seen[found] != m.stamp {
			m.seen[found] = m.stamp
			s.member[s.n], s.p[s.n], s.q[s.n] = uint16(found), p[found], m.q[found]
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

// best is the place in the set of what gains most at scale s, and that gain.
func (s *pointSet) best(scale float32) (found int, gain float32) {
	found = mostGain(s.p[:s.n], s.q[:s.n], scale)
	return found, float32(2*scale*s.p[found]) - float32(float32(scale*scale)*s.q[found])
}

// mostGain is the place of the largest 2·s·p - s²·q. Floats compare as their bits do, if those of negative ones are turned: gains
// with their places below them are compared as integers, which takes no branches.
func mostGain(p, q []float32, s float32) int {
	square, twice := float32(s*s), 2*s
	q = q[:len(p)]
	best := int64(math.MinInt64)
	for j, v := range p {
		gain := float32(twice*v) - float32(square*q[j])
		bits := int32(math.Float32bits(gain))
		best = max(best, int64(bits^bits>>31&math.MaxInt32)<<16|int64(j))
	}
	return int(best & 0xffff)
}
