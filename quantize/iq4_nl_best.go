package quantize

import (
	"math"
	"sync"

	"quern/internal/kernel"
)

var weigh4NL = weighEach(flat, 2)

const (
	tries4NL = 4 // scales that are looked at together
	again4NL = 2 // times
)

var batches4NL = sync.Pool{New: func() any { return newBatch4() }}

// encodeIQ4_NL sweeps through scales of both signs, and refits the best to its codes as long as that helps.
func encodeIQ4_NL(dst []byte, src, importance []float32) {
	b := batches4NL.Get().(*batch4)
	defer batches4NL.Put(b)
	for len(src) > 0 {
		n := min(len(src), super)
		tame(b.x[:n], src[:n])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:n], importance[n:]
		}
		weigh4NL(b.w[:n], b.x[:n], imp)
		b.load(n / flat)
		d, near := b.halves4NL()
		if near {
			b.exact = true
			d, _ = b.halves4NL()
		}
		var scale [8]float64
		for g := range scale {
			scale[g] = float64(halfValue(d[g]))
		}
		b.code(&scale)
		for g := range n / flat {
			putHalf(dst[18*g:], d[g])
			putNibbles(dst[18*g+2:], (*[flat]uint8)(b.q[flat*g:]))
		}
		dst, src = dst[n/flat*18:], src[n:]
	}
}

// halves4NL are the scales of all groups: those of the sweep, and what suits the codes that they and those beside them give; and whether
// a group is so near that it deserves exact sums.
func (b *batch4) halves4NL() (best [8]uint16, near bool) {
	var least [8]float64
	for g := range least {
		least[g] = math.Inf(1)
	}
	scale, _ := b.sweep(wide4 - ggml4)
	ggml := b.sweepGgml()
	var try [8 * wide4]uint16
	if b.exact { // here, what the half does to the scale decides
		for g := range b.n {
			copy(b.inverse[g*wide4:], wideScales4[:])
		}
		b.fit(wide4)
		for t := range try[:b.n*wide4] {
			lx, l2 := b.at(t)
			try[t] = smallHalf(ratio(lx, l2) * float64(b.whole[t/wide4]))
		}
		b.halves(try[:b.n*wide4], &best, &least, &scale)
		b.byHeaviest(try[:b.n*len(values4NL)])
		b.halves(try[:b.n*len(values4NL)], &best, &least, &scale)
	}
	for round := range again4NL {
		for g := range b.n {
			h := smallHalf(scale[g])
			for t := range tries4NL { // the halves beside it, too
				try[g*tries4NL+t] = finiteBits(h + uint16(t) - uint16(min(h&0x7fff, 1)))
			}
			if round == 0 {
				try[g*tries4NL+tries4NL-1] = smallHalf(ggml[g])
			}
		}
		b.halves(try[:b.n*tries4NL], &best, &least, &scale)
	}
	for g := range b.n {
		if b.whole[g] == 0 {
			best[g] = 0
		}
		near = near || b.lost(least[g], b.energy[g])
	}
	return best, near
}

// byHeaviest are the halves at which the weight of each group that counts most is any of the levels: where it counts more than all others, the best is near one
// of them, whatever that makes of the largest.
func (b *batch4) byHeaviest(try []uint16) {
	for g := range b.n {
		at := g * flat
		for i, h := range b.heft[at : at+flat] {
			if h > b.heft[at] {
				at = g*flat + i
			}
		}
		for l, v := range values4NL {
			try[g*len(values4NL)+l] = smallHalf(float64(b.x[at]) / float64(v))
		}
	}
}

// sweepGgml is what suits the best of llama-quantize's scales, which is nearly what it would store: no group is to lose more.
func (b *batch4) sweepGgml() (scale [8]float64) {
	for g := range b.n {
		copy(b.inverse[g*ggml4:][:ggml4], wideScales4[wide4-ggml4:])
	}
	var most [8]float32
	n, fits := b.n*ggml4, &b.fits
	levels4NL.Fit(fits.lx[:n], fits.l2[:n], b.unit[:b.n*flat], b.heft[:b.n*flat], b.inverse[:n])
	kernel.MostNamed(b.found[:], fits.lx[:], fits.l2[:], b.share[:b.n], ggml4, ggml4/2)
	for i, t := range b.found[:2*b.n] {
		g := i / 2
		e, s := explains4(fits.lx[g*ggml4+int(t)], fits.l2[g*ggml4+int(t)])
		if e > most[g] {
			most[g], scale[g] = e, float64(s)*float64(b.whole[g])
		}
	}
	return scale
}

// halves looks at as many halves of each group, keeps the best, and the scales that suit their codes.
func (b *batch4) halves(try []uint16, best *[8]uint16, least, scale *[8]float64) {
	per, value := len(try)/b.n, b.values(try)
	for g := range b.n {
		for t, d := range value[g*per:][:per] {
			b.aim(g, t, per, float64(d))
		}
	}
	b.fit(per)
	for g := range b.n {
		for t, d := range value[g*per:][:per] {
			lx, l2 := b.sums(g, t, per)
			d := float64(d)
			if loss := d * (float64(d*l2) - 2*lx); loss < least[g] {
				least[g], best[g], scale[g] = loss, try[g*per+t], ratio(lx, l2)
			}
		}
	}
}

// values are what halves stand for.
func (b *batch4) values(halves []uint16) []float32 {
	for i, h := range halves {
		putHalf(b.stored[2*i:], h)
	}
	value := b.value[:len(halves)]
	kernel.F16ToF32(value, b.stored[:2*len(halves)])
	return value
}

func ratio(a, b float64) float64 {
	if !(b > 0) {
		return 0
	}
	return a / b
}
