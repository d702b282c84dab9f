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

	float []float32     // [m][k] in tiles, rounded
	codes kernel.I16    // [m][k] in tiles, rounded
	int8  kernel.ActsI8 // [m][k] in tiles
}

func (a *acts) integer() bool { return a.kind == quantize.ActsQ8_0 || a.kind == quantize.ActsQ8_K }

// coded says that the product is one of 16-bit codes.
func (a *acts) coded() bool {
	return a.kind == quantize.ActsF16 || a.kind == quantize.ActsBF16 || a.kind == codedFloats
}

// codedFloats are 16-bit codes of what was not rounded to 16 bits before.
const codedFloats quantize.Acts = 255

func (a *acts) lanes() int {
	if a.integer() {
		return kernel.LanesI8
	}
	return kernel.Lanes
}

func (in *input) reset(x []float32, m, k int) {
	in.x, in.m, in.k = x, m, k
	for _, a := range in.as {
		a.holds = false
	}
}

// storage is how the input of w is stored: as it is in exact mode, in codes of it in coded mode, of 8 bits where the weights are integers. A type without
// an integer tile, or a weight whose stored bytes a transform hides, is multiplied in float32.
func (r *run) storage(w *weight) (kind quantize.Acts, group int) {
	t := w.t.Type
	switch {
	case r.mode == Exact:
		return quantize.ActsF32, 0
	case w.onGrid() && r.mode == Coded:
		return quantize.ActsQ8_0, gridGroup
	case r.mode == Coded && !w.tiled():
		return codedFloats, 0
	case t.Acts != quantize.ActsQ8_0 && t.Acts != quantize.ActsQ8_K:
		return t.Acts, 0
	case !w.tiled():
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
	case quantize.ActsQ8_K:
		a.int8.Reset(m, k, a.group, 256)
	case quantize.ActsQ8_0:
		a.int8.Reset(m, k, a.group, a.group)
	case quantize.ActsF16, quantize.ActsBF16, codedFloats:
		a.codes.Reset((m+kernel.RowTile-1)/kernel.RowTile*kernel.RowTile, k)
	default:
		grow(&a.float, (m+kernel.RowTile-1)/kernel.RowTile*kernel.RowTile*k)
	}
	const rows = 4 * kernel.RowTile
	r.parallel((m+rows-1)/rows, func(w *worker, task int) error {
		from, to := task*rows, min(m, (task+1)*rows)
		switch part := x[from*k : to*k]; a.kind {
		case quantize.ActsQ8_0:
			kernel.QuantizeQ8_0(&a.int8, part, from, to-from)
		case quantize.ActsQ8_K:
			kernel.QuantizeQ8_K(&a.int8, part, from, to-from)
		case codedFloats:
			w.codes.Reset(to-from, k)
			for i := range to - from {
				w.codes.RoundF32(i, part[i*k:][:k])
			}
			a.codes.Tile(&w.codes, from, to-from, k)
		case quantize.ActsF16:
			w.code(a, kernel.F32ToF16, (*kernel.I16).RoundF16, part, from, to-from, k)
		case quantize.ActsBF16:
			w.code(a, kernel.F32ToBF16, (*kernel.I16).RoundBF16, part, from, to-from, k)
		default:
			kernel.PackTiles(a.float, part, k, from, to-from, k)
		}
		return nil
	})
}

// code rounds m rows of k numbers to 16 bits as a runtime does, and codes them as rows from on.
func (w *worker) code(a *acts, to func(dst []byte, x []float32), round func(x *kernel.I16, i int, row []byte), x []float32, from, m, k int) {
	half := grow(&w.half, 2*len(x))
	to(half, x)
	w.codes.Reset(m, k)
	for i := range m {
		round(&w.codes, i, half[2*i*k:][:2*k])
	}
	a.codes.Tile(&w.codes, from, m, k)
}

// halve stores x rounded to half precision, to nearest even; dst may be x.
func (w *worker) halve(dst, x []float32) {
	half := grow(&w.half, 2*len(x))
	kernel.F32ToF16(half, x)
	kernel.F16ToF32(dst, half)
}
