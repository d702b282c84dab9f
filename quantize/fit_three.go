package quantize

// fitThreeGgml is ggml's make_q3_quants: one scale that takes the largest magnitude to -nmax, then single codes move where the
// others want them, at most five rounds, weights x². Codes are returned from 0 to 2·nmax-1.
func fitThreeGgml(x []float32, nmax int, q []uint8) float32 {
	top := signedMax(x)
	if top < tinyGroup && top > -tinyGroup {
		clear(q[:len(x)])
		return 0
	}
	lo, hi := int32(-nmax), int32(nmax-1)
	code := func(v float32) int32 { return min(max(nearestInt(v), lo), hi) }
	iscale := -float32(nmax) / top
	var l [maxGroup]int32
	var lx, l2 float32
	for i, v := range x {
		l[i] = code(float32(iscale * v))
		w, f := float32(v*v), float32(l[i])
		lx += float32(float32(w*v) * f)
		l2 += float32(float32(w*f) * f)
	}
	for range 5 {
		changed := false
		for i, v := range x {
			w, f := float32(v*v), float32(l[i])
			slx := lx - float32(float32(w*v)*f)
			if !(slx > 0) {
				continue
			}
			sl2 := l2 - float32(float32(w*f)*f)
			k := code(float32(v*sl2) / slx)
			if k == l[i] {
				continue
			}
			f = float32(k)
			slx += float32(float32(w*v) * f)
			sl2 += float32(float32(w*f) * f)
			if sl2 > 0 && float32(float32(slx*slx)*l2) > float32(float32(lx*lx)*sl2) {
				l[i], lx, l2 = k, slx, sl2
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	for i := range x {
		q[i] = uint8(l[i] - lo)
	}
	if l2 > 0 {
		return lx / l2
	}
	return 0
}
