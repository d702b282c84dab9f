package kernel

// The portable bodies that look for scales by sums alone.

// byMore is by how much more a scale has to explain than one before it, since float32 sums are not exact: where several explain all,
// groups are to agree on one.
const byMore = 1 + 1.0/(1<<18)

func (l *lane) scanSym(table []float32) {
	g, i := l.g, l.i
	top := l.top()
	inv := 1 / top
	var scale, best, cost float32
	for _, try := range table {
		lx, l2 := l.scanSums(float32(try * inv))
		s := lx / l2
		if explained := float32(lx * s); explained > float32(best*byMore) {
			best, scale, cost = explained, s, l2
		}
	}
	g.Scale[i], g.Loss[i], g.SumWQQ[i], g.top[i] = scale, best, cost, top
}

// scanSums adds Σwxq and Σwq² for the levels q that an inverse scale gives.
func (l *lane) scanSums(inv float32) (lx, l2 float32) {
	for e, x := range l.x[:l.n] {
		w, q := l.weight(e), levelBy(x, inv, l.g.params[0], l.g.params[1])
		lx = fma(q, float32(x*w), lx)
		l2 = fma(float32(w*q), q, l2)
	}
	return lx, l2
}

func (l *lane) scanMin(table []float32) {
	g, i := l.g, l.i
	lo, hi := l.x[0], l.x[0]
	var sw, sx float32
	for e, x := range l.x[:l.n] {
		w := l.weight(e)
		lo, hi = min(lo, x), max(hi, x)
		sx = fma(x, w, sx)
		sw += w
	}
	lo = min(lo, 0)
	if lo == 0 {
		lo = 0 // not -0
	}
	from, low, best := lo, lo, float32(0)
	scale := (hi - lo) / g.params[1]
	for _, try := range table {
		sl, sl2, sxl := l.scanLevels(from, orZero(try/(hi-from)))
		s, m, ok := refitOnce(sw, sx, sl, sl2, sxl)
		if explained := float32(sxl*s) + float32(m*sx); ok && explained > float32(best*byMore) {
			best, scale, low, from = explained, s, m, m
		}
	}
	g.Scale[i], g.Min[i], g.Loss[i], g.SumW[i], g.SumWX[i] = scale, low, best, sw, sx
}

func (l *lane) scanLevels(from, inv float32) (sl, sl2, sxl float32) {
	for e, x := range l.x[:l.n] {
		q := levelBy(x-from, inv, levelZero, l.g.params[0])
		wq := float32(q * l.weight(e))
		sl += wq
		sl2 = fma(wq, q, sl2)
		sxl = fma(wq, x, sxl)
	}
	return sl, sl2, sxl
}

// alike is the part of Σw·Σwq² below which what its difference from (Σwq)² leaves is chance: levels are all alike.
const alike = 1.0 / (1 << 17)

// refitOnce is refitMin with one division; where levels are all alike the minimum is zero.
func refitOnce(sw, sx, sl, sl2, sxl float32) (scale, low float32, ok bool) {
	all := float32(sw * sl2)
	det := all - float32(sl*sl)
	scale = float32(sw*sxl) - float32(sx*sl)
	low = float32(sl2*sx) - float32(sl*sxl)
	if low > 0 || float32(all*alike) >= det {
		scale, low, det = sxl, 0, sl2
	}
	inv := 1 / det
	return float32(scale * inv), float32(low * inv), det > 0
}
