package quantize

import "math"

// The default search of the flat types with an offset, value = code·d + m. As in the symmetric search weights pass from
// code to code while an inverse scale s grows, here away from the middle of the block; a few phases say where between two
// codes that middle lies. With x centred on its weighted mean, the best d and m for some codes explain
// (Σwxl)²/(Σwl² - (Σwl)²/Σw).

const (
	minStep   = 0.4 // codes across the block's range
	minAbove  = 3   // sweeps end where the range takes this many codes too many; they begin (top+1)/8 codes below it
	minSteps  = 18  // for five bits; fewer for four
	minPhases = 4
)

type minPassage struct{ l, lx, l2 float64 }

// A minMover is a weight as the sweeps see it: a side of the middle, codes from it where they start, steps from one
// passage to the next.
type minMover struct{ w, wx, from, each float64 }

type minFit struct {
	wide
	lo, hi     float64
	sumW, mean float64
	movers     [flat]minMover // those above the middle first
	above      int
	steps      int
	at         [minSteps + 2]minPassage
}

// survey takes the measures of a block; false when all its weights are alike.
func (f *minFit) survey() bool {
	f.lo, f.hi = f.x[0], f.x[0]
	f.sumW = 0
	sum := 0.0
	for i, x := range &f.x {
		if x < f.lo {
			f.lo = x
		}
		if x > f.hi {
			f.hi = x
		}
		f.sumW += f.w[i]
		sum += float64(f.w[i] * x)
	}
	f.mean = sum / f.sumW
	return f.lo < f.hi
}

func (f *minFit) middle() float64 { return (f.lo + f.hi) / 2 }

// place makes the movers for sweeps of that start and step.
func (f *minFit) place(start, step float64) {
	mid, up, down := f.middle(), 0, flat
	for i, x := range &f.x {
		m := minMover{w: f.w[i], wx: float64(f.w[i] * (x - f.mean)), from: float64((x - mid) * start)}
		if x > mid {
			m.each = 1 / float64((x-mid)*step)
			f.movers[up] = m
			up++
		} else {
			m.each = 1 / float64((mid-x)*step)
			down--
			f.movers[down] = m
		}
	}
	f.above = up
}

// sweepMin returns the inverse scale and the code of the middle that explain most, for codes 0…top.
func (f *minFit) sweepMin(top int) (scale, middle float64) {
	span := f.hi - f.lo
	below := float64(top+1)/8 + 0.1
	start, step := (float64(top)-below)/span, minStep/span
	f.steps = int((below + minAbove) / minStep)
	f.place(start, step)
	var explained, by, best float64 = 0, 1, 0
	perW := 1 / f.sumW
	for phase := range minPhases {
		center := float64(top)/2 + float64(phase)/minPhases - 0.5
		t := f.pass(float64(top), center)
		for b := range f.at[:f.steps+1] {
			p := &f.at[b]
			t.l += p.l
			t.lx += p.lx
			t.l2 += p.l2
			u, v := float64(t.lx*t.lx), t.l2-float64(float64(t.l*t.l)*perW)
			if float64(u*by) > float64(explained*v) {
				explained, by = u, v
				best, middle = start+float64(float64(b)*step), center
			}
		}
	}
	return best, middle
}

// pass fills the passages of a phase and returns the sums where its sweep starts.
func (f *minFit) pass(top, center float64) (t minPassage) {
	clear(f.at[:f.steps+1])
	end := float64(f.steps + 1)
	for i := range f.movers[:f.above] {
		m := &f.movers[i]
		at := m.from + center + 0.5
		code := float64(int(at))
		t.add(m, code)
		add := float64(m.w * (2*code + 1))
		for at = float64((code+1-at)*m.each) + 1; at < end && code < top; at += m.each {
			p := &f.at[int(at)]
			p.l += m.w
			p.lx += m.wx
			p.l2 += add
			add += 2 * m.w
			code++
		}
	}
	for i := range f.movers[f.above:] {
		m := &f.movers[f.above+i]
		at := m.from + center + 0.5
		code := float64(int(at))
		t.add(m, code)
		add := float64(m.w * (1 - 2*code))
		for at = float64((at-code)*m.each) + 1; at < end && code > 0; at += m.each {
			p := &f.at[int(at)]
			p.l -= m.w
			p.lx -= m.wx
			p.l2 += add
			add += 2 * m.w
			code--
		}
	}
	return t
}

func (t *minPassage) add(m *minMover, code float64) {
	wl := float64(m.w * code)
	t.l += wl
	t.l2 += float64(wl * code)
	t.lx += float64(m.wx * code)
}

// roundMin takes codes of (x-from)·s, and returns the halves of the scale that suits them best and of the offset that
// suits them and the rounded scale.
func (f *minFit) roundMin(q *[flat]uint8, top int, s, from float64) (d, m uint16) {
	hi := float64(top)
	var l, lx, l2 float64
	for i, x := range &f.x {
		k := nearest(float64((x - from) * s))
		if !(k > 0) {
			k = 0
		}
		if k > hi {
			k = hi
		}
		q[i] = uint8(int(k))
		wk := float64(f.w[i] * k)
		l += wk
		l2 += float64(wk * k)
		lx += float64(wk * (x - f.mean))
	}
	d = smallHalf(lx / (l2 - float64(l*l)/f.sumW))
	m = finiteHalf(f.mean - float64(l*float64(halfValue(d)))/f.sumW)
	return d, m
}

// lossMin is Σ w·(x - value)² with the value as decoders round it.
func (f *minFit) lossMin(q *[flat]uint8, d, m uint16) (sum float64) {
	scale, low := halfValue(d), halfValue(m)
	for i, x := range &f.x {
		e := x - float64(float32(float32(q[i])*scale)+low)
		sum += float64(f.w[i] * float64(e*e))
	}
	return sum
}

// fitMin leaves the best codes it finds in f.q and returns scale, offset and loss.
func (f *minFit) fitMin(top int) (d, m uint16, best float64) {
	if !f.survey() {
		return f.fitAlike(top)
	}
	var q [flat]uint8
	best = math.Inf(1)
	s, middle := f.sweepMin(top)
	from := f.middle() - middle/s
	for {
		hd, hm := f.roundMin(&q, top, s, from)
		loss := f.lossMin(&q, hd, hm)
		if !(loss < best) {
			return d, m, best
		}
		d, m, best, f.q = hd, hm, loss, q
		s, from = 1/float64(halfValue(d)), float64(halfValue(m))
	}
}

// fitAlike lets the scale carry what the offset lost in rounding.
func (f *minFit) fitAlike(top int) (d, m uint16, loss float64) {
	for i := range f.q {
		f.q[i] = uint8(top)
	}
	m = finiteHalf(f.lo)
	d = finiteHalf((f.lo - float64(halfValue(m))) / float64(top))
	return d, m, f.lossMin(&f.q, d, m)
}

func finiteHalf(x float64) uint16 {
	h := half(float32(x))
	if h&0x7fff == 0x7c00 {
		h--
	}
	return h
}
