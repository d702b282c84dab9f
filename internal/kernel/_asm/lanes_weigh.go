package main

import "fmt"

// Programs that make the weights of squared errors.

func (p *lanes) sqrt(d val) {
	if p.neon() {
		p.word(neonOps["VSQRTPS"]|uint32(d)<<5|uint32(d), p.r(d)+" square root")
	} else {
		p.an("VSQRTPS", d, d)
	}
}

// params: the number of elements, one if their root mean square counts. W becomes it plus |x|.
func (p *lanes) weighAbs() {
	mean := p.zero()
	p.elements(func() {
		x := p.load(p.x())
		p.is(x, mul, x)
		p.is(mean, add, x)
		p.free(x)
	})
	n := p.param(0)
	p.is(mean, div, n)
	p.sqrt(mean)
	p.free(n)
	count := p.param(1)
	p.is(mean, mul, count)
	p.free(count)
	p.elements(func() {
		x := p.load(p.x())
		p.abs(x)
		p.is(x, add, mean)
		p.store(p.w(), x)
		p.free(x)
	})
	p.free(mean)
}

// W becomes x².
func (p *lanes) weighSquares() {
	p.elements(func() {
		x := p.load(p.x())
		p.is(x, mul, x)
		p.store(p.w(), x)
		p.free(x)
	})
}

// W gets DMin more and is multiplied by √(D + x²).
func (p *lanes) weighBy() {
	d, ridge := p.load(p.row(rowD)), p.load(p.row(rowDMin))
	p.elements(func() {
		x := p.load(p.x())
		p.is(x, mul, x)
		p.is(x, add, d)
		p.sqrt(x)
		w := p.new(ridge, add, p.w())
		p.is(x, mul, w)
		p.store(p.w(), x)
		p.free(x, w)
	})
	p.free(d, ridge)
}

// W gets DMin more.
func (p *lanes) weighPlus() {
	ridge := p.load(p.row(rowDMin))
	p.elements(func() {
		w := p.new(ridge, add, p.w())
		p.store(p.w(), w)
		p.free(w)
	})
	p.free(ridge)
}

// SumW becomes the sum of the weights, SumWX that of the squares.
func (p *lanes) sums() {
	w, xx := p.zero(), p.zero()
	p.elements(func() {
		x := p.load(p.x())
		p.to(fma, xx, x, x)
		p.free(x)
		p.is(w, add, p.w())
	})
	p.store(p.row(rowSumW), w)
	p.store(p.row(rowSumWX), xx)
	p.free(w, xx)
}

// table: numbers. SumWX of each lane becomes the sum of squares of every 32nd.
func (p *lanes) squares() {
	var sum []val
	for range 32 / p.width {
		sum = append(sum, p.zero())
	}
	p.tries(32, func() {
		for i, s := range sum {
			x := p.load(mem(fmt.Sprintf("%d(%s)", 4*p.width*i, p.gp("cursor"))))
			p.to(fma, s, x, x)
			p.free(x)
		}
	})
	for i, s := range sum {
		p.store(mem(fmt.Sprintf("%d(%s)", atRows+int(rowSumWX)*rowBytes+4*p.width*i, p.gp("groups"))), s)
	}
	p.free(sum...)
}
