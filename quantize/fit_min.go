package quantize

import "math"

// fitMinGgml3 is ggml's make_qkx3_quants, and its make_qkx2_quants, which differs in nothing that can be seen: codes 0…nmax, a
// scale and the negative of a minimum that is never above zero. It tries nstep+1 inverse scales, refits scale and minimum to
// each by weighted least squares and keeps the least error; the minimum that codes are taken from is the best found so far,
// so the order of the tries matters.
func fitMinGgml3(x, w []float32, nmax int, q, qaux []uint8, rmin, rdelta float32, nstep int, useMAD bool) (scale, negMin float32) {
	f := minFitGgml{x: x, w: w[:len(x)], q: qaux[:len(x)], top: int32(nmax)}
	q = q[:len(x)]
	lo, hi := f.survey()
	if hi <= lo {
		clear(q)
		return 0, -lo
	}
	top := float32(nmax)
	f.from(lo)
	f.codes(top / (hi - lo))
	copy(q, f.q)
	scale = 1 / (top / (hi - lo))
	best := f.loss(scale, lo, useMAD)
	f.next = 0

	for k := 0; k <= nstep; k++ {
		iscale := (rmin + float32(rdelta*float32(k)) + top) / (hi - lo)
		if iscale < f.next {
			continue // the codes of the try before have had their chance
		}
		f.codes(iscale)
		s, m, ok := f.refit()
		if !ok || !useMAD && f.hopeless(s, m, best) {
			continue
		}
		if e := f.loss(s, m, useMAD); e < best {
			copy(q, f.q)
			best, scale, lo = e, s, m
			f.from(lo)
		}
	}
	return scale, -lo
}

// A minFitGgml is a group under fitMinGgml3. Its sums are added in float32 from left to right, as the bytes of ggml's files
// depend on their last bits.
type minFitGgml struct {
	x, w         []float32
	q            []uint8 // the codes of the last try
	top          int32
	sw, sx       float32           // Σw, Σwx
	sl, sl2, sxl float32           // Σwl, Σwl², Σwlx for the codes l of the last try
	x2           float64           // Σwx²
	y, inv       [maxGroup]float32 // x above the minimum, or zero, and its inverse
	next         float32           // inverse scales from the last one up to here change no code
}

// survey adds up what no code changes and returns the range, which includes zero.
func (f *minFitGgml) survey() (lo, hi float32) {
	x, w := f.x, f.w[:len(f.x)]
	lo, hi = x[0], x[0]
	for i, v := range x {
		lo, hi = min(lo, v), max(hi, v)
		wx := float32(w[i] * v)
		f.sw += w[i]
		f.sx += wx
		f.x2 += float64(float64(wx) * float64(v))
	}
	return min(lo, 0), hi
}

// from sets the minimum that codes are taken from.
func (f *minFitGgml) from(lo float32) {
	y, inv := f.y[:len(f.x)], f.inv[:len(f.x)]
	for i, v := range f.x {
		c := int32(math.Float32bits(v - lo))
		if c < 0 {
			c = 0
		}
		y[i] = math.Float32frombits(uint32(c))
		inv[i] = 1 / y[i]
	}
	f.next = 0
}

// codes rounds what is above the minimum, times iscale, to codes and adds up what they weigh. The rounding is nearestInt:
// 1.5·2²³ is added and the code stands in the low bits, which are clamped there; float32s that are not negative compare as
// their bits do. Nothing leaves nearestInt's range unless iscale is infinite, and then the reference's codes are zeros.
func (f *minFitGgml) codes(iscale float32) {
	const never = 0x7f800000 // the bits of infinity
	f.sl, f.sl2, f.sxl, f.next = 0, 0, 0, 0
	if !(iscale > 0 && iscale <= math.MaxFloat32) {
		clear(f.q)
		return
	}
	x, top, next := f.x, 0x4b400000+f.top, int32(never)
	w, q, y, inv := f.w[:len(x)], f.q[:len(x)], f.y[:len(x)], f.inv[:len(x)]
	var sl, sl2, sxl float32
	for i, v := range x {
		c := int32(math.Float32bits(float32(iscale*y[i]) + 12582912))
		if c > top {
			c = top
		}
		q[i] = uint8(c)
		l := math.Float32frombits(uint32(c)) - 12582912
		at := int32(math.Float32bits((l + 0.5) * inv[i]))
		if c == top {
			at = never
		}
		if at < next {
			next = at
		}
		wl := float32(w[i] * l)
		sl += wl
		sl2 += float32(wl * l)
		sxl += float32(wl * v)
	}
	f.sl, f.sl2, f.sxl = sl, sl2, sxl
	if iscale < 1e37 { // above, inverses overflow where codes still change
		f.next = math.Float32frombits(uint32(next)) * (1 - 1e-6)
	}
}

// refit returns the scale and minimum that suit the codes best; not ok when the codes are all alike.
func (f *minFitGgml) refit() (scale, low float32, ok bool) {
	d := float32(f.sw*f.sl2) - float32(f.sl*f.sl)
	if !(d > 0) {
		return 0, 0, false
	}
	scale = (float32(f.sw*f.sxl) - float32(f.sx*f.sl)) / d
	low = (float32(f.sl2*f.sx) - float32(f.sl*f.sxl)) / d
	if low > 0 {
		return f.sxl / f.sl2, 0, true
	}
	return scale, low, true
}

// hopeless is true when the error of the last codes, with this scale and minimum, is above best whatever way the sums were
// rounded. By the sums it is x2 + s²·Σwl² + m²·Σw + 2sm·Σwl - 2s·Σwlx - 2m·Σwx. Each of them is off by no more than
// 34 roundings of its terms' magnitudes, together 34·2⁻²⁴·(√x2 + |s|√Σwl² + |m|√Σw)², which is at most three times the sum
// of the squares; loss itself rounds less than is allowed for here. Where numbers underflow, nothing is concluded.
func (f *minFitGgml) hopeless(scale, low, best float32) bool {
	s, m := float64(scale), float64(low)
	ss, mm := float64(s*s*float64(f.sl2)), float64(m*m*float64(f.sw))
	cross := float64(s*m*float64(f.sl)) - float64(s*float64(f.sxl)) - float64(m*float64(f.sx))
	all := f.x2 + ss + mm
	return best > 1e-25 && all+float64(2*cross)-float64(all*(120*0x1p-24)) > float64(best)*(1+1e-5)
}

// loss is the weighted error of the last codes: squares, or magnitudes.
func (f *minFitGgml) loss(scale, low float32, useMAD bool) (sum float32) {
	w, q := f.w[:len(f.x)], f.q[:len(f.x)]
	if useMAD {
		for i, v := range f.x {
			diff := float32(scale*float32(q[i])) + low - v
			sum += float32(w[i] * float32(math.Abs(float64(diff))))
		}
		return sum
	}
	for i, v := range f.x {
		diff := float32(scale*float32(q[i])) + low - v
		sum += float32(w[i] * float32(diff*diff))
	}
	return sum
}
