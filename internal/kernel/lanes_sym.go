package kernel

// The portable bodies for groups with levels on both sides of zero.

// noGroup is a magnitude below which a group counts as zeros (ggml's GROUP_MAX_EPS).
const noGroup = 1e-15

// topAndSum is top; SumW becomes the sum of weights.
func (l *lane) topAndSum() float32 {
	l.g.SumW[l.i] = 0
	for _, w := range l.w[:l.n] {
		l.g.SumW[l.i] += w
	}
	return l.top()
}

// top is the first weight of the largest magnitude, or one where all are about zero.
func (l *lane) top() float32 {
	var top, most float32
	for _, x := range l.x[:l.n] {
		if a := max(x, -x); a > most {
			top, most = x, a
		}
	}
	if most >= noGroup {
		return top
	}
	return 1
}

// sumsSym adds Σwxq and Σwq² for the levels q that an inverse scale gives.
func (l *lane) sumsSym(inv float32) (lx, l2 float32) {
	for e, x := range l.x[:l.n] {
		q := level(float32(x*inv), l.g.params[0], l.g.params[1])
		l.q[e] = q
		w := l.weight(e)
		lx += float32(float32(x*w) * q)
		l2 += float32(float32(w*q) * q)
	}
	return lx, l2
}

func (l *lane) sweepSym(table []float32) {
	g, i := l.g, l.i
	top := l.topAndSum()
	var scale, best, cost float32
	inv := table[0] / top
	g.top[i] = top
	for _, try := range table {
		next := try / top
		lx, l2 := l.sumsSym(next)
		if l2 > 0 && float32(lx*lx) > float32(best*l2) {
			scale, cost, inv = lx/l2, l2, next
			best = float32(lx * scale)
		}
	}
	g.Scale[i], g.Loss[i], g.SumWQQ[i], g.inv[i] = scale, best, cost, inv
}

func (l *lane) descendSym(table []float32) {
	g, i := l.g, l.i
	lx, l2 := l.sumsSym(table[0] / l.topAndSum())
	for range table { // as many rounds as it is long
		moved := false
		for e := range l.n {
			moved = l.moveOne(e, &lx, &l2) || moved
		}
		if !moved {
			break
		}
	}
	g.Scale[i] = 0
	if l2 > 0 {
		g.Scale[i] = lx / l2
	}
	for e := range l.n {
		g.Code[e*GroupLanes+i] = l.q[e]
	}
}

// moveOne moves a level to where the others want it, if that explains more.
func (l *lane) moveOne(e int, lx, l2 *float32) bool {
	x, w, q := l.x[e], l.w[e], l.q[e]
	wx := float32(w * x)
	sx, s2 := *lx-float32(wx*q), *l2-float32(float32(w*q)*q)
	if !(sx > 0) {
		return false
	}
	k := level(float32(x*s2)/sx, l.g.params[0], l.g.params[1])
	sx += float32(wx * k)
	s2 += float32(float32(w*k) * k)
	if k == q || !(s2 > 0) || !(float32(float32(sx*sx)**l2) > float32(float32(*lx**lx)*s2)) {
		return false
	}
	l.q[e], *lx, *l2 = k, sx, s2
	return true
}

func (l *lane) walkSym(table []float32) {
	g, i := l.g, l.i
	s0 := g.AtScale[i]
	for _, step := range table {
		s := s0 + step
		if !(s >= g.params[3] && s <= g.params[4]) {
			continue
		}
		if e := l.lossSym(float32(s * g.D[i])); e < g.Loss[i] {
			g.Loss[i], g.Scale[i] = e, s
		}
	}
}

func (l *lane) lossSym(s float32) (sum float32) {
	inv := inverseOf(s)
	for e, x := range l.x[:l.n] {
		q := levelBy(x, inv, l.g.params[0], l.g.params[1])
		sum = l.square(sum, fma(-q, s, x), e)
	}
	return sum
}

func (l *lane) takeSym([]float32) {
	g, i := l.g, l.i
	s := g.Scale[i]
	inv := inverseOf(s)
	var qq, qx, loss float32
	for e, x := range l.x[:l.n] {
		w, q := l.weight(e), levelBy(x, inv, g.params[0], g.params[1])
		loss = l.square(loss, fma(-q, s, x), e)
		wq := float32(w * q)
		qx = fma(wq, x, qx)
		qq = fma(wq, q, qq)
	}
	g.SumWQQ[i], g.SumWQX[i], g.Loss[i] = qq, qx, loss
}
