package quantize

import (
	"math"
	"sync"
)

var weigh4XS = weighEach(super, 2)

const (
	tries4XS = 8 // scales of a group that are looked at together
	again4XS = 2 // times

	once4XS = 0.98 // the second time makes no more of what is lost with the half that suits the codes of the first
)

// largest4XS are the integers that the largest scale of a super-block may become.
var largest4XS = [...]float64{-32, 31}

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
// then every group looks at the integers around its scale, and the half is refitted to all of them.
type xs4Search struct {
	batch4
	try, best  xs4Block
	loss       float64
	sum        float64 // of all energy
	importance []float32
}

var searches4XS = sync.Pool{New: func() any { return new(xs4Search) }}

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
	scale, other, ggml := k.sweep()
	for _, i := range largest4XS {
		k.from(&scale, &other, i)
	}
	k.from(&ggml, &other, -32)
	if k.exact { // what llama-quantize finds in sums of float32 is as good as any
		k.try.ggml(k.x[:], k.importance)
		if k.try.d = finiteBits(k.try.d); k.try.d&0x7fff != 0 {
			k.settle(float64(halfValue(k.try.d)), &other)
		}
	}
	if math.IsInf(k.loss, 1) {
		k.best = xs4Block{}
	}
}

// from gives the largest scale of a group an integer, which makes the half.
func (k *xs4Search) from(scale, other *[8]float64, largest float64) {
	most := 0.0
	for _, s := range scale {
		if math.Abs(s) > math.Abs(most) {
			most = s
		}
	}
	d := most / largest
	for range again4XS {
		if k.try.d = finiteBits(half(float32(d))); k.try.d&0x7fff == 0 {
			return
		}
		h := float64(halfValue(k.try.d))
		for g, s := range scale {
			k.try.scale[g] = int8(min(max(nearest(s/h), -32), 31))
		}
		var explained float64
		if d, explained = k.settle(h, other); float64(once4XS*(k.sum-explained)) > k.sum+k.loss {
			return
		}
	}
}

// settle lets every group choose among the integers around its scale, keeps the try if it is the best so far, and returns the number
// that suits its codes best, and what they explain with it.
func (k *xs4Search) settle(h float64, other *[8]float64) (d, explained float64) {
	var step [8][tries4XS]int8
	for g := range step {
		whole := float64(k.whole[g]) / h
		for side, at := range [2]int{int(k.try.scale[g]), int(nearest(min(max(other[g]/h, -64), 64)))} {
			away := 1 // one more where scales grow
			if at < 0 {
				away = -1
			}
			for t := range tries4XS / 2 {
				i, s := side*tries4XS/2+t, min(max(at+away*(t-1), -32), 31)
				step[g][i] = int8(s)
				k.inverse[g*tries4XS+i] = float32(min(max(whole*inverse4XS[s+32], -1e6), 1e6))
			}
		}
	}
	k.fit(tries4XS)
	var p, q float64
	for g := range step {
		least, gp, gq := math.Inf(1), 0.0, 0.0
		for t, i := range step[g] {
			lx, l2 := k.sums(g, t, tries4XS)
			s := float64(i)
			lx, l2 = float64(s*lx), float64(float64(s*s)*l2)
			if loss := h * (float64(h*l2) - 2*lx); loss < least {
				least, gp, gq, k.try.scale[g] = loss, lx, l2, i
			}
		}
		p, q = p+gp, q+gq
	}
	if loss := h * (float64(h*q) - 2*p); loss < k.loss {
		k.best, k.loss = k.try, loss
	}
	if q == 0 {
		return 0, 0
	}
	return p / q, float64(p*p) / q
}
