package quantize

import "quern/internal/kernel"

// measureAlong prepares refits: what of the loss goes along with a row's own products.
func (r *feedbackRun) measureAlong(w []float32, m int) {
	r.ahead, r.energy = room(r.ahead, m*r.k), room(r.energy, m)
	for c := 0; c < r.k; c += kernel.Lanes {
		r.h.multiply(r.ahead[c:], r.k, w, r.k, 0, c, m, r.k, false)
	}
	for i := range m {
		r.energy[i] = dot(w[i*r.k:][:r.k], r.ahead[i*r.k:])
	}
}

// dot is Σ x·y; products of float32 are exact in float64.
func dot(x, y []float32) (sum float64) {
	for j, v := range x {
		sum += float64(v) * float64(y[j])
	}
	return sum
}

// refit gives every block the halves, of its scales and then of its minima, that suit the codes which it has by now. Least squares would shrink what it
// rounds, the more the fewer bits there are, and what rows give shrinks with it: so the part of the loss that goes along with a row's own products counts
// again, as in Along, at least once. With left·H·leftᵀ + Along·(left·H·wᵀ)²/(w·H·wᵀ) as the loss, v what the weights of the block are in units of the half,
// and z = v·H·wᵀ, moving the half by a part a changes it by
//
//	a²·(v·H·vᵀ + Along·z²/w·H·wᵀ) − 2·a·(left·H·vᵀ + Along·z·left·H·wᵀ/w·H·wᵀ)
//
// and the best a is known. A half that rounding leaves with more loss than there was is not taken.
func (r *feedbackRun) refit(dst []byte, m int) {
	r.along = room(r.along, m)
	for i := range m {
		r.along[i] = dot(r.left[i*r.k:][:r.k], r.ahead[i*r.k:])
	}
	scale, min := r.t.halves()
	r.refitEach(dst, m, scale, func(i, g int) float32 { return float32(r.row.Scale[g] * float32(r.row.Code[i])) })
	r.refitEach(dst, m, min, func(_, g int) float32 { return r.row.Min[g] })
}

// refitEach does it for one half of every block, of which value is what a weight has.
func (r *feedbackRun) refitEach(dst []byte, m int, half *storedHalf, value func(i, g int) float32) {
	for c := 0; half != nil && c < r.k; c += r.t.Block {
		r.refitBlocks(dst, c, m, half, value)
	}
}

// A storedHalf is one that all scales or minima of a block are multiples of.
type storedHalf struct {
	get func(block []byte) uint16
	set func(block []byte, h uint16)
}

// storedAt is one whose bytes stand together, nil where there is none.
func storedAt(at int) *storedHalf {
	if at < 0 {
		return nil
	}
	return &storedHalf{func(block []byte) uint16 { return halfBits(block[at:]) }, func(block []byte, h uint16) { putHalf(block[at:], h) }}
}

// halves are those of a block's scales and minima.
func (t *Type) halves() (scale, min *storedHalf) {
	if t.Book != nil {
		return t.Book.half, nil
	}
	return t.Lattice.scale, t.Lattice.min
}

// refitBlocks does it in the blocks that begin in column c.
func (r *feedbackRun) refitBlocks(dst []byte, c, m int, half *storedHalf, value func(i, g int) float32) {
	n, row := r.t.Block, r.k/r.t.Block*r.t.Bytes
	r.part, r.by = room(r.part, m*n), room(r.by, m*n)
	for i := range m {
		for j := range n {
			at := i*r.k + c + j
			r.part[i*n+j] = value(at, at/r.t.Group)
		}
	}
	for to := 0; to < n; to += kernel.Lanes { // v·H within the block
		r.h.multiply(r.by[to:], n, r.part, n, c, c+to, m, n, false)
	}
	r.products(c, n, m)
	for i := range m {
		raw, v := dst[i*row+c/n*r.t.Bytes:][:r.t.Bytes], r.part[i*n:][:n]
		if r.refitHalf(raw, half, i, c, v, r.by[i*n:][:n]) {
			r.moveBlock(raw, i, c)
		}
	}
}

// refitHalf refits one half of row i, and says whether it did; vh is v·H within the block.
func (r *feedbackRun) refitHalf(raw []byte, of *storedHalf, i, c int, v, vh []float32) bool {
	old := of.get(raw)
	d, again := float64(halfValue(old)), max(r.t.Along, 1)/r.energy[i]
	z := dot(v, r.ahead[i*r.k+c:])
	curve := dot(v, vh) + float64(again*float64(z*z))
	slope := dot(v, r.target[i*r.k+c:]) + float64(again*float64(z*r.along[i]))
	if !(curve > 0) || d == 0 {
		return false
	}
	now := finiteBits(half(float32(d * (1 + slope/curve))))
	part := float64(halfValue(now))/d - 1
	if now == old || !(part*(float64(part*curve)-2*slope) < 0) {
		return false
	}
	of.set(raw, now)
	r.along[i] -= float64(part * z)
	return true
}

// moveBlock takes a block of row i as raw has it now.
func (r *feedbackRun) moveBlock(raw []byte, i, c int) {
	n, g := r.t.Block, r.t.Group
	at := (i*r.k + c) / g
	now := Tile{Code: r.tile.Code[:n], Scale: r.tile.Scale[:n/g], Min: r.tile.Min[:n/g]} // its codes are those that the encoder left
	r.t.groups(now, raw)
	code, left := r.row.Code[i*r.k+c:][:n], r.left[i*r.k+c:][:n]
	for j, v := range code {
		s := j / g
		was := float32(r.row.Scale[at+s]*float32(v)) + r.row.Min[at+s]
		left[j] += was - (float32(now.Scale[s]*float32(v)) + now.Min[s])
	}
	copy(r.row.Scale[at:], now.Scale)
	copy(r.row.Min[at:], now.Min)
}
