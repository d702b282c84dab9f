package quantize

import (
	"math"

	"quern/internal/kernel"
)

const gridLanes = kernel.GroupLanes

type gridRow [gridLanes]float32

// A laneGrids looks for the grids of up to 32 groups of as many weights, which lie in the lanes of kernel.Groups, 32 weights of all of them in
// each. Whatever the kind of a grid, its points are scale·q + offset for codes q from 0 on: the product of a scale as it is stored and a zero
// point is exact.
type laneGrids struct {
	*Nearest
	n, m  int // weights of a group, groups
	parts []*kernel.Groups

	low, high, mean gridRow // of the weights; zero is always between the first two, the last is of their squares
	scale, zero     gridRow // a candidate
	best            struct{ scale, zero, offset, loss, qq, qx gridRow }
}

// load takes m groups of n weights, one every stride.
func (s *laneGrids) load(x []float32, stride, n, m int) {
	s.n, s.m = n, m
	for len(s.parts)*kernel.MaxGroup < n {
		s.parts = append(s.parts, &kernel.Groups{})
	}
	for p, part := range s.used() {
		some := s.in(p)
		if m < gridLanes {
			clear(part.X[:some*gridLanes])
		}
		for i := range m {
			for e, v := range x[i*stride+p*kernel.MaxGroup:][:some] {
				part.X[e*gridLanes+i] = v
			}
		}
	}
}

func (s *laneGrids) used() []*kernel.Groups {
	return s.parts[:(s.n+kernel.MaxGroup-1)/kernel.MaxGroup]
}

// in is how many weights of each group are in a part.
func (s *laneGrids) in(part int) int { return min(kernel.MaxGroup, s.n-part*kernel.MaxGroup) }

// begin forgets the best grids, and finds the ranges of the groups.
func (s *laneGrids) begin(n *Nearest) {
	s.Nearest = n
	s.low, s.high = gridRow{}, gridRow{}
	for i := range s.best.loss {
		s.best.loss[i] = inf32
	}
	// What a group becomes that no candidate fits: nothing but zeros, or numbers that are too small to be stored.
	one := [1]float32{1}
	s.Round(one[:])
	for i := range s.m {
		s.best.scale[i], s.best.zero[i], s.best.offset[i] = one[0], 0, 0
		if s.Symmetric {
			s.best.zero[i] = float32(s.Levels() / 2)
			s.best.offset[i] = -s.best.zero[i] * one[0]
		}
	}
	for p, part := range s.used() {
		for e := range s.in(p) {
			for i, v := range part.X[e*gridLanes:][:gridLanes] {
				s.low[i], s.high[i] = min(s.low[i], v), max(s.high[i], v)
			}
		}
	}
}

// weigh says what the squared error of each weight counts: more where the weight is large, for what is done to large weights is what
// a model notices. A search without weights is worse than none.
func (s *laneGrids) weigh(importance []float32) {
	s.mean = gridRow{}
	for p, part := range s.used() {
		for e := range s.in(p) {
			for i, v := range part.X[e*gridLanes:][:gridLanes] {
				s.mean[i] += float32(v * v)
			}
		}
	}
	for i := range s.mean {
		s.mean[i] /= float32(s.n)
	}
	for p, part := range s.used() {
		some := s.in(p)
		if importance == nil {
			part.WeighSquares(some)
		}
		for e := range some {
			w := part.W[e*gridLanes:][:gridLanes]
			if importance == nil {
				for i := range w {
					w[i] += s.mean[i]
				}
				continue
			}
			for i := range w {
				w[i] = importance[p*kernel.MaxGroup+e]
			}
		}
		if importance != nil {
			part.D, part.DMin = s.mean, gridRow{}
			part.WeighBy(some)
		}
	}
}

// middle is the zero point of symmetric grids.
func (s *laneGrids) middle() {
	for i := range s.m {
		s.zero[i] = float32(s.Levels() / 2)
	}
}

// part makes candidates of a part of scales.
func (s *laneGrids) part(whole *gridRow, p float32) {
	for i, v := range whole {
		s.scale[i] = v * p
	}
}

// cover makes candidates that cover a part of the ranges.
func (s *laneGrids) cover(p float32) {
	top := float32(s.Levels() - 1)
	for i := range s.m {
		s.scale[i] = (s.high[i] - s.low[i]) * p / top
		s.zero[i] = min(max(float32(math.RoundToEven(float64(-s.low[i]*p/s.scale[i]))), 0), top)
	}
}

// stored rounds the numbers of candidates as they will be stored. Where any float may stand for code 0, it is one that makes a weight of 0 as near
// to a code as rounding allows: most weights are near 0, and an error that they have in common does not cancel. Scales that cannot be are 0.
func (s *laneGrids) stored() (offset gridRow) {
	s.Round(s.scale[:s.m])
	for i, v := range s.scale[:s.m] {
		inv := 1 / v
		if !(v > 0) || v-v != 0 || inv-inv != 0 {
			s.scale[i], s.zero[i] = 0, 0
		}
		offset[i] = -float32(s.scale[i] * s.zero[i])
	}
	if s.Offsets {
		s.Round(offset[:s.m])
	}
	return offset
}

// measure codes all groups by the candidates, and keeps those that nothing was better than. It says whether any are.
func (s *laneGrids) measure() (better bool) {
	offset := s.stored()
	var loss, w, wx, wq, wqq, wqx gridRow
	for p, part := range s.used() {
		part.Scale = s.scale
		for i, v := range offset {
			part.Min[i] = -v
		}
		part.TakeMin(s.in(p), s.Levels()-1, true)
		for i := range loss {
			loss[i] += part.Loss[i]
			w[i], wx[i], wq[i] = w[i]+part.SumW[i], wx[i]+part.SumWX[i], wq[i]+part.SumWQ[i]
			wqq[i], wqx[i] = wqq[i]+part.SumWQQ[i], wqx[i]+part.SumWQX[i]
		}
	}
	b := &s.best
	for i, v := range loss[:s.m] {
		if s.scale[i] == 0 || !(v < b.loss[i]) {
			continue
		}
		better = true
		b.loss[i], b.scale[i], b.zero[i], b.offset[i] = v, s.scale[i], s.zero[i], offset[i]
		z := s.zero[i]
		b.qq[i] = wqq[i] - float32(2*z*wq[i]) + float32(z*z*w[i])
		b.qx[i] = wqx[i] - float32(z*wx[i])
	}
	return better
}

// refit measures the scales that least squares find for the best codes: x ≈ scale·(q − zero).
func (s *laneGrids) refit() (better bool) {
	for i := range s.m {
		s.scale[i], s.zero[i] = 0, s.best.zero[i]
		if s.best.qq[i] > 0 && s.best.loss[i] < inf32 {
			s.scale[i] = s.best.qx[i] / s.best.qq[i]
		}
	}
	return s.measure()
}

// take keeps the candidates as they are.
func (s *laneGrids) take() {
	offset := s.stored()
	for i, v := range s.scale[:s.m] {
		if v > 0 {
			s.best.scale[i], s.best.zero[i], s.best.offset[i] = v, s.zero[i], offset[i]
		}
	}
}

// put stores the best grid of a lane.
func (s *laneGrids) put(c *Codes, row, group, lane int) {
	at := row*c.Groups(c.Cols) + group
	c.Scale[at] = s.best.scale[lane]
	switch {
	case c.Offset != nil:
		c.Offset[at] = s.best.offset[lane]
	case c.Zero != nil:
		c.Zero[at] = uint8(s.best.zero[lane])
	}
}

// codes rounds weights to the best grid of a lane.
func (s *laneGrids) codes(dst []uint8, x []float32, lane int) {
	offset, inv, top := s.best.offset[lane], 1/s.best.scale[lane], float32(s.Levels()-1)
	for i := range dst {
		v := float32((x[i] - offset) * inv)
		dst[i] = uint8(int32(min(max(v+wholeFloat-wholeFloat, 0), top)))
	}
}
