package quantize

import (
	"math"
	"sync"

	"quern/internal/kernel"
)

var weigh4XS = weighEach(super, 2)

const (
	tries4XS = 8 // scales of a group that are looked at together
	rough4XS = 4 // before that, in integers, of every half that is tried
)

// largest4XS are the integers that the largest scale of a super-block may become.
var largest4XS = [...]float64{-32, 31, -30}

// inverse4XS are one over the integers from -32 on, and zero for zero.
var inverse4XS = func() (t [64]float64) {
	for i := range t {
		if i != 32 {
			t[i] = 1 / float64(i-32)
		}
	}
	return t
}()

// An xs4Search is a super-block of IQ4_XS under the default search: a sweep of each group, of which the largest scale decides the half;
// then every group looks at the integers around its scale, roughly for all halves that are tried, and the best half is refitted to all of them.
type xs4Search struct {
	batch4
	try, best  xs4Block
	loss       float64
	sum        float64 // of all energy
	importance []float32
	step       [8][tries4XS]int8
	rough      [8 * rough4XS]int16
}

var searches4XS = sync.Pool{New: func() any { return &xs4Search{batch4: *newBatch4()} }}

func encodeIQ4_XS(dst []byte, src, importance []float32) {
	k := searches4XS.Get().(*xs4Search)
	defer searches4XS.Put(k)
	for ; len(src) >= super; dst, src = dst[136:], src[super:] {
		tame(k.x[:], src[:super])
		k.importance = nil
		if importance != nil {
			k.importance, importance = importance[:super], importance[super:]
		}
		weigh4XS(k.w[:], k.x[:], k.importance)
		k.load(super / flat)
		k.sum = 0
		for _, e := range k.energy {
			k.sum += e
		}
		k.search()
		if k.lost(k.loss, k.sum) {
			k.exact = true
			k.search()
		}
		var scale [8]float64
		for g, s := range k.best.scale {
			scale[g] = float64(halfValue(k.best.d)) * float64(s)
		}
		k.code(&scale)
		k.best.q = k.q
		k.best.put(dst)
	}
}

func (k *xs4Search) search() {
	k.loss, k.best, k.try = math.Inf(1), xs4Block{}, xs4Block{}
	scale, other := k.sweep(wide4)
	most := 0.0
	for _, s := range scale {
		if math.Abs(s) > math.Abs(most) {
			most = s
		}
	}
	if k.exact {
		for _, i := range largest4XS {
			k.from(&scale, &other, most/i)
		}
		// What llama-quantize finds in sums of float32 is as good as any.
		k.try.ggml(k.x[:], k.importance)
		if k.try.d = finiteBits(k.try.d); k.try.d&0x7fff != 0 {
			k.settle(float64(halfValue(k.try.d)), &other)
		}
	} else {
		k.from(&scale, &other, k.promising(&scale, &other, most))
	}
	if math.IsInf(k.loss, 1) {
		k.best = xs4Block{}
	}
}

// promising is the number that suits codes best which largest4XS lead to, of those the ones that explain most, by sums of integers.
func (k *xs4Search) promising(scale, other *[8]float64, most float64) (d float64) {
	best := -1.0
	for _, i := range largest4XS {
		h := float64(halfValue(finiteBits(half(float32(most / i)))))
		if h == 0 {
			return most / i
		}
		if suits, explained := k.settleRoughly(h, scale, other); explained > best {
			d, best = suits, explained
		}
	}
	return d
}

// settleRoughly returns the number that suits the codes of a half best, and what they explain with it.
func (k *xs4Search) settleRoughly(h float64, scale, other *[8]float64) (d, explained float64) {
	one := 1 / h
	for g, whole := range k.whole {
		unit := min(max(float64(float64(whole)*one)*(1/kernel.NamedStep), -1e6), 1e6)
		at := int(nearest(float64(scale[g] * one)))
		for t, s := range [rough4XS]int{at - 1, at, at + 1, int(nearest(min(max(float64(other[g]*one), -64), 64)))} {
			s = min(max(s, -32), 31)
			k.step[g][t] = int8(s)
			k.rough[g*rough4XS+t] = int16(min(max(int(unit*inverse4XS[s+32]), math.MinInt16), math.MaxInt16))
		}
	}
	levels4NL.Sweep(k.near.lx[:], k.near.l2[:], k.ints, 8, rough4XS, k.rough[:])
	var p, q float64
	for g, whole := range k.whole {
		if whole == 0 {
			continue
		}
		part, heavy := float64(k.ints.Part[g])*float64(whole), float64(k.heavy[g])
		t := cheapest4(k.step[g][:rough4XS], k.near.lx[g*rough4XS:], k.near.l2[g*rough4XS:], float32(float64(h*kernel.NamedUnit)/part))
		s := float64(k.step[g][t])
		p += float64(s*part) * float64(heavy*float64(k.near.lx[g*rough4XS+t]))
		q += float64(float64(s*s)*heavy) * float64(kernel.NamedUnit*k.near.l2[g*rough4XS+t])
	}
	return ratio(p, q), ratio(float64(p*p), q)
}

// from begins with a half.
func (k *xs4Search) from(scale, other *[8]float64, d float64) {
	if k.try.d = finiteBits(half(float32(d))); k.try.d&0x7fff == 0 {
		return
	}
	h := float64(halfValue(k.try.d))
	for g, s := range scale {
		k.try.scale[g] = int8(min(max(nearest(s/h), -32), 31))
	}
	k.settle(h, other)
}

// settle lets every group choose among the integers around its scale, and keeps the try if it is the best so far, with its half or the one that suits
// it best.
func (k *xs4Search) settle(h float64, other *[8]float64) {
	one := 1 / h
	for g := range k.step {
		step, inverse := &k.step[g], k.inverse[g*tries4XS:][:tries4XS]
		whole := float64(k.whole[g]) * one
		for side, at := range [2]int{int(k.try.scale[g]), int(nearest(min(max(float64(other[g]*one), -64), 64)))} {
			away := at>>63 | 1 // one more where scales grow
			for t := range tries4XS / 2 {
				s := min(max(at+away*(t-1), -32), 31)
				step[side*tries4XS/2+t] = int8(s)
				inverse[side*tries4XS/2+t] = float32(float64(whole * inverse4XS[s+32]))
			}
		}
		if whole > 1e6 || whole < -1e6 { // far beyond what makes a difference
			for t, inv := range inverse {
				inverse[t] = min(max(inv, -1e6), 1e6)
			}
		}
	}
	k.fit(tries4XS)
	var p, q float64
	for g := range k.step {
		t := k.cheapest(g, h)
		lx, l2 := k.sums(g, t, tries4XS)
		k.try.scale[g] = k.step[g][t]
		s := float64(k.try.scale[g])
		p, q = p+float64(s*lx), q+float64(float64(s*s)*l2)
	}
	for _, d := range [2]uint16{k.try.d, finiteBits(half(float32(ratio(p, q))))} {
		h := float64(halfValue(d))
		if loss := h * (float64(h*q) - 2*p); loss < k.loss {
			k.try.d = d
			k.best, k.loss = k.try, loss
		}
	}
}

// cheapest is the number of the integer at which a group loses least with a half.
func (k *xs4Search) cheapest(g int, h float64) (best int) {
	if k.whole[g] == 0 {
		return 0
	}
	unit := h / float64(k.whole[g])
	if k.exact {
		least := math.Inf(1)
		for t, i := range k.step[g] {
			lx, l2 := k.at(g*tries4XS + t)
			s := float64(unit * float64(i))
			if loss := s * (float64(s*l2) - 2*lx); loss < least {
				best, least = t, loss
			}
		}
		return best
	}
	return cheapest4(k.step[g][:], k.fits.lx[g*tries4XS:], k.fits.l2[g*tries4XS:], float32(unit))
}

// cheapest4 is the number of the integer at which the gain scale·(2·lx - scale·l2) is largest, scales being so many times the integers. Gains are
// compared with their number in the lowest bits.
func cheapest4(step []int8, lx, l2 []float32, unit float32) int {
	most := int32(0)
	lx, l2 = lx[:len(step)], l2[:len(step)]
	for t, i := range step {
		s := unit * float32(i)
		gain := s * (2*lx[t] - float32(s*l2[t]))
		most = max(most, int32(math.Float32bits(gain)&^(tries4XS-1)|uint32(t)))
	}
	return int(most % tries4XS)
}
