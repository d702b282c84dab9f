package main

// Programs for groups with a scale and levels on both sides of zero.

// signedMax returns the first number of the largest magnitude, and adds up the weights.
func (p *lanes) signedMax() val {
	top, amax, sw := p.zero(), p.zero(), p.zero()
	p.elements(func() {
		x := p.load(p.x())
		a := p.copy(x)
		p.abs(a)
		more := p.cmp(a, "GT", amax)
		p.where(more, top, x)
		p.where(more, amax, a)
		p.freeMask(more)
		p.free(x, a)
		p.is(sw, add, p.w())
	})
	p.store(p.row(rowSumW), sw)
	p.free(amax, sw)
	return top
}

// someTop stores a value to divide by: the top, or one in groups that count as zeros. Those have scale zero in the end.
func (p *lanes) someTop(tiny float64) {
	top := p.signedMax()
	a := p.copy(top)
	p.abs(a)
	t := p.load(p.c(tiny))
	live := p.cmp(a, "GE", t)
	p.loadTo(t, p.c(1))
	p.where(live, t, top)
	p.store(p.row(rowT0), t)
	p.free(top, a, t)
	p.freeMask(live)
}

// sumsSym adds Σwxl and Σwl² for the levels that an inverse scale gives.
func (p *lanes) sumsSym(inv, lo, hi val, keep, weighted bool) (lx, l2 val) {
	lx, l2 = p.zero(), p.zero()
	p.elements(func() {
		x := p.load(p.x())
		l := p.new(x, mul, inv)
		p.level(l, lo, hi)
		if keep {
			p.store(p.code(), l)
		}
		if !weighted {
			p.is(x, mul, l)
			p.is(l, mul, l)
			p.is(lx, add, x)
			p.is(l2, add, l)
			p.free(x, l)
			return
		}
		w := p.load(p.w())
		p.is(x, mul, w)
		p.is(x, mul, l)
		p.is(lx, add, x)
		p.is(w, mul, l)
		p.is(w, mul, l)
		p.is(l2, add, w)
		p.free(x, l, w)
	})
	return lx, l2
}

// params: the lowest and the highest level, one if weights count. table: numerators of inverse scales.
func (p *lanes) sweepSym() {
	p.someTop(1e-15)
	zero := p.zero()
	for _, r := range []row{rowScale, rowLoss, rowSumWQQ} {
		p.store(p.row(r), zero)
	}
	p.free(zero)
	p.copyGP("table", "cursor")
	first := p.try(0)
	p.is(first, div, p.row(rowT0))
	p.store(p.row(rowInv), first)
	p.free(first)
	p.weighted(func(weighted bool) {
		lo, hi := p.hold(0, p.param(0)), p.hold(1, p.param(1))
		p.tries(1, func() { p.trySym(lo, hi, weighted) })
		lo.drop()
		hi.drop()
	})
}

func (p *lanes) trySym(lo, hi *held, weighted bool) {
	inv := p.try(0)
	p.is(inv, div, p.row(rowT0))
	lx, l2 := p.sumsSym(inv, lo.get(), hi.get(), false, weighted)
	lo.put()
	hi.put()
	invBack := p.park(inv, rowSpare0)
	zero := p.zero()
	better := p.cmp(l2, "GT", zero)
	p.free(zero)
	scale, had := p.new(lx, div, l2), p.load(p.row(rowLoss))
	p.is(had, mul, l2)
	explains := p.new(lx, mul, lx)
	more := p.cmp(explains, "GT", had)
	p.both(better, more)
	p.free(had, explains)
	p.freeMask(more)
	inv = invBack()
	p.is(lx, mul, scale)
	p.whereRow(better, rowLoss, lx)
	p.whereRow(better, rowScale, scale)
	p.whereRow(better, rowSumWQQ, l2)
	p.whereRow(better, rowInv, inv)
	p.free(inv, lx, l2, scale)
	p.freeMask(better)
}

// params: as sweepSym's. table: one number, the numerator of the inverse scale to begin with.
func (p *lanes) descendSym() {
	p.someTop(1e-15)
	lo, hi := p.param(0), p.param(1)
	p.copyGP("table", "cursor")
	inv := p.try(0)
	p.is(inv, div, p.row(rowT0))
	lx, l2 := p.sumsSym(inv, lo, hi, true, true)
	p.free(inv)
	p.copyGP("steps", "tries")
	again := p.label("round")
	p.at(again)
	moved := p.zero()
	p.elements(func() { p.moveOne(lx, l2, lo, hi, moved) })
	zero := p.zero()
	any := p.cmp(moved, "GT", zero)
	p.free(zero, moved)
	p.ifAny(any, func() { p.count("tries", again) })
	p.freeMask(any)
	zero = p.zero()
	some := p.cmp(l2, "GT", zero)
	p.is(lx, div, l2)
	p.where(some, zero, lx)
	p.store(p.row(rowScale), zero)
	p.free(zero, lx, l2, lo, hi)
	p.freeMask(some)
}

// moveOne moves the level of an element to where the others want it, where that explains more.
func (p *lanes) moveOne(lx, l2, lo, hi, moved val) {
	x, l := p.load(p.x()), p.load(p.code())
	w := p.load(p.w())
	wx := p.new(w, mul, x)
	sx := p.new(wx, mul, l)
	p.to(sub, sx, lx, sx)
	zero := p.zero()
	ok := p.cmp(sx, "GT", zero)
	p.free(zero)
	s2 := p.new(w, mul, l)
	p.is(s2, mul, l)
	p.to(sub, s2, l2, s2)
	k := x
	p.is(k, mul, s2)
	p.is(k, div, sx)
	p.level(k, lo, hi)
	p.is(wx, mul, k)
	p.is(sx, add, wx)
	p.is(w, mul, k)
	p.is(w, mul, k)
	p.is(s2, add, w)
	p.free(w, wx)
	zero = p.zero()
	some := p.cmp(s2, "GT", zero)
	p.both(ok, some)
	p.free(zero)
	p.freeMask(some)
	// squares compared as fractions
	a, b := p.new(sx, mul, sx), p.new(lx, mul, lx)
	p.is(a, mul, l2)
	p.is(b, mul, s2)
	more := p.cmp(a, "GT", b)
	p.both(ok, more)
	p.free(a, b)
	p.freeMask(more)
	up, down := p.cmp(k, "GT", l), p.cmp(l, "GT", k)
	p.either(up, down)
	p.both(ok, up)
	p.freeMask(up, down)
	one := p.load(p.c(1))
	p.where(ok, moved, one)
	p.free(one)
	p.where(ok, l, k)
	p.store(p.code(), l)
	p.where(ok, lx, sx)
	p.where(ok, l2, s2)
	p.free(x, l, sx, s2)
	p.freeMask(ok)
}

// params: the lowest and the highest level, each and levelZero, one if weights count, the lowest and the highest scale. table:
// steps of the scale.
func (p *lanes) walkSym() {
	p.weighted(func(weighted bool) {
		l := p.levelsOf(0, 1)
		p.tries(1, func() { p.tryWalkSym(l, weighted) })
		p.unshare()
	})
}

func (p *lanes) tryWalkSym(l levels, weighted bool) {
	ts := p.try(0)
	p.is(ts, add, p.row(rowAtScale))
	least, most := p.param(3), p.param(4)
	ok := p.cmp(ts, "GE", least)
	m := p.cmp(most, "GE", ts)
	p.both(ok, m)
	p.freeMask(m)
	p.free(least, most)
	s := p.new(ts, mul, p.row(rowD))
	okBack, tsBack := p.parkMask(ok, rowSpare0), p.park(ts, rowSpare1)
	inv := p.inverse(s)
	loss := p.zero()
	p.elements(func() {
		x := p.load(p.x())
		q := p.levelBy(x, inv, l)
		p.to(fnma, x, q, s)
		p.free(q)
		p.square(loss, x, weighted)
		p.free(x)
	})
	p.free(s, inv)
	ok, ts = okBack(), tsBack()
	p.improve(ok, loss, map[row]val{rowScale: ts})
	p.free(ts)
	p.freeMask(ok)
}

// params: the lowest and the highest level, each and levelZero, one if weights count.
func (p *lanes) takeSym() {
	p.weighted(func(weighted bool) {
		levels := p.levelsOf(0, 1)
		s := p.load(p.row(rowScale))
		inv := p.inverse(s)
		qq, qx, loss := p.zero(), p.zero(), p.zero()
		p.elements(func() {
			e := p.load(p.x())
			q := p.levelBy(e, inv, levels)
			p.to(fnma, e, q, s)
			w := p.weight(weighted)
			we := p.new(e, mul, w)
			p.to(fma, loss, we, e)
			p.free(e, we)
			p.is(w, mul, q)
			p.to(fma, qx, w, p.x())
			p.to(fma, qq, w, q)
			p.free(q, w)
		})
		p.store(p.row(rowSumWQQ), qq)
		p.store(p.row(rowSumWQX), qx)
		p.store(p.row(rowLoss), loss)
		p.free(qq, qx, loss, s, inv)
		p.unshare()
	})
}
