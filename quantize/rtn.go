package quantize

import "math"

// Nearest makes codes by rounding every weight to the nearest point of its group's grid. The grid is searched: of several scales
// the one with the least weighted squared error is taken, and refitted by least squares to the codes that it gives.
type Nearest struct {
	Grid
	Offsets bool // any float for code 0, instead of an integer zero point
	// Round is what storing does to a scale or an offset.
	Round func(float32) float32
	// Plain takes the scale that covers the range of the group, without a search.
	Plain bool
}

// Rows quantizes whole rows; importance is nil or a weight for each column's squared error.
func (n *Nearest) Rows(c *Codes, src []float32, cols int, importance []float32) {
	c.Reshape(n.Grid, len(src)/cols, cols, n.Offsets)
	groups := c.Groups(cols)
	size := n.Group
	if size <= 0 {
		size = cols
	}
	s := &nearestGroup{Nearest: n, q: make([]uint8, size)}
	for i := range c.Rows {
		for g := range groups {
			from, to := i*cols+g*size, i*cols+min((g+1)*size, cols)
			w := importance
			if w != nil {
				w = importance[g*size : min((g+1)*size, cols)]
			}
			s.fit(src[from:to], w)
			at := i*groups + g
			copy(c.Q[from:to], s.best.q)
			c.Scale[at] = s.best.scale
			switch {
			case c.Offset != nil:
				c.Offset[at] = s.best.offset
			case c.Zero != nil:
				c.Zero[at] = uint8(s.best.zero)
			}
		}
	}
}

// nearestGroup is the search in one group.
type nearestGroup struct {
	*Nearest
	q    []uint8
	x, w []float32
	best struct {
		q      []uint8
		scale  float32
		zero   int
		offset float32
		loss   float64
	}
}

// steps are how far the range of a group is shrunk in the search: few bits gain from cutting off more.
func (n *Nearest) steps() (count int, each float32) {
	switch {
	case n.Plain:
		return 1, 0
	case n.Bits >= 8:
		return 4, 0.005
	case n.Bits >= 5:
		return 8, 0.01
	}
	return 24, 0.02
}

// begin forgets the group before, and finds the range of this one.
func (s *nearestGroup) begin(x, importance []float32) (low, high float32) {
	s.x, s.q = x, s.q[:len(x)]
	s.weigh(importance)
	s.best.q, s.best.loss = room(s.best.q, len(x)), math.Inf(1)
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// cut rounds a group to the grid of a part of its range, without a search.
func (s *nearestGroup) cut(x []float32, part float32) {
	low, high := s.begin(x, nil)
	top, middle := float32(s.Levels()-1), s.Levels()/2
	if s.Symmetric {
		s.measure(2*max(high, -low)*part/top, middle)
	} else if scale := (high - low) * part / top; scale > 0 {
		s.measure(scale, min(max(int(math.RoundToEven(float64(-low*part/scale))), 0), s.Levels()-1))
	}
	s.orZeros()
}

func (s *nearestGroup) fit(x, importance []float32) {
	low, high := s.begin(x, importance)
	top, middle := float32(s.Levels()-1), s.Levels()/2
	count, each := s.steps()
	// The symmetric grid has one point more below zero than above it. The usual scale cuts off half a step above; from one that cuts off
	// nothing the search goes down.
	usual := 2 * max(high, -low) / top
	whole := max(usual, 2*max(-low/(top+1), high/(top-1)))
	if s.Symmetric && s.measure(usual, middle) && s.Plain {
		count = 0
	}
	for i := range count {
		p := 1 - float32(float32(i)*each)
		if s.Symmetric {
			s.measure(whole*p, middle)
		} else if scale := (high - low) * p / top; scale > 0 {
			s.measure(scale, min(max(int(math.RoundToEven(float64(-low*p/scale))), 0), s.Levels()-1))
		}
	}
	for range 3 {
		if before := s.best.loss; s.Plain || !s.refit() || s.best.loss >= before {
			break
		}
	}
	s.orZeros()
}

// orZeros is what a group becomes that no candidate fits: nothing but zeros, or numbers that are too small to be stored.
func (s *nearestGroup) orZeros() {
	if !math.IsInf(s.best.loss, 1) {
		return
	}
	s.best.scale, s.best.zero, s.best.offset = s.Round(1), 0, 0
	if s.Symmetric {
		s.best.zero = s.Levels() / 2
	}
	for i := range s.best.q {
		s.best.q[i] = uint8(s.best.zero)
	}
}

// weigh says what the squared error of each weight counts: more where the weight is large, for what is done to large weights is what
// a model notices. A search without weights is worse than none.
func (s *nearestGroup) weigh(importance []float32) {
	s.w = room(s.w, len(s.x))
	mean := 0.0
	for _, v := range s.x {
		mean += float64(float64(v) * float64(v))
	}
	mean /= float64(len(s.x))
	for i, v := range s.x {
		w := mean + float64(float64(v)*float64(v))
		if importance != nil {
			w = math.Sqrt(w) * float64(importance[i])
		}
		s.w[i] = float32(w)
	}
}

// refit measures the scale that least squares find for the best codes: x ≈ scale·(q − zero).
func (s *nearestGroup) refit() bool {
	var qq, qx float64
	for i, v := range s.x {
		q := float64(s.best.q[i]) - float64(s.best.zero)
		wq := float64(float64(s.w[i]) * q)
		qq, qx = qq+float64(wq*q), qx+float64(wq*float64(v))
	}
	return qq > 0 && !math.IsInf(s.best.loss, 1) && s.measure(float32(qx/qq), s.best.zero)
}

// wholeFloat added to a float32 below 2²² leaves no bits behind the point: taken away again, what remains is the nearest integer.
const wholeFloat = 3 << 22

// measure rounds the numbers of a grid as they will be stored, codes the group, and keeps it if nothing was better. Where any float may
// stand for code 0, it is one that makes a weight of 0 as near to a code as rounding allows: most weights are near 0, and an error that
// they have in common does not cancel.
func (s *nearestGroup) measure(scale float32, zero int) bool {
	scale = s.Round(scale)
	inv, base, offset := 1/scale, float32(zero), float32(0)
	if !(scale > 0) || scale-scale != 0 || inv-inv != 0 {
		return false
	}
	if s.Offsets {
		offset, base = s.Round(-float32(scale*base)), 0
	}
	low, high, loss := -base, float32(s.Levels()-1)-base, 0.0
	for i, v := range s.x {
		q := min(max(float32((v-offset)*inv), low), high)
		q = float32(q+wholeFloat) - wholeFloat
		s.q[i] = uint8(int32(q + base))
		e := v - float32(float32(scale*q)+offset)
		loss += float64(float32(float32(e*e) * s.w[i]))
	}
	if loss < s.best.loss {
		s.best.loss, s.best.scale, s.best.zero, s.best.offset = loss, scale, zero, offset
		copy(s.best.q, s.q)
	}
	return true
}

// RoundTo is what storing a number in a type of floats does to it.
func RoundTo(t *Type) func(float32) float32 {
	p := make([]byte, t.Bytes)
	x := make([]float32, 1)
	return func(v float32) float32 {
		x[0] = v
		t.Encode(p, x, nil)
		t.Decode(x, p)
		return x[0]
	}
}

// RoundToBoth rounds to what F16 and BF16 both hold, so that a runtime may load a scale as either.
func RoundToBoth() func(float32) float32 {
	f16, bf16 := RoundTo(F16), RoundTo(BF16)
	return func(v float32) float32 { return bf16(f16(v)) }
}
