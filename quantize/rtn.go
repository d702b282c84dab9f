package quantize

import "math"

// Nearest makes codes by rounding every weight to the nearest point of its group's grid. The grid is searched: of several scales, each
// refitted to the codes that it gives by least squares, the one with the least squared error is taken.
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

func (s *nearestGroup) fit(x, w []float32) {
	s.x, s.w, s.q = x, w, s.q[:len(x)]
	s.best.q, s.best.loss = room(s.best.q, len(x)), math.Inf(1)
	low, high := float32(0), float32(0)
	for i, v := range x {
		if i == 0 && s.Offsets {
			low, high = v, v
		}
		low, high = min(low, v), max(high, v)
	}
	top := float32(s.Levels() - 1)
	count, each := s.steps()
	for i := range count {
		p := 1 - float32(float32(i)*each)
		switch {
		case s.Offsets:
			s.measure((high-low)*p/top, 0, low+(high-low)*(1-p)/2)
		case s.Symmetric:
			// The grid has one point more below zero than above it: either end may be the one that it reaches.
			s.measure(2*max(high, -low)*p/top, s.Levels()/2, 0)
			s.measure(max(-low/(top+1), high/(top-1))*2*p, s.Levels()/2, 0)
		default:
			scale := (high - low) * p / top
			if scale > 0 {
				s.measure(scale, min(max(int(math.RoundToEven(float64(-low*p/scale))), 0), s.Levels()-1), 0)
			}
		}
	}
	for range 3 {
		if before := s.best.loss; s.Plain || !s.refit() || s.best.loss >= before {
			break
		}
	}
	if math.IsInf(s.best.loss, 1) { // nothing but zeros, or numbers that are none
		s.best.scale, s.best.zero, s.best.offset = s.Round(1), s.Levels()/2, s.Round(low)
		if !s.Symmetric {
			s.best.zero = 0
		}
		for i := range s.best.q {
			s.best.q[i] = 0
			if !s.Offsets {
				s.best.q[i] = uint8(s.best.zero)
			}
		}
	}
}

// refit measures what least squares make of the best codes: of codes q, x ≈ scale·(q − zero) or scale·q + offset, with weights w.
func (s *nearestGroup) refit() bool {
	if math.IsInf(s.best.loss, 1) {
		return false
	}
	var sw, sq, sqq, sx, sqx float64
	for i, v := range s.x {
		w := 1.0
		if s.w != nil {
			w = float64(s.w[i])
		}
		q := float64(s.best.q[i])
		if !s.Offsets {
			q -= float64(s.best.zero)
		}
		wq := float64(w * q)
		sw, sq, sqq = sw+w, sq+wq, sqq+float64(wq*q)
		sx, sqx = sx+float64(w*float64(v)), sqx+float64(wq*float64(v))
	}
	d := float64(sw*sqq) - float64(sq*sq)
	switch {
	case s.Offsets && d > 0:
		a := (float64(sw*sqx) - float64(sq*sx)) / d
		return s.measure(float32(a), 0, float32((sx-float64(a*sq))/sw))
	case !s.Offsets && sqq > 0:
		return s.measure(float32(sqx/sqq), s.best.zero, 0)
	}
	return false
}

// wholeFloat added to a float32 below 2²² leaves no bits behind the point: taken away again, what remains is the nearest integer.
const wholeFloat = 3 << 22

// measure rounds the numbers of a grid as they will be stored, codes the group, and keeps it if nothing was better.
func (s *nearestGroup) measure(scale float32, zero int, offset float32) bool {
	scale, offset = s.Round(scale), s.Round(offset)
	if !(scale > 0) || scale-scale != 0 || offset-offset != 0 {
		return false
	}
	inv, base := 1/scale, float32(zero)
	if inv-inv != 0 {
		return false
	}
	low, high, loss := -base, float32(s.Levels()-1)-base, 0.0
	for i, v := range s.x {
		q := min(max(float32((v-offset)*inv), low), high)
		q = float32(q+wholeFloat) - wholeFloat
		s.q[i] = uint8(int32(q + base))
		e := v - float32(float32(scale*q)+offset)
		e = float32(e * e)
		if s.w != nil {
			e = float32(e * s.w[i])
		}
		loss += float64(e)
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
