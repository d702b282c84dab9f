package model

import (
	"quern/internal/kernel"
	"quern/quantize"
)

// A product is one of several matrix products with the same left factor: dst = x · Wᵀ + bias.
type product struct {
	dst []float32 // [m][ld]
	w   *weight   // [n][k], n ≤ ld
}

// A span is a run of outputs of a product that one task computes.
type span struct {
	product
	acts     *acts
	from, to int // outputs, from a multiple of the panel's width
}

const (
	decodedBytes = 256 << 10 // of the panels of one task: they stay in the second-level cache
	rowBlock     = 60        // rows of x that go through the panels of a task together: whole tiles
	packColumns  = 2048      // columns that are decoded before they are interleaved: they stay in the first-level cache
)

// multiply computes products with x [m][k]. Every panel of a weight is decoded once, for all rows of x.
func (r *run) multiply(x []float32, m int, products ...product) {
	if r.err != nil || m == 0 {
		return
	}
	r.in.reset(x, m, products[0].w.k)
	var spans []span
	for _, p := range products {
		a := r.acts(p.w)
		step := p.w.panelsPerTask(a, r.threads) * a.lanes()
		for from := 0; from < p.w.n; from += step {
			spans = append(spans, span{p, a, from, min(from+step, p.w.n)})
		}
	}
	r.parallel(len(spans), func(w *worker, task int) error {
		s := &spans[task]
		if s.acts.integer() {
			return inTensor(s.w.t, s.integers(w, m))
		}
		return inTensor(s.w.t, s.floats(w, m))
	})
}

// panelsPerTask balances two wishes: panels that share a pass over x, and tasks enough for all threads.
func (w *weight) panelsPerTask(a *acts, threads int) int {
	size := 4 * w.k * a.lanes()
	if a.integer() {
		size = 2 * w.k * a.lanes() // codes, scales, offsets and sums
	}
	panels := (w.n + a.lanes() - 1) / a.lanes()
	return max(1, min(decodedBytes/size, panels/(4*threads)))
}

// ld is the distance between rows of the result.
func (p *product) ld(m int) int { return len(p.dst) / m }

// floats multiplies decoded weights with the rows of x.
func (s *span) floats(w *worker, m int) error {
	const lanes = kernel.Lanes
	k, ld := s.w.k, s.ld(m)
	size := k * lanes
	panels := grow(&w.panels, (s.to-s.from+lanes-1)/lanes*size)
	for j := s.from; j < s.to; j += lanes {
		n := min(lanes, s.to-j)
		rows := grow(&w.rows, n*k)
		if err := s.w.t.Rows.ReadRows(rows, j); err != nil {
			return err
		}
		kernel.PackF32(panels[(j-s.from)*k:][:size], rows, n, k)
	}
	for i := 0; i < m; i += rowBlock {
		n := min(rowBlock, m-i)
		x := s.acts.float[i*k:]
		for j := s.from; j < s.to; j += lanes {
			panel := panels[(j-s.from)*k:][:size]
			if j+lanes <= s.to {
				kernel.MatMulF32(s.dst[i*ld+j:], ld, x, k, panel, lanes, n, k, false)
				continue
			}
			edge := grow(&w.edge, n*lanes)
			kernel.MatMulF32(edge, lanes, x, k, panel, lanes, n, k, false)
			s.copyEdge(edge, lanes, i, n, j, ld)
		}
		s.addBias(i, n, ld)
	}
	return nil
}

// integers multiplies int8 tiles of the weights with the int8 rows of x.
func (s *span) integers(w *worker, m int) error {
	const lanes = kernel.LanesI8
	ld := s.ld(m)
	for len(w.ints) < (s.to-s.from+lanes-1)/lanes {
		w.ints = append(w.ints, kernel.PanelI8{})
	}
	for j := s.from; j < s.to; j += lanes {
		if err := s.w.pack(w, &w.ints[(j-s.from)/lanes], j, min(lanes, s.to-j)); err != nil {
			return err
		}
	}
	for i := 0; i < m; i += rowBlock {
		n := min(rowBlock, m-i)
		for j := s.from; j < s.to; j += lanes {
			panel := &w.ints[(j-s.from)/lanes]
			if j+lanes <= s.to {
				kernel.MatMulI8(s.dst[i*ld+j:], ld, &s.acts.int8, i, n, panel)
				continue
			}
			edge := grow(&w.edge, n*lanes)
			kernel.MatMulI8(edge, lanes, &s.acts.int8, i, n, panel)
			s.copyEdge(edge, lanes, i, n, j, ld)
		}
		s.addBias(i, n, ld)
	}
	return nil
}

// copyEdge moves the outputs of a panel that is not full: writing them directly would hit the next row.
func (s *span) copyEdge(edge []float32, lanes, row, rows, j, ld int) {
	for i := range rows {
		copy(s.dst[(row+i)*ld+j:][:s.to-j], edge[i*lanes:])
	}
}

func (s *span) addBias(row, rows, ld int) {
	if s.w.bias == nil {
		return
	}
	bias := s.w.bias[s.from:s.to]
	for i := range rows {
		dst := s.dst[(row+i)*ld+s.from:][:len(bias)]
		for j, b := range bias {
			dst[j] += b
		}
	}
}

// pack decodes n rows of the weight, beginning with the given one, into a panel, some columns of all rows at a time.
func (w *weight) pack(k *worker, panel *kernel.PanelI8, row, n int) error {
	t := w.t.Type
	size := w.k / t.Block * t.Bytes
	raw := grow(&k.raw, n*size)
	if _, err := w.t.Raw.ReadAt(raw, int64(row)*int64(size)); err != nil {
		return err
	}
	rows := k.decoded(n, t.Group)
	panel.Reset(w.k, t.Group)
	for from := 0; from < w.k; from += packColumns {
		cols := min(packColumns, w.k-from)
		at, part := from/t.Block*t.Bytes, cols/t.Block*t.Bytes
		for lane := range n {
			t.Tile(quantize.Tile{
				Code:  rows.Code[lane*rows.Ld:][:cols],
				Scale: rows.Scale[lane*rows.LdGroup:][:cols/t.Group],
				Min:   rows.Min[lane*rows.LdGroup:][:cols/t.Group],
			}, raw[lane*size+at:][:part])
		}
		panel.Put(from, cols, rows)
	}
	return nil
}

// decoded is room for some columns of a panel's rows, of which n will be filled; the others are zero.
func (k *worker) decoded(n, group int) *kernel.RowsI8 {
	const ld = packColumns + 64 // not a power of two, which would compete for places in the cache
	r := &k.tile
	r.Ld, r.LdGroup = ld, packColumns/group
	grow(&r.Code, kernel.LanesI8*r.Ld)
	grow(&r.Scale, kernel.LanesI8*r.LdGroup)
	grow(&r.Min, kernel.LanesI8*r.LdGroup)
	clear(r.Code[n*r.Ld:])
	clear(r.Scale[n*r.LdGroup:])
	clear(r.Min[n*r.LdGroup:])
	return r
}
