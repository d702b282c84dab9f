package quantize

import "quern/internal/kernel"

// The default search of IQ4_NL and IQ4_XS for groups of 32. Weights are in units of their group's largest, so that the scales of a sweep
// are the same for all groups. The levels lie unevenly around zero: both signs of a scale are tried.

const (
	sweep4  = 24 // scales of a sweep, half of either sign
	ggml4   = 16 // llama-quantize's own, the last of them twice
	wide4   = sweep4 + ggml4
	nearer4 = 4  // scales around the best of each sign
	lowest4 = 62 // where the largest magnitude stands, in units of levels
	far4    = 200
	step4   = float32(far4-lowest4) / (sweep4/2 - 1)
	tiny4   = 1e-4 // of the energy: an error that sums of float32 do not show
)

// wideScales4 are the inverse scales that a group begins with whose first largest weight is positive.
var wideScales4 = func() (s [wide4]float32) {
	for t := range s {
		switch {
		case t >= sweep4:
			s[t] = float32(min(t-sweep4, 14) - 134)
		case t%2 == 1:
			s[t] = -between(lowest4, far4, t/2, sweep4/2)
		default:
			s[t] = between(lowest4, far4, t/2, sweep4/2)
		}
	}
	return s
}()

var levels4NL = kernel.NewNamed(&values4NL)

// A batch4 is up to eight groups under search.
type batch4 struct {
	n          int
	x, w       [super]float32
	unit, heft [super]float32 // in units of their groups
	tops       groupTops
	whole      [8]float32 // the unit of a group; 0: all its weights are nothing
	below      [8]bool    // its first largest weight is
	heavy      [8]float32
	energy     [8]float64 // Σ w·x²
	inverse    [8 * wide4]float32
	lx, l2     [8 * wide4]float32
	exact      bool // fits are taken by and to float64
	ex, e2     [8 * wide4]float64
	q          [super]uint8 // what code wrote
	one        [8]float64   // over scales
}

// load takes groups from x and w.
func (b *batch4) load(groups int) {
	b.n, b.exact = groups, false
	x, w := b.x[:groups*flat], b.w[:groups*flat]
	b.tops.take(x, w, flat)
	for g := range groups {
		top := absolute(b.tops.top[g])
		b.below[g], b.heavy[g], b.energy[g] = b.tops.top[g] < 0, max(b.tops.heavy[g], 1e-37), b.tops.sum[g]
		if b.whole[g] = 0; top > tinyGroup {
			b.whole[g] = top
		}
		b.tops.factor[g], b.tops.lighter[g] = inverse(b.whole[g]), 1/b.heavy[g]
	}
	b.tops.units(b.unit[:], b.heft[:], x, w, flat, false)
}

// fit tries so many inverse scales of each group.
func (b *batch4) fit(per int) {
	n := b.n * per
	if !b.exact {
		levels4NL.Fit(b.lx[:n], b.l2[:n], b.unit[:b.n*flat], b.heft[:b.n*flat], b.inverse[:n])
		return
	}
	for t, inv := range b.inverse[:n] {
		var lx, l2 float64
		at := t / per * flat
		for i, v := range b.unit[at:][:flat] {
			l := float64(values4NL[code4NL(float32(v*inv))])
			wl := float64(float64(b.heft[at+i]) * l)
			lx += float64(wl * float64(v))
			l2 += float64(wl * l)
		}
		b.ex[t], b.e2[t] = lx, l2
	}
}

// at are the sums of the last fit, in units of their group.
func (b *batch4) at(t int) (lx, l2 float64) {
	if b.exact {
		return b.ex[t], b.e2[t]
	}
	return float64(b.lx[t]), float64(b.l2[t])
}

// lost says of the error of groups whether it is more than nothing, and so little that sums of float32 may have missed a smaller one.
func (b *batch4) lost(loss, energy float64) bool {
	return !b.exact && energy > 0 && loss+energy < float64(energy*tiny4)
}

// begin aims at the scales of a sweep and llama-quantize's.
func (b *batch4) begin() {
	for g := range b.n {
		copy(b.inverse[g*wide4:], wideScales4[:])
		if b.below[g] {
			for t := range ggml4 {
				b.inverse[g*wide4+sweep4+t] *= -1
			}
		}
	}
}

// sweep returns the scale of each group that explains most of it, the best of the other sign, and that among llama-quantize's.
func (b *batch4) sweep() (scale, other, ggml [8]float64) {
	b.begin()
	b.fit(wide4)
	const both = 2 * nearer4
	var most [8]float64
	var near [8][2]float32
	for g := range b.n {
		most[g], scale[g], _ = b.most(g*wide4+sweep4, ggml4, 1)
		for side := range near[g] {
			_, _, t := b.most(g*wide4+side, sweep4-side, 2)
			near[g][side] = b.inverse[t]
		}
	}
	ggml = scale
	for g := range b.n {
		for t := range both {
			b.inverse[g*both+t] = near[g][t%2] + step4*(float32(t/2)-(nearer4-1)/2.0)/(nearer4/2+0.5)
		}
	}
	b.fit(both)
	for g := range b.n {
		for side := range 2 {
			if e, s, _ := b.most(g*both+side, both-side, 2); e > most[g] {
				most[g], other[g], scale[g] = e, scale[g], s
			} else {
				other[g] = s
			}
		}
		whole := float64(b.whole[g])
		scale[g], other[g], ggml[g] = scale[g]*whole, other[g]*whole, ggml[g]*whole
	}
	return scale, other, ggml
}

// most is what the best of every so many of n scales explains of its group, the scale that suits its codes, and its number.
func (b *batch4) most(from, n, every int) (most, scale float64, found int) {
	if b.exact {
		return mostOf(b.ex[:], b.e2[:], from, n, every)
	}
	return mostOf(b.lx[:], b.l2[:], from, n, every)
}

func mostOf[T float32 | float64](lx, l2 []T, from, n, every int) (most, scale float64, found int) {
	found = from
	lx, l2 = lx[:from+n], l2[:from+n]
	for t := from; t < len(lx); t += every {
		if p, q := float64(lx[t]), float64(l2[t]); float64(p*p) > float64(most*q) {
			scale = p / q
			most, found = float64(scale*p), t
		}
	}
	return most, scale, found
}

// aim sets the inverse of number t of so many scales of a group.
func (b *batch4) aim(g, t, per int, scale float64) {
	inv := 0.0
	if scale != 0 {
		inv = float64(b.whole[g]) / scale
	}
	b.inverse[g*per+t] = float32(min(max(inv, -1e6), 1e6))
}

// sums are what the last fit says of number t of so many scales of a group, in ordinary units.
func (b *batch4) sums(g, t, per int) (lx, l2 float64) {
	lx, l2 = b.at(g*per + t)
	heavy := float64(b.heavy[g])
	return lx * float64(float64(b.whole[g])*heavy), l2 * heavy
}

// code takes the levels of all groups at scales.
func (b *batch4) code(scale *[8]float64) {
	for g, s := range scale {
		if b.one[g] = 0; s != 0 {
			b.one[g] = 1 / s
		}
	}
	levels4NL.Names(b.q[:b.n*flat], b.x[:b.n*flat], b.one[:b.n])
}
