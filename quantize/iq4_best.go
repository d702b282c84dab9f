package quantize

import "quern/internal/kernel"

// The default search of IQ4_NL and IQ4_XS for groups of 32. Weights are in units of their group's first largest, which is one in them, so that the
// scales of a sweep are the same for all groups. The levels lie unevenly around zero: both signs of a scale are tried. The sweep is done in
// integers; what comes out of it is looked at in floats.

const (
	plus4   = 16 // scales of a sweep that are positive
	minus4  = 16 // negative
	ggml4   = 16 // and llama-quantize's own
	wide4   = plus4 + minus4 + ggml4
	nearer4 = 4  // scales around the best of each sign
	lowest4 = 62 // where the largest magnitude stands, in units of levels
	far4    = 200
	tiny4   = 1e-4 // of the energy: an error that sums of float32 do not show
)

// wideScales4 are the inverse scales that a group begins with, wideInts4 the same as kernels have them, besides4 how far from each the next ones are.
var wideScales4, wideInts4, besides4 = func() (s [wide4]float32, n, besides [wide4]int16) {
	for t := range s {
		step := float32(far4-lowest4) / (plus4 - 1)
		switch {
		case t < plus4:
			s[t] = between(lowest4, far4, t, plus4)
		case t < plus4+minus4:
			s[t] = -between(lowest4, far4, t-plus4, minus4)
		case t < wide4-1:
			s[t], step = float32(t-plus4-minus4-134), 3
		default: // which llama-quantize begins with
			s[t], step = 127, 3
		}
		n[t], besides[t] = int16(s[t]/kernel.NamedStep), int16(step/(nearer4+1)/kernel.NamedStep)
	}
	return s, n, besides
}()

var levels4NL = kernel.NewNamed(&values4NL)

// fits4 are sums of so many fits of each group.
type fits4[T float32 | float64] struct{ lx, l2 [8 * wide4]T }

// A batch4 is up to eight groups under search.
type batch4 struct {
	n          int
	x, w       [super]float32
	unit, heft [super]float32 // in units of their groups
	ints       kernel.NamedInts
	tops       groupTops
	whole      [8]float32 // the unit of a group, its first largest weight; 0: all its weights are nothing
	heavy      [8]float32
	energy     [8]float64     // Σ w·x²
	share      [8]float32     // the same in units of the group
	all        [8]float32     // and in those of its integers
	wide       fits4[float32] // of the sweep, and of what is around its best; in integers
	near       struct{ lx, l2 [16 * nearer4]float32 }
	found      [16]uint32 // of each group the number of the best scale of either sign
	beside     [16 * nearer4]int16
	inverse    [8 * wide4]float32
	value      [8 * wide4]float32 // of halves that are tried, and they as they are stored
	stored     [2 * 8 * wide4]byte
	fits       fits4[float32]
	exact      bool // fits are taken by and to float64
	exactly    fits4[float64]
	q          [super]uint8 // what code wrote
	one        [8]float64   // over scales
}

func newBatch4() *batch4 { return &batch4{ints: kernel.NewNamedInts(8)} }

// load takes groups from x and w.
func (b *batch4) load(groups int) {
	b.n = groups
	x, w := b.x[:groups*flat], b.w[:groups*flat]
	b.tops.take(x, w, flat)
	for g := range groups {
		top := b.tops.top[g]
		b.heavy[g], b.energy[g] = max(b.tops.heavy[g], 1e-37), b.tops.sum[g]
		if b.whole[g], b.tops.factor[g] = 0, 0; absolute(top) > tinyGroup {
			b.whole[g], b.tops.factor[g] = top, 1/top
		}
		b.tops.lighter[g] = 1 / b.heavy[g]
		b.share[g] = float32(b.energy[g] * float64(float64(b.tops.factor[g])*float64(b.tops.factor[g])) / float64(b.heavy[g]))
	}
	b.tops.units(b.unit[:], b.heft[:], x, w, flat, false)
	b.ints.Take(b.unit[:len(x)], b.heft[:len(x)])
	b.exact = lopsided(b.heft[:len(x)])
}

// lopsided says that in some group one weight counts sixteen times as much as all others together, which integers would lose beside it: models have inputs that
// are a hundred times as large as the rest.
func lopsided(heft []float32) bool {
	for ; len(heft) > 0; heft = heft[flat:] {
		if h := heft[:8:8]; (h[0]+h[1])+(h[2]+h[3])+((h[4]+h[5])+(h[6]+h[7])) > 1+1.0/8 {
			continue // nor could rounding make it so
		}
		var sum [4]float32
		for i := 0; i < flat; i += 4 {
			h := heft[i : i+4 : i+4]
			sum[0] += h[0]
			sum[1] += h[1]
			sum[2] += h[2]
			sum[3] += h[3]
		}
		if all := (sum[0] + sum[1]) + (sum[2] + sum[3]); all > 0 && all < 1+1.0/16 { // the largest is one
			return true
		}
	}
	return false
}

// fit tries so many inverse scales of each group.
func (b *batch4) fit(per int) {
	n := b.n * per
	if !b.exact {
		levels4NL.Fit(b.fits.lx[:n], b.fits.l2[:n], b.unit[:b.n*flat], b.heft[:b.n*flat], b.inverse[:n])
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
		b.exactly.lx[t], b.exactly.l2[t] = lx, l2
	}
}

// at are the sums of the last fit, in units of their group.
func (b *batch4) at(t int) (lx, l2 float64) {
	if b.exact {
		return b.exactly.lx[t], b.exactly.l2[t]
	}
	return float64(b.fits.lx[t]), float64(b.fits.l2[t])
}

// lost says of the error of groups whether it is more than nothing, and so little that sums of float32 may have missed a smaller one.
func (b *batch4) lost(loss, energy float64) bool {
	return !b.exact && energy > 0 && loss+energy < float64(energy*tiny4)
}

// sweep returns the scale of each group that explains most of it, of so many that are tried, and the best of the other sign.
func (b *batch4) sweep(wide int) (scale, other [8]float64) {
	levels4NL.Sweep(b.wide.lx[:], b.wide.l2[:], b.ints, b.n, wide, wideInts4[:wide])
	for g, part := range b.ints.Part[:b.n] {
		b.all[g] = b.share[g] * (kernel.NamedUnit / float32(part*part))
	}
	kernel.MostNamed(b.found[:], b.wide.lx[:], b.wide.l2[:], b.all[:b.n], wide, plus4)
	for i, t := range b.found[:2*b.n] {
		at, away, to := wideInts4[t], besides4[t], b.beside[i*nearer4:][:nearer4]
		to[0], to[1], to[2], to[3] = at-2*away, at-away, at+away, at+2*away
	}
	levels4NL.Sweep(b.near.lx[:], b.near.l2[:], b.ints, b.n, 2*nearer4, b.beside[:2*b.n*nearer4])
	for g := range b.n {
		var most, best [2]float32
		for side := range most {
			at := g*wide + int(b.found[2*g+side])
			most[side], best[side] = explains4(b.wide.lx[at], b.wide.l2[at])
			for t := range nearer4 {
				at := (2*g+side)*nearer4 + t
				if e, s := explains4(b.near.lx[at], b.near.l2[at]); e > most[side] {
					most[side], best[side] = e, s
				}
			}
		}
		part := float64(b.whole[g]) * float64(b.ints.Part[g]/kernel.NamedUnit)
		scale[g], other[g] = float64(best[0])*part, float64(best[1])*part
		if most[1] > most[0] {
			scale[g], other[g] = other[g], scale[g]
		}
	}
	return scale, other
}

// explains4 is what codes with these sums explain, and the scale that suits them.
func explains4(lx, l2 float32) (explained, scale float32) {
	scale = lx / max(l2, 1)
	return scale * lx, scale
}

// aim sets the inverse of number t of so many scales of a group.
func (b *batch4) aim(g, t, per int, scale float64) {
	inv := 0.0
	if scale != 0 {
		inv = float64(b.whole[g]) / scale
	}
	switch {
	case inv > 1e6:
		inv = 1e6
	case inv < -1e6:
		inv = -1e6
	}
	b.inverse[g*per+t] = float32(inv)
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
