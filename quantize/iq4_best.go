package quantize

import "math"

// The default search of IQ4_NL and IQ4_XS for one group of 32. As an inverse scale grows, weights pass from level to level; a sweep
// over steps of it knows Σ w·x·level and Σ w·level² at each step for both signs of the scale, which differ because the
// levels lie unevenly.

const (
	sweepFrom4 = 60.0 // where the largest magnitude stands when a sweep begins, in units of levels
	sweepTo4   = 210.0
	sweepStep4 = 2.5
	sweeps4    = 60
)

// The levels above and below zero as magnitudes, and the middles where weights pass on from each. Near zero all weights have
// level 1, which for those below is the wrong sign.
var (
	above4 = [...]float64{1, 13, 25, 38, 53, 69, 89, 113}
	below4 = [...]float64{-1, 10, 22, 35, 49, 65, 83, 104, 127}
)

type fit4 struct {
	x, w [flat]float64
	amax float64
	sums [2][sweeps4 + 1]struct{ lx, l2 float64 }
}

func (f *fit4) load(x, w *[flat]float32) {
	f.amax = 0
	for i, v := range x {
		f.x[i], f.w[i] = float64(v), float64(w[i])
		f.amax = max(f.amax, math.Abs(f.x[i]))
	}
}

// sweep returns the best scale of either sign; both are zero for a group of zeros.
func (f *fit4) sweep() (scale [2]float64) {
	if !(f.amax > tinyGroup) {
		return scale
	}
	clear(f.sums[0][:])
	clear(f.sums[1][:])
	for i, x := range f.x {
		if a := math.Abs(x); a > 0 {
			side := 0
			if x < 0 {
				side = 1
			}
			f.pass(&f.sums[side], above4[:], a, f.w[i])
			f.pass(&f.sums[1-side], below4[:], a, f.w[i])
		}
	}
	for side := range f.sums {
		var lx, l2, best float64
		for _, s := range f.sums[side] {
			lx += s.lx
			l2 += s.l2
			if lx > 0 && float64(lx*lx) > float64(best*l2) {
				best = lx * lx / l2
				scale[side] = lx / l2
			}
		}
	}
	scale[1] = -scale[1]
	return scale
}

// pass adds what one weight of magnitude a does to the sums, level by level.
func (f *fit4) pass(sums *[sweeps4 + 1]struct{ lx, l2 float64 }, levels []float64, a, w float64) {
	u := a / f.amax
	from, last := float64(u*sweepFrom4), 0.0
	wa := float64(w * a)
	each := 1 / float64(u*sweepStep4)
	for k, l := range levels {
		at := 0
		if k > 0 {
			if middle := (levels[k-1] + l) / 2; middle > from {
				t := float64((middle - from) * each)
				if t >= sweeps4 {
					return
				}
				at = int(t) + 1
			}
		}
		sums[at].lx += float64(wa * (l - last))
		sums[at].l2 += float64(w * (float64(l*l) - float64(last*last)))
		last = l
	}
}

// loss is the error of a group whose scale is d, with the nearest codes, which it leaves in q.
func (f *fit4) loss(q *[flat]uint8, d float64) (sum float64) {
	inv := 0.0
	if d != 0 {
		inv = 1 / d
	}
	for i, x := range f.x {
		q[i] = code4NL(float32(x * inv))
		e := x - float64(d*float64(values4NL[q[i]]))
		sum += float64(f.w[i] * float64(e*e))
	}
	return sum
}

// coded is the error with the codes given.
func (f *fit4) coded(q *[flat]uint8, d float64) (sum float64) {
	for i, x := range f.x {
		e := x - float64(d*float64(values4NL[q[i]]))
		sum += float64(f.w[i] * float64(e*e))
	}
	return sum
}

// products returns Σ w·x·level and Σ w·level².
func (f *fit4) products(q *[flat]uint8) (lx, l2 float64) {
	for i, x := range f.x {
		l := float64(values4NL[q[i]])
		wl := float64(f.w[i] * l)
		lx += float64(wl * x)
		l2 += float64(wl * l)
	}
	return lx, l2
}
