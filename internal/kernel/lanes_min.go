package kernel

// The portable bodies for groups with a minimum.

func (l *lane) sweepMin(table []float32, abs bool) {
	g, i := l.g, l.i
	lo, hi := l.x[0], l.x[0]
	var sw, sx float32
	for e, x := range l.x[:l.n] {
		lo, hi = min(lo, x), max(hi, x)
		sx += float32(x * l.w[e])
		sw += l.w[e]
	}
	lo = min(lo, 0)
	g.SumW[i], g.SumWX[i] = sw, sx
	span := float32(1)
	if hi > lo {
		span = hi - lo
	}
	first := g.params[0] / span
	low, from, best := lo, lo, lo
	scale, inv := 1/first, orZero(first)
	if !(hi > lo) {
		scale = 0
	}
	l.levelsMin(lo, inv)
	loss := l.lossMin(scale, lo, abs)
	for _, try := range table {
		next := orZero(try / (hi - from))
		sl, sl2, sxl := l.levelsMin(from, next)
		s, m, ok := refitMin(sw, sx, sl, sl2, sxl)
		if !ok {
			continue
		}
		if e := l.lossMin(s, m, abs); e < loss {
			loss, scale, low, inv, best = e, s, m, next, from
			from = m
		}
	}
	g.Scale[i], g.Min[i], g.Loss[i] = scale, low, loss
	if g.Min[i] == 0 {
		g.Min[i] = 0 // not -0
	}
	g.inv[i], g.best[i] = inv, best
}

// levelsMin takes levels from a minimum at an inverse scale, and adds them up.
func (l *lane) levelsMin(from, inv float32) (sl, sl2, sxl float32) {
	for e, x := range l.x[:l.n] {
		q := level(float32((x-from)*inv), 0, l.g.params[0])
		l.q[e] = q
		wq := float32(q * l.w[e])
		sl += wq
		sl2 += float32(q * wq)
		sxl += float32(wq * x)
	}
	return sl, sl2, sxl
}

func (l *lane) lossMin(scale, low float32, abs bool) (sum float32) {
	for e, x := range l.x[:l.n] {
		d := float32(l.q[e]*scale) + low - x
		if abs {
			d = max(d, -d)
		} else {
			d = float32(d * d)
		}
		sum += float32(d * l.w[e])
	}
	return sum
}

// refitMin solves for scale and minimum; not ok where the levels are all alike.
func refitMin(sw, sx, sl, sl2, sxl float32) (scale, low float32, ok bool) {
	det := float32(sw*sl2) - float32(sl*sl)
	if !(det > 0) {
		return 0, 0, false
	}
	scale = (float32(sw*sxl) - float32(sx*sl)) / det
	low = (float32(sl2*sx) - float32(sl*sxl)) / det
	if low > 0 {
		return sxl / sl2, 0, true
	}
	return scale, low, true
}

func (l *lane) walkMin(table []float32) {
	g, i := l.g, l.i
	d, dmin, most := g.D[i], g.DMin[i], g.params[1]
	ratio := orZero(d / dmin)
	s0, m0 := g.AtScale[i], g.AtMin[i]
	for ; len(table) > 0; table = table[3:] {
		s := s0 + table[0]
		m := m0 + (float32(table[2]*ratio) + levelZero - levelZero + table[1])
		if !(s >= 0 && m >= 0 && s <= most && m <= most) {
			continue
		}
		if e := l.lossAt(float32(d*s), float32(dmin*m)); e < g.Loss[i] {
			g.Loss[i], g.Scale[i], g.Min[i] = e, s, m
		}
	}
}

// lossAt is the error of value = s·level - low with the nearest levels, or nearly.
func (l *lane) lossAt(s, low float32) (sum float32) {
	inv, top := inverseOf(s), l.g.params[0]
	for e, x := range l.x[:l.n] {
		y := x + low
		q := levelBy(y, inv, levelZero, top)
		sum = l.square(sum, fma(-q, s, y), e)
	}
	return sum
}

// square adds the square of an error, times its weight where weights count.
func (l *lane) square(sum, err float32, e int) float32 {
	return fma(float32(err*l.weight(e)), err, sum)
}

// weight is that of an element where weights count.
func (l *lane) weight(e int) float32 {
	if l.g.params[2] != 0 {
		return l.w[e]
	}
	return 1
}

func (l *lane) takeMin([]float32) {
	g, i := l.g, l.i
	s, low := g.Scale[i], g.Min[i]
	inv := inverseOf(s)
	var sw, sx, sq, sqq, sqx, loss float32
	for e, x := range l.x[:l.n] {
		w, y := l.weight(e), x+low
		q := levelBy(y, inv, levelZero, g.params[0])
		loss = l.square(loss, fma(-q, s, y), e)
		wq := float32(w * q)
		sw += w
		sx = fma(w, x, sx)
		sq += wq
		sqq = fma(wq, q, sqq)
		sqx = fma(wq, x, sqx)
	}
	g.SumW[i], g.SumWX[i], g.SumWQ[i], g.SumWQQ[i], g.SumWQX[i], g.Loss[i] = sw, sx, sq, sqq, sqx, loss
}
