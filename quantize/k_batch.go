package quantize

import (
	"math"
	"sync"

	"quern/internal/kernel"
)

// A kBatch is 32 groups of a row, two or four super-blocks, under the default search.
type kBatch struct {
	kernel.Groups
	w     [kernel.GroupLanes * maxGroup]float32 // weights of squared errors, in the order of the row
	calm  []float32                             // a row without what no type can store
	block kBlocks
	out   superBlock
	flat  flatFit

	factor, low [kernel.GroupLanes]float32 // of levels
	code        [kernel.GroupLanes * maxGroup]uint8
}

type kBlocks = [kernel.GroupLanes * maxGroup / super]kBlock

// A kBlock is a super-block but for its codes: what llama-quantize would write, the best found, and the errors of both.
type kBlock struct {
	first, best superScales
	base, loss  float64
}

var kBatches = sync.Pool{New: func() any { return new(kBatch) }}

// extremeWeight is beyond what any k-quant can store: a half times 127 times 32. Larger weights are read as this.
const extremeWeight = 1e9

// calmed returns the row, or a copy in which weights that are not numbers are zeros and extreme ones extremeWeight.
func (b *kBatch) calmed(src []float32) []float32 {
	if kernel.Magnitude(src) <= extremeWeight {
		return src
	}
	b.calm = append(b.calm[:0], src...)
	for i, v := range b.calm {
		switch {
		case v > extremeWeight:
			b.calm[i] = extremeWeight
		case v < -extremeWeight:
			b.calm[i] = -extremeWeight
		case v != v:
			b.calm[i] = 0
		}
	}
	return b.calm
}

// start notes the errors of llama-quantize's blocks.
func (b *kBatch) start(n, groups int) {
	for i := range n {
		k := &b.block[i]
		k.base = b.sum(&b.Loss, i, groups)
		k.loss = k.base
	}
}

// offer keeps the better of two.
func (k *kBlock) offer(other *kBlock) {
	if other.loss < k.loss {
		k.best, k.loss = other.best, other.loss
	}
}

// better is the part of an error below which another is called less: by more than float32 sums can be wrong, so that what is
// called less is less.
const better = 1 - 1e-5

// settle returns the best block, or llama-quantize's, and true, where that is as good.
func (k *kBlock) settle() (*superScales, bool) {
	if k.loss < better*k.base {
		return &k.best, false
	}
	return &k.first, true
}

// keepBetter returns to earlier blocks where they are as good, or importance says something.
func (b *kBatch) keepBetter(had *kBlocks, importance []float32) {
	for i := 0; i*super < len(importance); i++ {
		k, h := &b.block[i], &had[i]
		if importanceOf(importance[i*super:][:super]) > 0 || !(min(k.loss, k.base) < better*min(h.loss, h.base)) {
			*k = *h
		}
	}
}

// weigh loads the objective's weights of squared errors, those of weighSuper(times) unless times is zero; false when all count the
// same.
func (b *kBatch) weigh(weigh func(w, src, importance []float32), times float32, x, importance []float32, group int) bool {
	if importance == nil {
		return false
	}
	if times > 0 && b.weighLanes(times, importance, group) {
		return true
	}
	weigh(b.w[:len(x)], x, importance)
	b.LoadW(b.w[:len(x)], group)
	return true
}

// sum adds up what a row of the groups says of a super-block.
func (b *kBatch) sum(row *[kernel.GroupLanes]float32, at, groups int) (sum float64) {
	for _, v := range row[at*groups:][:groups] {
		sum += float64(v)
	}
	return sum
}

// seenAll is false when importance says nothing about one of the super-blocks.
func seenAll(importance []float32) bool {
	for ; len(importance) >= super; importance = importance[super:] {
		if !(importanceOf(importance[:super]) > 0) {
			return false
		}
	}
	return true
}

// finiteBits replaces an infinite or undefined half by the largest finite one.
func finiteBits(h uint16) uint16 {
	if h&0x7c00 == 0x7c00 {
		return h&0x8000 | 0x7bff
	}
	return h
}

// sigma sets D to the mean square of each super-block times a factor, and DMin to zero.
func (b *kBatch) sigma(times float32, x []float32, groups int) {
	squares := superSquares(x)
	clear(b.D[:])
	clear(b.DMin[:])
	for i := 0; i*super < len(x); i++ {
		for g := range groups {
			b.D[i*groups+g] = float32(times*squares[i]) / super
		}
	}
}

// superSquares are the sums of squares of up to four super-blocks, each added from left to right, as ggml's bytes depend on it: four
// sums at a time do not wait for each other.
func superSquares(x []float32) (sum [4]float32) {
	if len(x) < 4*super {
		for i := 0; i*super < len(x); i++ {
			sum[i] = sumSquares(x[i*super:][:super])
		}
		return sum
	}
	p, q, r, s := x[:super], x[super:2*super], x[2*super:3*super], x[3*super:4*super]
	for i, v := range p {
		sum[0] += float32(v * v)
		sum[1] += float32(q[i] * q[i])
		sum[2] += float32(r[i] * r[i])
		sum[3] += float32(s[i] * s[i])
	}
	return sum
}

var inf32 = float32(math.Inf(1))

// cutTo is the importance of the next n columns, after that of those that follow; none stays none.
func cutTo(importance []float32, n int) []float32 {
	if importance == nil {
		return nil
	}
	return importance[:n]
}

func after(importance []float32, n int) []float32 {
	if importance == nil {
		return nil
	}
	return importance[n:]
}
