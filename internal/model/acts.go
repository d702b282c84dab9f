package model

import (
	"quern/internal/kernel"
	"quern/quantize"
)

// An input is the left factor of products, x [m][k], in as many storages as the weights to its right ask for.
type input struct {
	x    []float32
	m, k int
	as   []*acts // kept for their memory; those that hold x are marked
}

// acts is one storage of an input.
type acts struct {
	kind  quantize.Acts
	group int  // of an integer storage: columns that share a scale
	holds bool // it holds the present input

	float []float32     // [m][k], rounded
	int8  kernel.ActsI8 // [m][k] in tiles
	own   []float32     // memory of float, where float is not x itself
}

func (a *acts) integer() bool { return a.kind == quantize.ActsQ8_0 || a.kind == quantize.ActsQ8_K }

func (a *acts) lanes() int {
	if a.integer() {
		return kernel.LanesI8
	}
	return kernel.Lanes
}

func (in *input) reset(x []float32, m, k int) {
	in.x, in.m, in.k = x, m, k
	for _, a := range in.as {
		a.holds, a.float = false, nil
	}
}

// storage is how the input of w is stored: as it is in exact mode. A type without an integer tile, or a weight whose
// stored bytes a transform hides, is multiplied in float32.
func (r *run) storage(w *weight) (kind quantize.Acts, group int) {
	t := w.t.Type
	switch {
	case r.mode == Exact:
		return quantize.ActsF32, 0
	case t.Acts != quantize.ActsQ8_0 && t.Acts != quantize.ActsQ8_K:
		return t.Acts, 0
	case t.Tile == nil || w.t.Raw == nil:
		return quantize.ActsF32, 0
	}
	return t.Acts, t.Group
}

// acts returns the present input as w wants it.
func (r *run) acts(w *weight) *acts {
	kind, group := r.storage(w)
	var a *acts
	for _, b := range r.in.as {
		if b.kind == kind && b.group == group {
			a = b
		}
	}
	if a == nil {
		a = &acts{kind: kind, group: group}
		r.in.as = append(r.in.as, a)
	}
	if !a.holds {
		r.fill(a)
		a.holds = true
	}
	return a
}

// fill rounds the input.
func (r *run) fill(a *acts) {
	x, m, k := r.in.x, r.in.m, r.in.k
	switch a.kind {
	case quantize.ActsF32:
		a.float = x
	case quantize.ActsF16, quantize.ActsBF16:
		a.float = grow(&a.own, m*k)
		r.eachRow(m, func(w *worker, row int) {
			w.round(a.float[row*k:][:k], x[row*k:][:k], a.kind == quantize.ActsBF16)
		})
	default:
		block := 32
		if a.kind == quantize.ActsQ8_K {
			block = 256
		}
		a.int8.Reset(m, k, a.group, block)
		const rows = 4 * kernel.RowTile
		r.parallel((m+rows-1)/rows, func(_ *worker, task int) error {
			from, to := task*rows, min(m, (task+1)*rows)
			if a.kind == quantize.ActsQ8_0 {
				kernel.QuantizeQ8_0(&a.int8, x[from*k:to*k], from, to-from)
			} else {
				kernel.QuantizeQ8_K(&a.int8, x[from*k:to*k], from, to-from)
			}
			return nil
		})
	}
}

// round stores x rounded to half precision or bfloat16, to nearest even; dst may be x.
func (w *worker) round(dst, x []float32, brain bool) {
	half := grow(&w.half, 2*len(x))
	if brain {
		kernel.F32ToBF16(half, x)
		kernel.BF16ToF32(dst, half)
		return
	}
	kernel.F32ToF16(half, x)
	kernel.F16ToF32(dst, half)
}
