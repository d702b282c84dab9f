package quantize

// fitPosGgml is ggml's make_qp_quants: codes 0…nmax for values that are not negative. It picks the best of nine inverse
// scales, then moves single codes as long as that explains more, at most five times round.
func fitPosGgml(x, w []float32, nmax int, q []uint8) float32 {
	var top float32
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	if top < tinyGroup {
		clear(q[:len(x)])
		return 0
	}
	n := float32(nmax)
	iscale := n / top
	best := posError(x, w, iscale, nmax)
	for k := -4; k <= 4; k++ {
		if k == 0 {
			continue
		}
		try := (float32(0.1*float32(k)) + n) / top
		if e := posError(x, w, try, nmax); e < best {
			best, iscale = e, try
		}
	}
	var lx, l2 float32
	for i, v := range x {
		l := min(nearestInt(float32(iscale*v)), int32(nmax))
		q[i] = uint8(l)
		lx += float32(float32(w[i]*v) * float32(l))
		l2 += float32(float32(w[i]*float32(l)) * float32(l))
	}
	lx, l2 = descend(x, w, q, lx, l2, func(v, sl2, slx float32) int32 { return min(nearestInt(float32(v*sl2)/slx), int32(nmax)) })
	if l2 > 0 {
		return lx / l2
	}
	return 0
}

func posError(x, w []float32, iscale float32, nmax int) (sum float32) {
	scale, top := 1/iscale, float32(nmax)
	w = w[:len(x)]
	for i, v := range x {
		q := float32(iscale*v) + wholeFloat - wholeFloat // nearestInt, which numbers up to nmax and a bit are small enough for
		if q > top {
			q = top
		}
		diff := v - float32(scale*q)
		sum += float32(float32(w[i]*diff) * diff)
	}
	return sum
}

// descend moves one code at a time to where the others want it, and keeps what explains more, at most five rounds.
func descend(x, w []float32, q []uint8, lx, l2 float32, move func(v, sl2, slx float32) int32) (float32, float32) {
	for range 5 {
		changed := false
		for i, v := range x {
			l := float32(q[i])
			slx := lx - float32(float32(w[i]*v)*l)
			sl2 := l2 - float32(float32(w[i]*l)*l)
			if !(slx > 0 && sl2 > 0) {
				continue
			}
			k := move(v, sl2, slx)
			if k == int32(q[i]) {
				continue
			}
			slx += float32(float32(w[i]*v) * float32(k))
			sl2 += float32(float32(w[i]*float32(k)) * float32(k))
			if float32(float32(slx*slx)*l2) > float32(float32(lx*lx)*sl2) {
				q[i], lx, l2 = uint8(k), slx, sl2
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	return lx, l2
}
