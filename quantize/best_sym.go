package quantize

import "math"

// The default search of the symmetric flat types. An inverse scale s gives every weight a code; as s grows, weight x passes
// from level k to k+1 at (k+½)/|x| and nowhere else. So instead of rounding 32 weights at every s, each passage is
// dropped into the step of the sweep where it happens, and one scan over the steps knows Σwxl and Σwl² at each: what the
// best scale for those codes explains is (Σwxl)²/Σwl². The two signs of the scale differ only in which weights may reach
// the last level. The winner is refitted and rounded again as decoders will see it until that stops helping.

const (
	sweepStep  = 0.2 // levels of the largest magnitude; sweeps begin a quarter of the levels below the last one
	sweepPlain = 3   // levels above it where they end when all weights count the same
	sweepWide  = 9   // and with importance: the largest weight may be the least important
	sweepMost  = 66  // steps of the longest sweep
)

// A passage collects what the weights that change level in one step add to both sums; those that reach the last level
// apart, by their sign.
type passage struct {
	lx, l2 float64
	last   [2]struct{ lx, l2 float64 }
}

type symFit struct {
	wide
	above float64 // where sweeps end
	steps int
	at    [sweepMost + 2]passage
}

// sweepSym returns the best inverse scale of the sweep, with its sign, for codes -n…n-1.
func (f *symFit) sweepSym(n int, amax float64) float64 {
	below := float64(n)/4 + 0.1
	start, step := (float64(n)-below)/amax, sweepStep/amax
	f.steps = min(int((below+f.above)/sweepStep), sweepMost)
	lx, l2 := f.passSym(n, start, step)
	var last [2]struct{ lx, l2 float64 }
	var top, bottom, best float64 = 0, 1, 0
	for b := range f.at[:f.steps+1] {
		p := &f.at[b]
		lx += p.lx
		l2 += p.l2
		for side := range last {
			t := &last[side]
			t.lx += p.last[side].lx
			t.l2 += p.last[side].l2
			u, v := lx+t.lx, l2+t.l2
			if u *= u; float64(u*bottom) > float64(top*v) {
				top, bottom = u, v
				best = start + float64(float64(b)*step)
				if side == 1 {
					best = -best
				}
			}
		}
	}
	return best
}

// passSym fills the passages and returns both sums where the sweep starts.
func (f *symFit) passSym(n int, start, step float64) (lx, l2 float64) {
	clear(f.at[:f.steps+1])
	end, last := float64(f.steps+1), float64(n-1)
	for i, x := range f.x {
		side := 1
		if x < 0 {
			x, side = -x, 0
		}
		if x == 0 {
			continue
		}
		k := float64(int(float64(x*start) + 0.5))
		w := f.w[i]
		wx := float64(w * x)
		wk := float64(w * k)
		lx += float64(wx * k)
		l2 += float64(wk * k)
		each := 1 / float64(x*step)
		at := float64((k+0.5)*each) - start/step + 1
		for add := 2*wk + w; at < end; at += each {
			p := &f.at[int(at)]
			if k >= last {
				p.last[side].lx += wx
				p.last[side].l2 += add
				break
			}
			p.lx += wx
			p.l2 += add
			add += 2 * w
			k++
		}
	}
	return lx, l2
}

// roundSym takes codes with inverse scale s and returns both sums.
func (f *symFit) roundSym(q *[flat]uint8, n int, s float64) (lx, l2 float64) {
	lo, hi := float64(-n), float64(n-1)
	for i, x := range f.x {
		k := nearest(float64(x * s))
		if k < lo {
			k = lo
		}
		if k > hi {
			k = hi
		}
		q[i] = uint8(int(k) + n)
		wk := float64(f.w[i] * k)
		lx += float64(wk * x)
		l2 += float64(wk * k)
	}
	return lx, l2
}

// lossSym is Σ w·(x - d·code)², exactly what decoding will show: code·d fits a float32.
func (f *symFit) lossSym(q *[flat]uint8, n int, d float64) (sum float64) {
	for i, x := range f.x {
		e := x - float64(d*float64(int(q[i])-n))
		sum += float64(f.w[i] * float64(e*e))
	}
	return sum
}

// fitSym leaves the best codes it finds in f.q and returns the scale and its loss.
func (f *symFit) fitSym(n int, amax float64) (uint16, float64) {
	var q [flat]uint8
	scale, best := uint16(0), math.Inf(1)
	for s := f.sweepSym(n, amax); ; {
		lx, l2 := f.roundSym(&q, n, s)
		h := smallHalf(lx / l2)
		d := float64(halfValue(h))
		if loss := f.lossSym(&q, n, d); !(loss < best) {
			return scale, best
		} else {
			scale, best, f.q = h, loss, q
		}
		s = 1 / d
	}
}

// smallHalf rounds a scale to a half that one can divide by: neither zero, nor infinite, nor NaN.
func smallHalf(d float64) uint16 {
	h := half(float32(d))
	switch m := h & 0x7fff; {
	case m == 0:
		return h | 1
	case m == 0x7c00:
		return h - 1
	case m > 0x7c00:
		return 1
	}
	return h
}

// nearest rounds half to even for |x| < 2^51.
func nearest(x float64) float64 { return x + 0x1.8p52 - 0x1.8p52 }
