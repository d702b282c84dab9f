package quantize

import (
	"quern/internal/kernel"
)

// The default search of the flat types, 32 blocks at a time. llama-quantize's scale is the first candidate, but for the default effort of the
// symmetric ones; the best of a scan by the objective is another. Each is rounded to a half before levels are taken, the nearest ones, and
// the winner is refitted to its levels as long as that helps. Nearest levels lose no more than llama-quantize's do, whichever way it took
// them.

// A lattice is what blocks may be stored by: scales and, in types with an offset, what level zero stands for; once rounded, halves.
type lattice struct{ d, m halfRow }

type halfRow [kernel.GroupLanes]float32

// A halfBytes is room for a halfRow as it is stored, two bytes each.
type halfBytes [2 * kernel.GroupLanes]byte

// round makes halves of the numbers, the largest finite one of what is too large for one or not a number.
func (h *halfRow) round(room *halfBytes) {
	const most = 65504
	if hi, lo := kernel.Extremes(h[:]); !(-lo <= most && hi <= most) {
		for i, v := range h {
			switch {
			case v < -most:
				h[i] = -most
			case !(v <= most):
				h[i] = most
			}
		}
	}
	kernel.F32ToF16(room[:], h[:])
	kernel.F16ToF32(h[:], room[:])
}

func (c *flatCoder) encodeSym(dst []byte, src, importance []float32) {
	c.search(dst, src, importance, c.efforts[:1], (*flatCoder).fitSym)
}

func (c *flatCoder) encodeMin(dst []byte, src, importance []float32) {
	c.search(dst, src, importance, c.efforts[:1], (*flatCoder).fitMin)
}

// harderSym and harderMin are the encoders of an effort.
func (c *flatCoder) harderSym(effort int) Encoder {
	return func(dst []byte, src, importance []float32) {
		c.search(dst, src, importance, c.efforts[:effort], (*flatCoder).fitSym)
	}
}

func (c *flatCoder) harderMin(effort int) Encoder {
	return func(dst []byte, src, importance []float32) {
		c.search(dst, src, importance, c.efforts[:effort], (*flatCoder).fitMin)
	}
}

// search writes a row with what fit finds for each run of 32 blocks.
func (c *flatCoder) search(dst []byte, src, importance []float32, efforts []flatEffort, fit func(c *flatCoder, b *kBatch, f *flatFit)) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	f := &b.flat
	*f = flatFit{src: b.calmed(src), importance: importance, efforts: efforts}
	if importance != nil {
		f.sigma2 = float32(b.Squares(f.src) / float64(len(f.src)))
	}
	for f.next(b) {
		fit(c, b, f)
		n := len(f.x) / flat
		c.write(dst[:n*c.bytes], b, f, n)
		dst = dst[n*c.bytes:]
	}
}

// A flatFit is a row under search: its next run of blocks and the best lattices so far.
type flatFit struct {
	src, importance []float32
	sigma2          float32
	efforts         []flatEffort // what they look at, the last one the one asked for

	x, with []float32 // the run, and its importance or nil
	best    lattice
	loss    [kernel.GroupLanes]float32

	first, other    lattice // candidates
	halves, offsets halfBytes
}

// next loads the next run of blocks.
func (f *flatFit) next(b *kBatch) bool {
	if len(f.src) == 0 {
		return false
	}
	n := min(len(f.src), kernel.GroupLanes*flat)
	f.x, f.src = f.src[:n], f.src[n:]
	f.with, f.importance = cutTo(f.importance, n), after(f.importance, n)
	b.LoadX(f.x, flat)
	for i := range f.loss {
		f.loss[i] = inf32
	}
	return true
}

// objective loads the weights that errors are judged by: in lanes where importance says something moderate everywhere.
func (f *flatFit) objective(b *kBatch) {
	b.LoadW(f.with, flat)
	b.Sums(flat)
	clear(b.DMin[:])
	for i, sum := range b.SumW[:len(f.x)/flat] {
		if !(sum > 0 && sum < 1e20) {
			f.objectiveByBlock(b)
			return
		}
		b.DMin[i] = sum * (ridge / flat)
	}
	f.spreadSigma(b)
	b.WeighBy(flat)
}

func (f *flatFit) objectiveByBlock(b *kBatch) {
	for at := 0; at < len(f.x); at += flat {
		weighFlat(block(b.w[at:]), f.x[at:at+flat], f.with[at:at+flat], f.sigma2)
	}
	b.LoadW(b.w[:len(f.x)], flat)
}

func (f *flatFit) spreadSigma(b *kBatch) {
	for i := range b.D {
		b.D[i] = f.sigma2
	}
}

// theirs loads llama-quantize's weights.
func (f *flatFit) theirs(b *kBatch) {
	b.LoadW(f.with, flat)
	f.spreadSigma(b)
	clear(b.DMin[:])
	b.WeighBy(flat)
}

// fitSym looks for a scale. Levels run from -zero to zero-1, which suits one sign of the scale better than the other. The default goes without
// llama-quantize's scale: on average it loses less, and in some blocks more.
func (c *flatCoder) fitSym(b *kBatch, f *flatFit) {
	lo, hi := -c.zero, c.zero-1
	if len(f.efforts) > 1 {
		c.offerTheirs(b, f)
	} else if f.with != nil {
		f.objective(b)
	}
	for _, e := range f.efforts {
		table := e.plain
		if f.with != nil {
			table = e.wide
		}
		b.ScanSym(flat, lo, hi, f.with != nil, table)
		f.other.d = b.Scale
		if len(f.efforts) == 1 {
			f.settleSym(b, lo, hi)
			return
		}
		f.offerSym(b, lo, hi, &f.other, false)
		for range e.refits {
			for i := range f.other.d {
				f.other.d[i] = b.SumWQX[i] / b.SumWQQ[i]
			}
			f.offerSym(b, lo, hi, &f.other, false)
		}
	}
}

// offerTheirs begins with llama-quantize's scale, and loads the objective.
func (c *flatCoder) offerTheirs(b *kBatch, f *flatFit) {
	f.first = lattice{}
	if f.with != nil {
		f.theirs(b)
	}
	b.SweepSym(flat, -c.zero, c.zero-1, f.with != nil, c.sweep)
	f.first.d = b.Scale
	if f.with != nil {
		f.objective(b)
	} else {
		for i, top := range b.Top() {
			if f.first.d[i] != 0 {
				f.first.d[i] = top / -float32(c.zero)
			}
		}
	}
	f.offerSym(b, -c.zero, c.zero-1, &f.first, true)
}

// settleSym keeps the scales in other, or those that suit their levels better.
func (f *flatFit) settleSym(b *kBatch, lo, hi int) {
	had, next := &f.best.d, &f.other.d
	*had = *next
	had.round(&f.halves)
	b.Scale = *had
	b.TakeSym(flat, lo, hi, f.with != nil)
	for i, qx := range b.SumWQX {
		next[i] = qx / b.SumWQQ[i]
	}
	next.round(&f.halves)
	for i, d := range next {
		if step := d - had[i]; float32((d+had[i])*b.SumWQQ[i])*step < 2*b.SumWQX[i]*step {
			had[i] = d
		}
	}
}

// offerSym rounds lattices and keeps those that lose less; the first only has to be a number. A sum that is not one keeps nothing.
func (f *flatFit) offerSym(b *kBatch, lo, hi int, l *lattice, first bool) {
	l.d.round(&f.halves)
	b.Scale = l.d
	b.TakeSym(flat, lo, hi, f.with != nil)
	f.keep(b, l, first)
}

func (f *flatFit) offerMin(b *kBatch, top int, l *lattice, first bool) {
	l.d.round(&f.halves)
	l.m.round(&f.halves)
	b.Scale = l.d
	for i, m := range l.m {
		b.Min[i] = 0 - m
	}
	b.TakeMin(flat, top, f.with != nil)
	f.keep(b, l, first)
}

func (f *flatFit) keep(b *kBatch, l *lattice, first bool) {
	for i, loss := range b.Loss {
		if first || loss < better*f.loss[i] {
			f.best.d[i], f.best.m[i], f.loss[i] = l.d[i], l.m[i], loss
		}
	}
}

// fitMin looks for a scale and an offset.
func (c *flatCoder) fitMin(b *kBatch, f *flatFit) {
	top := 2*c.zero - 1
	first, next := &f.first, &f.other
	if f.with != nil {
		f.theirs(b)
		b.SweepMin(flat, top, false, c.sweep)
		first.d, first.m = b.Scale, b.Min
		f.objective(b)
	} else {
		kernel.BlockExtremes(first.d[:], first.m[:], f.x)
		for i, lo := range first.m {
			first.d[i] = (first.d[i] - lo) / float32(top)
		}
	}
	f.offerMin(b, top, first, true)
	for _, e := range f.efforts {
		table := e.plain
		if f.with != nil {
			table = e.wide
		}
		b.ScanMin(flat, top, f.with != nil, table)
		next.d, next.m = b.Scale, b.Min
		f.offerMin(b, top, next, false)
		for range e.refits {
			for i := range next.d {
				next.d[i], next.m[i] = refitOffset(b, i)
			}
			f.offerMin(b, top, next, false)
		}
	}
}

// refitOffset solves for scale and offset of the last levels, the offset for the scale as it is rounded.
func refitOffset(b *kBatch, i int) (d, m float32) {
	w, x, q, qq, qx := float64(b.SumW[i]), float64(b.SumWX[i]), float64(b.SumWQ[i]), float64(b.SumWQQ[i]), float64(b.SumWQX[i])
	det := float64(w*qq) - float64(q*q)
	if det > 0 {
		d = halfValue(finiteBits(half(float32((float64(w*qx) - float64(q*x)) / det))))
	}
	return d, float32((x - float64(q*float64(d))) / w)
}

// write stores the blocks of a run.
func (c *flatCoder) write(dst []byte, b *kBatch, f *flatFit, n int) {
	lo, hi := -c.zero, c.zero-1
	if c.at == 2 {
		clear(b.low[:])
	} else {
		lo, hi = 0, 2*c.zero-1
		for i, m := range f.best.m[:n] {
			b.low[i] = 0 - m
		}
	}
	for i, d := range f.best.d[:n] {
		b.factor[i] = factorOf(d, false)
	}
	kernel.Levels(b.code[:len(f.x)], f.x, b.factor[:], b.low[:], flat, lo, hi, false)
	kernel.F32ToF16(f.halves[:], f.best.d[:])
	kernel.F32ToF16(f.offsets[:], f.best.m[:])
	for i := range n {
		out := dst[i*c.bytes:]
		copy(out[:2], f.halves[2*i:2*i+2])
		if c.at == 4 {
			copy(out[2:4], f.offsets[2*i:2*i+2])
		}
		c.put(out[c.at:], (*[flat]uint8)(b.code[i*flat:]))
	}
}
