package main

// Programs that look for scales by sums alone: what levels explain of the weights, without the errors that they leave.

// byMore is by how much more a scale has to explain than one before it, since float32 sums are not exact: where several explain all,
// groups are to agree on one.
const byMore = 1 + 1.0/(1<<18)

// params: the lowest and the highest level, each and levelZero, one if weights count. table: numerators of inverse scales.
func (p *lanes) scanSym() {
	p.weighted(func(weighted bool) {
		p.scanTop(weighted)
		l := p.levelsOf(0, 1)
		p.tries(1, func() { p.tryScanSym(l, weighted) })
		p.unshare()
	})
}

// scanTop stores the first weight of the largest magnitude, one over it, and, where weights count, w·x as codes.
func (p *lanes) scanTop(weighted bool) {
	top, most := p.zero(), p.zero()
	for _, r := range []row{rowScale, rowLoss, rowSumWQQ} {
		p.store(p.row(r), top)
	}
	p.elements(func() {
		x := p.load(p.x())
		a := p.copy(x)
		p.abs(a)
		more := p.cmp(a, "GT", most)
		p.where(more, top, x)
		p.is(most, maxf, a)
		p.freeMask(more)
		p.free(a)
		if weighted {
			p.is(x, mul, p.w())
			p.store(p.code(), x)
		}
		p.free(x)
	})
	t := p.load(p.c(1e-15))
	live := p.cmp(most, "GE", t)
	p.loadTo(t, p.c(1))
	p.where(live, t, top)
	p.freeMask(live)
	p.store(p.row(rowT0), t)
	p.free(top, most)
	inv := p.load(p.c(1))
	p.is(inv, div, t)
	p.store(p.row(rowInv), inv)
	p.free(inv, t)
}

func (p *lanes) tryScanSym(l levels, weighted bool) {
	inv := p.try(0)
	p.is(inv, mul, p.row(rowInv))
	lx, l2 := p.zero(), p.zero()
	p.elements(func() {
		q := p.levelBy(p.x(), inv, l)
		if !weighted {
			p.to(fma, lx, q, p.x())
			p.to(fma, l2, q, q)
			p.free(q)
			return
		}
		p.to(fma, lx, q, p.code())
		wq := p.new(q, mul, p.w())
		p.to(fma, l2, wq, q)
		p.free(q, wq)
	})
	p.free(inv)
	scale := p.new(lx, div, l2)
	p.is(lx, mul, scale)
	had := p.load(p.row(rowLoss))
	p.is(had, mul, p.c(byMore))
	more := p.cmp(lx, "GT", had)
	p.free(had)
	p.whereRow(more, rowLoss, lx)
	p.whereRow(more, rowScale, scale)
	p.whereRow(more, rowSumWQQ, l2)
	p.free(lx, l2, scale)
	p.freeMask(more)
}

// params: the highest level and levelZero, the highest level, one if weights count. table: numerators of inverse scales.
func (p *lanes) scanMin() {
	p.weighted(func(weighted bool) {
		p.parts(func() { p.beginScanMin(weighted) })
		l := p.levelsOf(-1, 0)
		p.tries(1, func() { p.parts(func() { p.tryScanMin(l, weighted) }) })
		p.unshare()
	})
}

// beginScanMin begins with the smallest weight as minimum, and a scale that explains nothing.
func (p *lanes) beginScanMin(weighted bool) {
	sw, sx := p.zero(), p.zero()
	p.copyGP("groups", "element")
	lo := p.load(p.x())
	hi := p.copy(lo)
	p.elements(func() {
		x := p.load(p.x())
		p.is(lo, minf, x)
		p.is(hi, maxf, x)
		w := p.weight(weighted)
		p.to(fma, sx, x, w)
		p.is(sw, add, w)
		p.free(x, w)
	})
	p.is(lo, minf, p.c(0))
	p.store(p.row(rowSumW), sw)
	p.store(p.row(rowSumWX), sx)
	p.free(sw, sx)
	p.is(lo, add, p.c(0)) // not -0
	p.store(p.row(rowFrom), lo)
	p.store(p.row(rowMin), lo)
	p.store(p.row(rowTop), hi)
	p.is(hi, sub, lo)
	highest := p.param(1)
	p.is(hi, div, highest)
	p.store(p.row(rowScale), hi)
	p.free(highest, hi, lo)
	none := p.zero()
	p.store(p.row(rowLoss), none)
	p.free(none)
}

// alike is the part of Σw·Σwq² below which what its difference from (Σwq)² leaves is chance.
const alike = 1.0 / (1 << 17)

func (p *lanes) tryScanMin(l levels, weighted bool) {
	inv, lo, span := p.try(0), p.load(p.row(rowFrom)), p.load(p.row(rowTop))
	p.is(span, sub, lo)
	p.is(inv, div, span)
	p.free(span)
	p.finite(inv)
	sl, sl2, sxl := p.zero(), p.zero(), p.zero()
	p.elements(func() {
		y := p.load(p.x())
		p.is(y, sub, lo)
		q := p.levelBy(y, inv, l)
		p.free(y)
		if !weighted {
			p.is(sl, add, q)
			p.to(fma, sl2, q, q)
			p.to(fma, sxl, q, p.x())
			p.free(q)
			return
		}
		wq := p.new(q, mul, p.w())
		p.is(sl, add, wq)
		p.to(fma, sl2, wq, q)
		p.to(fma, sxl, wq, p.x())
		p.free(q, wq)
	})
	p.free(inv, lo)

	sw, sx := p.row(rowSumW), p.row(rowSumWX)
	det, t := p.new(sl2, mul, sw), p.new(sl, mul, sl)
	all := p.copy(det)
	p.is(det, sub, t)
	p.is(all, mul, p.c(alike))
	same := p.cmp(all, "GE", det)
	p.free(all)
	detBack := p.park(det, rowSpare0)
	scale := p.new(sxl, mul, sw)
	p.to(mul, t, sl, sx)
	p.is(scale, sub, t)
	low := p.new(sl2, mul, sx)
	p.to(mul, t, sl, sxl)
	p.is(low, sub, t)
	p.free(sl)
	p.loadTo(t, p.c(0))
	above := p.cmp(low, "GT", t)
	p.either(above, same)
	p.freeMask(same)
	p.where(above, low, t)
	p.free(t)
	p.where(above, scale, sxl)
	det = detBack()
	p.where(above, det, sl2)
	p.freeMask(above)
	p.free(sl2)
	one := p.load(p.c(1))
	some := p.cmp(det, "GT", p.c(0))
	p.to(div, one, one, det)
	p.free(det)
	p.is(scale, mul, one)
	p.is(low, mul, one)
	p.free(one)
	p.is(sxl, mul, scale)
	t = p.new(low, mul, sx)
	p.is(sxl, add, t)
	p.loadTo(t, p.row(rowLoss))
	p.is(t, mul, p.c(byMore))
	more := p.cmp(sxl, "GT", t)
	p.free(t)
	p.both(more, some)
	p.freeMask(some)
	p.whereRow(more, rowLoss, sxl)
	p.whereRow(more, rowScale, scale)
	p.whereRow(more, rowMin, low)
	p.whereRow(more, rowFrom, low)
	p.free(sxl, scale, low)
	p.freeMask(more)
}
