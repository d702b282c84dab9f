package quantize

import (
	"math"

	"quern/internal/kernel"
)

// The default search of MXFP4 and NVFP4. A scale is one of 256, so the ones about the obvious are simply tried, each with the codes
// that are nearest then, and the one with the least weighted error is kept.

var (
	weighMXFP4 = weighEach(flat, 0)
	weighNVFP4 = weighEach(64, 0)
)

// An fp4Reach is how far from ggml's the scales lie that are tried, and how many they are. For MXFP4 each is twice the one before; for NVFP4
// they go down to about half of ggml's, and up as far as codes go for a group of which one weight stands out.
type fp4Reach struct{ below, tries, most int }

var (
	reachMXFP4 = fp4Reach{4, 8, 254}
	reachNVFP4 = fp4Reach{8, 16, 0x7e}
)

func encodeMXFP4(dst []byte, src, importance []float32) {
	coderMXFP4.search(dst, src, importance, weighMXFP4, reachMXFP4)
}

func encodeNVFP4(dst []byte, src, importance []float32) {
	coderNVFP4.search(dst, src, importance, weighNVFP4, reachNVFP4)
}

// An fp4Search is what is known of 256 weights.
type fp4Search struct {
	fp4Room
	x, w                 [super]float32
	first                [super / fp4Group]uint8
	unit, heft           [super / fp4Group]float64
	plain                bool // units are one
	scale, inverse, loss [super / fp4Group * 16]float32
}

func (c *fp4Coder) search(dst []byte, src, importance []float32, weigh func(w, x, importance []float32), reach fp4Reach) {
	var s fp4Search
	for len(src) > 0 {
		n := min(len(src), super)
		tame(s.x[:n], src[:n])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:n], importance[n:]
		}
		weigh(s.w[:n], s.x[:n], imp)
		s.plain = true
		for g := range n / c.group {
			s.load(c, g, reach)
		}
		s.losses(c, n, n/fp4Group*reach.tries)
		for g := range n / c.group {
			c.setScale(dst, g, s.best(c, g, reach))
		}
		c.code(dst, s.x[:n], &s.fp4Room)
		dst, src = dst[n/c.block*c.bytes:], src[n:]
	}
}

// load aims at the scales of group g.
func (s *fp4Search) load(c *fp4Coder, g int, reach fp4Reach) {
	at, n := c.group*g, c.group
	top := kernel.Magnitude(s.x[at:][:n])
	s.first[g] = c.first(top)
	unit := fp4Unit(top)
	s.unit[g], s.heft[g] = unit, fp4Unit(kernel.Magnitude(s.w[at:][:n]))
	s.plain = s.plain && unit == 1 && s.heft[g] == 1
	from := at / fp4Group * reach.tries
	for t := range reach.tries {
		d := float32(float64(c.half(reach.at(s.first[g], t))) * unit)
		s.scale[from+t], s.inverse[from+t] = d, min(inverse(d), 1e38)
	}
	for i := at/fp4Group + 1; i < (at+n)/fp4Group; i++ {
		copy(s.scale[i*reach.tries:], s.scale[from:][:reach.tries])
		copy(s.inverse[i*reach.tries:], s.inverse[from:][:reach.tries])
	}
}

// fp4Unit is 1 for a number whose square is far from the ends of float32, and else the power of two that takes it to between one and two.
func fp4Unit(x float32) float64 {
	if x == 0 || x > 0x1p-30 && x < 0x1p30 {
		return 1
	}
	return math.Float64frombits((2046 - math.Float64bits(float64(x))>>52) << 52)
}

func (s *fp4Search) losses(c *fp4Coder, n, tries int) {
	x, w := s.x[:n], s.w[:n]
	if !s.plain {
		var unit, heft [super]float32
		for i, v := range x {
			unit[i], heft[i] = float32(float64(v)*s.unit[i/c.group]), float32(float64(w[i])*s.heft[i/c.group])
		}
		x, w = unit[:n], heft[:n]
	}
	kernel.FP4Losses(s.loss[:tries], x, w, s.scale[:tries], s.inverse[:tries])
}

// at is the scale of number t; that of number below is ggml's.
func (r *fp4Reach) at(first uint8, t int) uint8 {
	return uint8(min(max(int(first)+t-r.below, 0), r.most))
}

func (s *fp4Search) best(c *fp4Coder, g int, reach fp4Reach) uint8 {
	loss := s.loss[c.group*g/fp4Group*reach.tries:]
	if c.group == 2*fp4Group {
		for t, v := range loss[reach.tries:][:reach.tries] {
			loss[t] += v
		}
	}
	found, least := reach.below, loss[reach.below]
	for t, v := range loss[:reach.tries] {
		if v < least {
			found, least = t, v
		}
	}
	return reach.at(s.first[g], found)
}
