package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of the types with few codes: as an inverse scale grows, weights pass from code to code, and Σ w·x·code and
// Σ w·code² change with each. Passages are gathered in narrow steps of the scale; the codes of the best step are fitted again.

func (c *fewCoder) weigh(w, src, importance []float32) { weighEach(c.block, 0)(w, src, importance) }

// A fewSearch is a block under search.
type fewSearch struct {
	*fewCoder
	x, w  []float32
	q     []int8
	step  []fewStep
	sums  alongSums // of the codes in q
	least float64
	best  uint16
}

// A fewStep is what the passages of a step add.
type fewStep struct{ lx, l2 float64 }

const refit = 2 // times that codes are taken with the scale that suits those before

func (c *fewCoder) encode(dst []byte, src, importance []float32) {
	var x, w [super]float32
	var q [super]int8
	var step [super]fewStep
	s := fewSearch{fewCoder: c, x: x[:c.block], w: w[:c.block], q: q[:c.block], step: step[:c.block]}
	for ; len(src) >= c.block; dst, src = dst[c.bytes:], src[c.block:] {
		tame(s.x, src[:c.block])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:c.block], importance[c.block:]
		}
		c.ggmlBlock(dst, s.x)
		if s.exact(dst) { // as those of models that were trained so
			continue
		}
		c.weigh(s.w, s.x, imp)
		s.search(dst)
		putHalf(dst[c.at:], s.best)
	}
}

// exact tells whether the block in dst is the weights.
func (s *fewSearch) exact(dst []byte) bool {
	s.take(s.q, dst)
	d := halfAt(dst[s.at:])
	for i, v := range s.x {
		if v != float32(s.q[i])*d {
			return false
		}
	}
	return true
}

// search begins with ggml's codes, which are in q.
func (s *fewSearch) search(dst []byte) {
	s.least = math.Inf(1)
	s.add()
	s.offer(dst, finiteBits(halfBits(dst[s.at:])))
	for _, d := range s.scales() {
		for range refit {
			if d == 0 {
				break
			}
			h := smallHalf(d)
			s.round(float64(halfValue(h)))
			s.add()
			s.offer(dst, h)
			if d = s.sums.best(s.along); s.signs {
				break // other scales have the same codes
			}
		}
	}
}

// add takes the sums of the codes.
func (s *fewSearch) add() {
	s.sums = alongSums{}
	for i, v := range s.x {
		s.sums.add(float64(s.w[i]), float64(v), float64(s.q[i]))
	}
}

// offer stores the codes if they lose less than those before, with a half or with the one that suits them.
func (s *fewSearch) offer(dst []byte, h uint16) {
	better := false
	for _, h := range [2]uint16{h, finiteBits(half(float32(s.sums.best(s.along))))} {
		if loss := s.sums.loss(float64(halfValue(h)), s.along); loss < s.least {
			s.least, s.best, better = loss, h, true
		}
	}
	if better {
		s.put(dst, s.q)
	}
}

// round takes the nearest codes.
func (s *fewSearch) round(d float64) {
	if s.signs {
		for i, v := range s.x {
			s.q[i] = 1
			if float64(v)*d < 0 {
				s.q[i] = -1
			}
		}
		return
	}
	inv, low, high := 1/d, float64(s.lowest), float64(s.highest)
	for i, v := range s.x {
		s.q[i] = int8(nearest(min(max(float64(v)*inv, low), high)))
	}
}

// scales are the best ones, of both signs where codes reach further on one side.
func (s *fewSearch) scales() (d [2]float64) {
	if s.signs {
		var lx, l2 float64
		for i, v := range s.x {
			lx += float64(float64(s.w[i]) * float64(absolute(v)))
			l2 += float64(s.w[i])
		}
		return [2]float64{lx / l2}
	}
	top := float64(kernel.Magnitude(s.x))
	if top == 0 {
		return d
	}
	d[0] = s.sweep(top, int(s.highest), -int(s.lowest))
	if s.highest != -s.lowest {
		d[1] = -s.sweep(top, -int(s.lowest), int(s.highest))
	}
	return d
}

// sweep is the best scale where weights above zero have so many codes, and those below.
func (s *fewSearch) sweep(top float64, above, below int) float64 {
	clear(s.step)
	last := len(s.step) - 1
	unit := float64(len(s.step)) / 2 / top
	for i, v := range s.x {
		most := above
		if v < 0 {
			v, most = -v, below
		}
		u, w := float64(v)*unit, float64(s.w[i])
		for k := range most { // it passes where it is k + ½ scales
			p := &s.step[min(int(u*passes[k]), last)]
			p.lx += float64(w * float64(v))
			p.l2 += w * float64(2*k+1)
		}
	}
	var lx, l2, best, d float64
	for i := last; i >= 0; i-- {
		p := s.step[i]
		if p.l2 == 0 {
			continue
		}
		lx, l2 = lx+p.lx, l2+p.l2
		if e := float64(lx * lx); e > float64(best*l2) {
			d = lx / l2
			best = float64(d * lx)
		}
	}
	return d
}

// passes are 1 / (k + ½).
var passes = [2]float64{2, 2. / 3}
