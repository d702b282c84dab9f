package quantize

import (
	"sync"

	"quern/internal/kernel"
)

// A kRow is a part of a row under the default search: as many super-blocks as a kernel has lanes, at most, for their halves are found with a super-block
// in each lane.
type kRow struct {
	batch  [8]kBatch
	scales kernel.Groups // of all groups of a super-block
}

var kRows = sync.Pool{New: func() any { return new(kRow) }}

// load takes the weights of a part of a row, and how much their errors count; false where importance says nothing about a super-block, or
// more than sums can hold.
func (r *kRow) load(x, importance []float32, group int, sigma float32) bool {
	for i := 0; len(x) > 0; i++ {
		b, n := &r.batch[i], min(len(x), kernel.GroupLanes*group)
		b.LoadX(x[:n], group)
		if importance != nil {
			if !b.weighLanes(sigma, importance[:n], group) {
				return false
			}
		}
		x, importance = x[n:], after(importance, n)
	}
	return true
}

// weighLanes loads the objective of weighSuper(times), or importance and its ridge where times is zero.
func (b *kBatch) weighLanes(times float32, importance []float32, group int) bool {
	b.LoadW(importance, group)
	b.Sums(group)
	groups := super / group
	for i := 0; i*super < len(importance); i++ {
		sum, squares := float32(b.sum(&b.SumW, i, groups)), float32(b.sum(&b.SumWX, i, groups))
		if !(sum > 0 && sum < 1e20) {
			return false
		}
		for g := i * groups; g < (i+1)*groups; g++ {
			b.D[g], b.DMin[g] = float32(times*squares)/super, sum*(ridge/super)
		}
	}
	if times > 0 {
		b.WeighBy(group)
	} else {
		b.WeighPlus(group)
	}
	return true
}

// take takes numbers of all groups, and what an error in them counts, of the super-block that is n-th of the row and at-th of its batch.
func (r *kRow) take(n, at, groups int, number, weight *[kernel.GroupLanes]float32) {
	w := weight[at*groups:][:groups]
	for g, v := range number[at*groups:][:groups] {
		r.scales.X[g*kernel.GroupLanes+n], r.scales.W[g*kernel.GroupLanes+n] = v, w[g]
	}
}
