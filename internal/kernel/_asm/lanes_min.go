package main

// Programs for groups with a scale and a minimum; what they compute is said where kernel has their portable bodies.

// level rounds v to an integer, to even, between two.
func (p *lanes) level(v val, lo, hi any) {
	p.round(v)
	p.is(v, maxf, lo)
	p.is(v, minf, hi)
}

// finite replaces what is infinite or not a number by zero.
func (p *lanes) finite(v val) {
	most := p.load(p.bits(0x7f7fffff))
	m := p.cmp(most, "GE", v)
	p.free(most)
	z := p.zero()
	p.where(m, z, v)
	p.copyTo(v, z)
	p.free(z)
	p.freeMask(m)
}

const (
	rowTop  = rowT0 // the largest weight
	rowFrom = rowT1 // where codes are taken from
	rowInv  = rowT2 // the inverse scale of the best codes
	rowBest = rowT3 // where the best codes were taken from
)

// params: the highest level. table: numerators of inverse scales.
func (p *lanes) sweepMin(mad bool) {
	p.parts(func() { p.beginMin(mad) })
	top := p.hold(0, p.param(0))
	p.tries(1, func() { p.parts(func() { p.tryMin(top, mad) }) })
	top.drop()
	p.parts(func() {
		// a range of nothing has scale zero, and a minimum is +0 rather than -0
		lo := p.load(p.row(rowMin))
		p.is(lo, add, p.c(0))
		p.store(p.row(rowMin), lo)
		p.free(lo)
	})
}

// beginMin takes the levels of the whole range.
func (p *lanes) beginMin(mad bool) {
	sw, sx := p.zero(), p.zero()
	p.copyGP("groups", "element")
	lo := p.load(p.x())
	hi := p.copy(lo)
	p.elements(func() {
		x := p.load(p.x())
		p.is(lo, minf, x)
		p.is(hi, maxf, x)
		p.is(x, mul, p.w())
		p.is(sx, add, x)
		p.free(x)
		p.is(sw, add, p.w())
	})
	p.is(lo, minf, p.c(0))
	p.store(p.row(rowSumW), sw)
	p.store(p.row(rowSumWX), sx)
	p.free(sw, sx)
	p.store(p.row(rowFrom), lo)
	p.store(p.row(rowBest), lo)
	p.store(p.row(rowMin), lo)
	live := p.cmp(hi, "GT", lo)
	p.store(p.row(rowTop), hi)
	p.is(hi, sub, lo)
	one := p.load(p.c(1))
	p.where(live, one, hi)
	p.free(hi)

	highest := p.param(0)
	inv := p.new(highest, div, one)
	p.loadTo(one, p.c(1))
	p.is(one, div, inv)
	scale := p.zero()
	p.where(live, scale, one)
	p.free(one)
	p.freeMask(live)
	p.finite(inv)
	p.store(p.row(rowInv), inv)
	p.store(p.row(rowScale), scale)
	loss := p.zero()
	p.elements(func() {
		l := p.load(p.x())
		p.is(l, sub, lo)
		p.is(l, mul, inv)
		p.level(l, p.c(0), highest)
		p.is(l, mul, scale)
		p.is(l, add, lo)
		p.charge(loss, l, mad)
		p.free(l)
	})
	p.store(p.row(rowLoss), loss)
	p.free(loss, inv, scale, lo, highest)
}

// charge adds what a decoded value costs: w·(value-x)², or w·|value-x|.
func (p *lanes) charge(loss, value val, mad bool) {
	p.is(value, sub, p.x())
	if mad {
		p.abs(value)
	} else {
		p.is(value, mul, value)
	}
	p.is(value, mul, p.w())
	p.is(loss, add, value)
}

func (p *lanes) tryMin(top *held, mad bool) {
	inv, lo, span := p.try(0), p.load(p.row(rowFrom)), p.load(p.row(rowTop))
	p.is(span, sub, lo)
	p.is(inv, div, span)
	p.free(span)
	p.finite(inv)
	highest := top.get()
	sl, sl2, sxl := p.zero(), p.zero(), p.zero()
	p.elements(func() {
		l := p.load(p.x())
		p.is(l, sub, lo)
		p.is(l, mul, inv)
		p.level(l, p.c(0), highest)
		p.store(p.code(), l)
		wl := p.new(l, mul, p.w())
		p.is(sl, add, wl)
		p.is(l, mul, wl)
		p.is(sl2, add, l)
		p.is(wl, mul, p.x())
		p.is(sxl, add, wl)
		p.free(l, wl)
	})
	top.put()
	invBack, loBack := p.park(inv, rowSpare0), p.park(lo, rowSpare1)
	scale, low, ok := p.refitMin(sl, sl2, sxl)
	inv, lo = invBack(), loBack()
	p.ifAny(ok, func() {
		loss := p.zero()
		p.elements(func() {
			l := p.load(p.code())
			p.is(l, mul, scale)
			p.is(l, add, low)
			p.charge(loss, l, mad)
			p.free(l)
		})
		best := p.load(p.row(rowLoss))
		better := p.cmp(best, "GT", loss)
		p.free(best)
		p.both(better, ok)
		p.whereRow(better, rowLoss, loss)
		p.whereRow(better, rowScale, scale)
		p.whereRow(better, rowMin, low)
		p.whereRow(better, rowFrom, low)
		p.whereRow(better, rowInv, inv)
		p.whereRow(better, rowBest, lo)
		p.free(loss)
		p.freeMask(better)
	})
	p.free(scale, low, inv, lo)
	p.freeMask(ok)
}

// refitMin solves for scale and minimum; ok where the codes are not all alike. It frees the sums.
func (p *lanes) refitMin(sl, sl2, sxl val) (scale, low val, ok mask) {
	if p.tight() {
		return p.refitMinTight(sl, sl2, sxl)
	}
	sw, sx := p.load(p.row(rowSumW)), p.load(p.row(rowSumWX))
	det, t := p.new(sw, mul, sl2), p.new(sl, mul, sl)
	p.is(det, sub, t)
	zero := p.zero()
	ok = p.cmp(det, "GT", zero)

	scale = p.new(sw, mul, sxl)
	p.to(mul, t, sx, sl)
	p.is(scale, sub, t)
	p.is(scale, div, det)
	low = p.new(sl2, mul, sx)
	p.to(mul, t, sl, sxl)
	p.is(low, sub, t)
	p.is(low, div, det)
	p.free(sw, sx, det)

	above := p.cmp(low, "GT", zero)
	p.to(div, t, sxl, sl2)
	p.where(above, scale, t)
	p.where(above, low, zero)
	p.free(t, zero, sl, sl2, sxl)
	p.freeMask(above)
	return scale, low, ok
}

// refitMinTight does the same with eight values.
func (p *lanes) refitMinTight(sl, sl2, sxl val) (scale, low val, ok mask) {
	sw, sx := p.row(rowSumW), p.row(rowSumWX)
	det, t := p.new(sl2, mul, sw), p.new(sl, mul, sl)
	p.is(det, sub, t)
	scale = p.new(sxl, mul, sw)
	p.to(mul, t, sl, sx)
	p.is(scale, sub, t)
	p.is(scale, div, det)
	low = p.new(sl2, mul, sx)
	p.to(mul, t, sl, sxl)
	p.is(low, sub, t)
	p.is(low, div, det)
	p.free(sl)
	zero := p.zero()
	ok = p.cmp(det, "GT", zero)
	p.free(det)
	above := p.cmp(low, "GT", zero)
	p.to(div, t, sxl, sl2)
	p.where(above, scale, t)
	p.where(above, low, zero)
	p.free(t, zero, sl2, sxl)
	p.freeMask(above)
	return scale, low, ok
}

// params: the highest level and levelZero, the highest integer of scales and minima, one if weights count.
// table: steps of scale and minimum, and of the minimum in units of d/dmin.
func (p *lanes) walkMin() {
	p.weighted(func(weighted bool) {
		ratio := p.load(p.row(rowD))
		p.is(ratio, div, p.row(rowDMin))
		p.finite(ratio)
		p.store(p.row(rowT0), ratio)
		p.free(ratio)
		l := p.levelsOf(-1, 0)
		p.tries(3, func() { p.tryWalkMin(l, weighted) })
		p.unshare()
	})
}

// weighted writes body twice and chooses by the parameter that says whether weights count.
func (p *lanes) weighted(body func(weighted bool)) {
	plain, end := p.label("plain"), p.label("end")
	if p.neon() {
		p.i("MOVWU", "8("+p.gp("params")+")", p.gp("scratch"))
		p.i("CBZW", p.gp("scratch"), plain)
	} else {
		p.i("CMPL", "8("+p.gp("params")+")", "$0")
		p.i("JEQ", plain)
	}
	body(true)
	if p.neon() {
		p.i("B", end)
	} else {
		p.i("JMP", end)
	}
	p.at(plain)
	body(false)
	p.at(end)
}

// inverse returns 1/s, and zero where that is not finite.
func (p *lanes) inverse(s val) val {
	inv := p.load(p.c(1))
	p.is(inv, div, s)
	p.finiteSigned(inv)
	return inv
}

// finiteSigned replaces what is infinite of either sign, or not a number, by zero.
func (p *lanes) finiteSigned(v val) {
	t := p.new(v, sub, v) // 0, or not a number
	m := p.cmp(t, "EQ", t)
	p.loadTo(t, p.c(0))
	p.where(m, t, v)
	p.copyTo(v, t)
	p.free(t)
	p.freeMask(m)
}

func (p *lanes) tryWalkMin(levels levels, weighted bool) {
	ts, tm := p.try(0), p.try(2)
	p.is(tm, mul, p.row(rowT0))
	p.round(tm)
	dm := p.try(1)
	p.is(tm, add, dm)
	p.free(dm)
	p.is(ts, add, p.row(rowAtScale))
	p.is(tm, add, p.row(rowAtMin))
	zero, most := p.zero(), p.param(1)
	ok := p.cmp(ts, "GE", zero)
	for _, c := range [][2]val{{tm, zero}, {most, ts}, {most, tm}} {
		m := p.cmp(c[0], "GE", c[1])
		p.both(ok, m)
		p.freeMask(m)
	}
	p.free(zero, most)
	p.ifAny(ok, func() {
		s, low := p.new(ts, mul, p.row(rowD)), p.new(tm, mul, p.row(rowDMin))
		okBack, tsBack, tmBack := p.parkMask(ok, rowSpare0), p.park(ts, rowSpare1), p.park(tm, rowSpare2)
		inv := p.inverse(s)
		loss := p.zero()
		p.elements(func() {
			y := p.new(low, add, p.x())
			l := p.levelBy(y, inv, levels)
			p.to(fnma, y, l, s)
			p.free(l)
			p.square(loss, y, weighted)
			p.free(y)
		})
		p.free(s, low, inv)
		ok, ts, tm = okBack(), tsBack(), tmBack()
		p.improve(ok, loss, map[row]val{rowScale: ts, rowMin: tm})
	})
	p.free(ts, tm)
	p.freeMask(ok)
}

func (p *lanes) square(loss, e val, weighted bool) {
	if !weighted {
		p.to(fma, loss, e, e)
		return
	}
	we := p.new(e, mul, p.w())
	p.to(fma, loss, we, e)
	p.free(we)
}

// improve keeps rows where the loss, which is freed, is less than the best.
func (p *lanes) improve(ok mask, loss val, rows map[row]val) {
	best := p.load(p.row(rowLoss))
	better := p.cmp(best, "GT", loss)
	p.free(best)
	p.both(better, ok)
	p.whereRow(better, rowLoss, loss)
	for r := row(0); r < 16; r++ {
		if v, is := rows[r]; is {
			p.whereRow(better, r, v)
		}
	}
	p.free(loss)
	p.freeMask(better)
}

// params: the highest level and levelZero, nothing, one if weights count.
func (p *lanes) takeMin() {
	p.weighted(func(weighted bool) {
		levels := p.levelsOf(-1, 0)
		s, low := p.load(p.row(rowScale)), p.load(p.row(rowMin))
		inv := p.inverse(s)
		sums := []row{rowSumW, rowSumWX, rowSumWQ, rowSumWQQ, rowSumWQX, rowLoss}
		var v []val
		for range sums {
			v = append(v, p.zero())
		}
		p.elements(func() {
			e := p.new(low, add, p.x())
			q := p.levelBy(e, inv, levels)
			p.to(fnma, e, q, s)
			w := p.weight(weighted)
			p.is(v[0], add, w)
			p.to(fma, v[1], w, p.x())
			we := p.new(e, mul, w)
			p.to(fma, v[5], we, e)
			p.free(e, we)
			p.is(w, mul, q)
			p.is(v[2], add, w)
			p.to(fma, v[3], w, q)
			p.to(fma, v[4], w, p.x())
			p.free(q, w)
		})
		for i, r := range sums {
			p.store(p.row(r), v[i])
		}
		p.free(v...)
		p.free(s, low, inv)
		p.unshare()
	})
}

// weight is the weight of an element, or one.
func (p *lanes) weight(weighted bool) val {
	if weighted {
		return p.load(p.w())
	}
	return p.load(p.c(1))
}
