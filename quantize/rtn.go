package quantize

// Nearest makes codes by rounding every weight to the nearest point of its group's grid. The grid is searched: of several scales
// the one with the least weighted squared error is taken, and refitted by least squares to the codes that it gives.
type Nearest struct {
	Grid
	Offsets bool // any float for code 0, instead of an integer zero point
	// Round does to scales or offsets what storing them does.
	Round func([]float32)
	// Plain takes the scale that covers the range of the group, without a search.
	Plain bool

	s laneGrids
}

// Rows quantizes whole rows; importance is nil or a weight for each column's squared error.
func (n *Nearest) Rows(c *Codes, src []float32, cols int, importance []float32) {
	c.Reshape(n.Grid, len(src)/cols, cols, n.Offsets)
	size := n.Group
	if size <= 0 {
		size = cols
	}
	for row := 0; row < c.Rows; row += gridLanes {
		m := min(gridLanes, c.Rows-row)
		for g := range c.Groups(cols) {
			from, to := g*size, min((g+1)*size, cols)
			w := importance
			if w != nil {
				w = importance[from:to]
			}
			n.s.load(src[row*cols+from:], cols, to-from, m)
			n.fit(w)
			for i := range m {
				n.s.put(c, row+i, g, i)
				n.s.codes(c.Q[(row+i)*cols+from:][:to-from], src[(row+i)*cols+from:], i)
			}
		}
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

// fit searches the grids of the groups that are loaded.
func (n *Nearest) fit(importance []float32) {
	s := &n.s
	s.begin(n)
	s.weigh(importance)
	top := float32(n.Levels() - 1)
	count, each := n.steps()
	if n.Symmetric {
		// The symmetric grid has one point more below zero than above it. The usual scale cuts off half a step above; from one that cuts off
		// nothing the search goes down.
		var whole gridRow
		for i := range s.m {
			usual := 2 * max(s.high[i], -s.low[i]) / top
			s.scale[i], whole[i] = usual, max(usual, 2*max(-s.low[i]/(top+1), s.high[i]/(top-1)))
		}
		s.middle()
		s.measure()
		if n.Plain {
			count = 0
		}
		for i := range count {
			s.part(&whole, 1-float32(float32(i)*each))
			s.measure()
		}
	} else {
		for i := range count {
			s.cover(1 - float32(float32(i)*each))
			s.measure()
		}
	}
	for range 3 {
		if n.Plain || !s.refit() {
			break
		}
	}
}

// cut takes the grids of a part of the range of groups, without a search.
func (n *Nearest) cut(part float32) {
	s := &n.s
	s.begin(n)
	if n.Symmetric {
		for i := range s.m {
			s.scale[i] = 2 * max(s.high[i], -s.low[i]) * part / float32(n.Levels()-1)
		}
		s.middle()
	} else {
		s.cover(part)
	}
	s.take()
}

// RoundTo is what storing numbers in a type of floats does to them.
func RoundTo(t *Type) func([]float32) {
	var p []byte
	return func(x []float32) {
		p = room(p, len(x)*t.Bytes)
		t.Encode(p, x, nil)
		t.Decode(x, p)
	}
}

// RoundToBoth rounds to what F16 and BF16 both hold, so that a runtime may load a scale as either.
func RoundToBoth() func([]float32) {
	f16, bf16 := RoundTo(F16), RoundTo(BF16)
	return func(x []float32) { f16(x); bf16(x) }
}
