package quantize

import "math"

var weigh4XS = weighEach(super, 2)

// A xs4Search is a super-block of IQ4_XS under the default search: it begins with llama-quantize's and with what a sweep of each
// group gives, lets every group look at the scales around its own, refits the half and takes the best.
type xs4Search struct {
	x, w      [super]float32
	group     [8]fit4
	try, best xs4Block
	loss      float64
}

func encodeIQ4_XS(dst []byte, src, importance []float32) {
	var k xs4Search
	for ; len(src) >= super; dst, src = dst[136:], src[super:] {
		tame(k.x[:], src[:super])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:super], importance[super:]
		}
		weigh4XS(k.w[:], k.x[:], imp)
		for g := range k.group {
			k.group[g].load(block(k.x[32*g:]), block(k.w[32*g:]))
		}
		k.loss = math.Inf(1)
		k.try.ggml(k.x[:], imp)
		k.try.d = finiteBits(k.try.d)
		k.offer()
		k.swept()
		for range 2 {
			k.move()
		}
		k.try = k.best
		k.move()
		k.best.put(dst)
	}
}

// offer keeps the try if it is the best so far.
func (k *xs4Search) offer() {
	var sum float64
	d := float64(halfValue(k.try.d))
	for g := range k.group {
		sum += k.group[g].coded((*[flat]uint8)(k.try.q[32*g:]), float64(d*float64(k.try.scale[g])))
	}
	if sum < k.loss {
		k.best, k.loss = k.try, sum
	}
}

// swept makes the try of each group's own best scale; the largest decides the half.
func (k *xs4Search) swept() {
	var scale [8]float64
	var q [flat]uint8
	most := 0.0
	for g := range k.group {
		f := &k.group[g]
		both := f.sweep()
		scale[g] = both[0]
		if f.loss(&q, both[1]) < f.loss(&q, both[0]) {
			scale[g] = both[1]
		}
		if math.Abs(scale[g]) > math.Abs(most) {
			most = scale[g]
		}
	}
	k.try.d = half(float32(-most / 32))
	if k.try.d&0x7fff == 0 {
		k.try = k.best
		return
	}
	d := float64(halfValue(k.try.d))
	for g, s := range scale {
		k.try.scale[g] = int8(min(max(nearest(s/d), -32), 31))
	}
}

// move lets every group of the try choose among the scales around its own, then refits the half to all codes.
func (k *xs4Search) move() {
	d := float64(halfValue(k.try.d))
	var q [flat]uint8
	var lx, l2 float64
	for g := range k.group {
		f, at := &k.group[g], int(k.try.scale[g])
		least := math.Inf(1)
		for s := max(at-2, -32); s <= min(at+2, 31); s++ {
			if loss := f.loss(&q, float64(d*float64(s))); loss < least {
				least, k.try.scale[g] = loss, int8(s)
				*(*[flat]uint8)(k.try.q[32*g:]) = q
			}
		}
		x, l := f.products((*[flat]uint8)(k.try.q[32*g:]))
		s := float64(k.try.scale[g])
		lx += float64(s * x)
		l2 += float64(float64(s*s) * l)
	}
	k.offer()
	if l2 > 0 {
		k.try.d = finiteBits(half(float32(lx / l2)))
		k.offer()
	}
}
