package quantize

import "math"

// A kBlock is a super-block under the default search, with one unpacked block to try things on and the best so far.
type kBlock struct {
	x, w      [super]float32
	try, best superBlock
	loss      float64
	known     bool // importance says something
}

// extremeWeight is beyond what any k-quant can store: a half times 127 times 32. Larger weights are read as this.
const extremeWeight = 1e9

// load takes the next super-block. Weights that are not numbers are read as zero.
func (k *kBlock) load(src, importance []float32, weigh func(w, src, importance []float32)) {
	for i, v := range src {
		switch {
		case v > extremeWeight:
			v = extremeWeight
		case v < -extremeWeight:
			v = -extremeWeight
		case v != v:
			v = 0
		}
		k.x[i] = v
	}
	if importance != nil {
		importance = importance[:super]
	}
	weigh(k.w[:], k.x[:], importance)
	k.known = importanceOf(importance) > 0
	k.try, k.best, k.loss = superBlock{}, superBlock{}, math.Inf(1)
}

// finiteBits replaces an infinite or undefined half by the largest finite one.
func finiteBits(h uint16) uint16 {
	if h&0x7c00 == 0x7c00 {
		return h&0x8000 | 0x7bff
	}
	return h
}

// weighSuper returns the objective of a k-quant's default encoder: with importance llama-quantize's weights, importance times
// sqrt(σ² + x²) with σ² times times the mean square of the super-block, and a little for columns that calibration never
// saw. Where importance says nothing all weights count the same. llama-quantize lets large weights count for more there
// too; measured by the divergence of models, that lost more often than it won.
func weighSuper(times float32) func(w, src, importance []float32) {
	return func(w, src, importance []float32) {
		for b := 0; b+super <= len(src); b += super {
			x, w := src[b:b+super], w[b:b+super]
			if seen(w, importance, b) {
				weighWith(w, x, w, times*meanSquare(x))
			}
			if !(importanceOf(w) > 0) {
				ones(w)
			}
		}
	}
}

// seen fills w with the importance of a super-block and a ridge; with ones, and false, if importance says nothing.
func seen(w, importance []float32, at int) bool {
	ones(w)
	if importance == nil {
		return false
	}
	importance = importance[at : at+super]
	sum := importanceOf(importance)
	if !(sum > 0) {
		return false
	}
	least := float32(sum * (ridge / super))
	for i, v := range importance {
		w[i] = v + least
	}
	return true
}

// importanceOf adds up weights, a multiple of four, in four sums that do not wait for each other; the result is zero if it is
// not finite.
func importanceOf(w []float32) float32 {
	var a, b, c, d float32
	for ; len(w) >= 4; w = w[4:] {
		a += w[0]
		b += w[1]
		c += w[2]
		d += w[3]
	}
	sum := (a + b) + (c + d)
	if !(sum <= math.MaxFloat32) {
		return 0
	}
	return sum
}
