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
	stock    *stock // that keeps its panels, or nil
	from, to int    // outputs, from a multiple of the panel's width
}

// A task decodes panels of its outputs, and then goes through x in blocks of rows and columns, all panels with each, so that both
// come from the second-level cache most of the time.
const (
	columnsI8   = 4096 // of a block
	columnsI16  = 768
	columnsF32  = 768
	rowsI8      = 5 * kernel.RowTile
	rowsF32     = 5 * kernel.RowTile
	panelBytes  = 512 << 10 // of all panels of a task, for the columns of a block
	taskBytes   = 8 << 20   // and for all columns
	taskShare   = 3         // a task takes a third of a thread's share of what is left: panels share a pass over x, and the last tasks are small
	packColumns = 2048      // columns that are decoded before they are interleaved: they stay in the first-level cache
)

// multiply computes products with x [m][k]. Every panel of a weight is decoded once, for all rows of x.
func (r *run) multiply(x []float32, m int, products ...product) {
	if r.err != nil || m == 0 {
		return
	}
	r.in.reset(x, m, products[0].w.k)
	var spans []span
	left := 0 // outputs
	for _, p := range products {
		left += p.w.n
	}
	for _, p := range products {
		a := r.acts(p.w)
		kept := r.stock(p.w, a)
		for from, step := 0, 0; from < p.w.n; from += step {
			step = p.w.panelsPerTask(a, left/(a.lanes()*taskShare*r.threads)) * a.lanes()
			spans = append(spans, span{p, a, kept, from, min(from+step, p.w.n)})
			left -= step
		}
	}
	r.parallel(len(spans), func(w *worker, task int) error {
		s := &spans[task]
		switch {
		case s.acts.integer():
			return inTensor(s.w.t, s.integers(w, m))
		case s.acts.coded():
			return inTensor(s.w.t, s.codes(w, m))
		}
		return inTensor(s.w.t, s.floats(w, m))
	})
	for _, p := range products {
		if p.w.low > 0 {
			r.adapt(x, m, p)
		}
	}
}

// panelsPerTask is how many panels the next task takes, if it may: as many as fit into the cache.
func (w *weight) panelsPerTask(a *acts, wanted int) int {
	column, columns := 4*a.lanes(), columnsF32
	switch {
	case a.coded():
		column, columns = 2*a.lanes()+4*a.lanes()/kernel.GroupI16, columnsI16 // codes and scales
	case a.integer():
		column, columns = a.lanes()+8*a.lanes()/a.group, columnsI8 // codes, scales and offsets
	}
	return max(1, min(panelBytes/(column*min(w.k, columns)), taskBytes/(column*w.k), wanted))
}

// ld is the distance between rows of the result.
func (p *product) ld(m int) int { return len(p.dst) / m }

// panels are where those of a span are, and which output is the first there: in a stock that keeps them, or in the worker's own.
func (s *span) panels(w *worker) (at *stock, first int) {
	if s.stock != nil {
		return s.stock, 0
	}
	w.own.reset(s.acts, s.to-s.from, s.w.k)
	return &w.own, s.from
}

// each makes the panels of a span that are not there yet, of so many outputs each.
func (s *span) each(at *stock, first, lanes int, make func(j, n int) error) error {
	for j := s.from; j < s.to; j += lanes {
		done := &at.done[(j-first)/lanes]
		if *done {
			continue
		}
		if err := make(j, min(lanes, s.to-j)); err != nil {
			return err
		}
		*done = true
	}
	return nil
}

// floats multiplies decoded weights with the rows of x.
func (s *span) floats(w *worker, m int) error {
	const lanes = kernel.Lanes
	k, ld := s.w.k, s.ld(m)
	size := k * lanes
	at, first := s.panels(w)
	panel := func(j int) []float32 { return at.floats[(j-first)*k:][:size] }
	err := s.each(at, first, lanes, func(j, n int) error {
		rows := grow(&w.rows, n*k)
		if err := s.w.t.Rows.ReadRows(rows, j); err != nil {
			return err
		}
		kernel.PackF32(panel(j), rows, n, k)
		return nil
	})
	if err != nil {
		return err
	}
	grow(&w.edge, m*lanes)
	blocks(m, k, rowsF32, columnsF32, func(row, rows, column, columns int) {
		for j := s.from; j < s.to; j += lanes {
			dst, ldd := s.output(w, lanes, row, rows, j, ld)
			kernel.MatMulTiles(dst, ldd, s.acts.float, row, rows, panel(j), k, column, columns)
		}
	})
	s.finish(w, lanes, m, ld)
	return nil
}

// codes does the same with 16-bit codes of both, which hold half precision and bfloat16 as well as a float32 sum needs.
func (s *span) codes(w *worker, m int) error {
	const lanes = kernel.Lanes
	k, ld := s.w.k, s.ld(m)
	groups := kernel.GroupsI16(k)
	at, first := s.panels(w)
	panel := func(j int) kernel.I16 { return at.codes.Panel((j-first)/lanes, k) }
	err := s.each(at, first, lanes, func(j, n int) error {
		if err := s.w.code(w, j, n); err != nil {
			return err
		}
		panel(j).Pack(&w.codes, n, k)
		return nil
	})
	if err != nil {
		return err
	}
	grow(&w.edge, m*lanes)
	blocks(m, groups, rowsF32, columnsI16/kernel.GroupI16, func(row, rows, group, n int) {
		for j := s.from; j < s.to; j += lanes {
			dst, ldd := s.output(w, lanes, row, rows, j, ld)
			kernel.MatMulI16(dst, ldd, &s.acts.codes, row, rows, panel(j), groups, group, n)
		}
	})
	s.finish(w, lanes, m, ld)
	return nil
}

// roundStored codes rows as they are stored.
var roundStored = map[*quantize.Type]func(x *kernel.I16, i int, row []byte){quantize.F16: (*kernel.I16).RoundF16, quantize.BF16: (*kernel.I16).RoundBF16}

// codedBytes is how much of a panel is read at a time to be coded: enough for a call of the system, and little beside the second-level cache.
const codedBytes = 64 << 10

// code codes n rows of the weight, beginning with the given one.
func (w *weight) code(k *worker, row, n int) error {
	k.codes.Reset(n, w.k)
	round := roundStored[w.t.Type]
	if w.t.Raw == nil || round == nil {
		x := grow(&k.rows, w.k) // one row stays in the first-level cache
		for i := range n {
			if err := w.t.Rows.ReadRows(x, row+i); err != nil {
				return err
			}
			k.codes.RoundF32(i, x)
		}
		return nil
	}
	size := 2 * w.k
	step := max(1, codedBytes/size)
	for from := 0; from < n; from += step {
		raw, err := w.stored(k, row+from, min(step, n-from))
		if err != nil {
			return err
		}
		for i := 0; i*size < len(raw); i++ {
			round(&k.codes, from+i, raw[i*size:][:size])
		}
	}
	return nil
}

// integers multiplies int8 tiles of the weights with the int8 rows of x.
func (s *span) integers(w *worker, m int) error {
	const lanes = kernel.LanesI8
	ld := s.ld(m)
	at, first := s.panels(w)
	panel := func(j int) *kernel.PanelI8 { return &at.ints[(j-first)/lanes] }
	pack := s.w.pack
	if !s.w.tiled() {
		pack = s.w.packGrid
	}
	if err := s.each(at, first, lanes, func(j, n int) error { return pack(w, panel(j), j, n) }); err != nil {
		return err
	}
	grow(&w.edge, m*lanes)
	blocks(m, s.w.k, rowsI8, columnsI8, func(row, rows, column, columns int) {
		for j := s.from; j < s.to; j += lanes {
			dst, ldd := s.output(w, lanes, row, rows, j, ld)
			kernel.MatMulI8(dst, ldd, &s.acts.int8, row, rows, panel(j), column, columns)
		}
	})
	s.finish(w, lanes, m, ld)
	return nil
}

// blocks calls f for all blocks of m rows of k columns, columns in ascending order.
func blocks(m, k, rows, columns int, f func(row, rows, column, columns int)) {
	for c := 0; c < k; c += columns {
		for r := 0; r < m; r += rows {
			f(r, min(rows, m-r), c, min(columns, k-c))
		}
	}
}

// output is where results of a panel go. Those of one that is not full would hit the next row, and wait elsewhere.
func (s *span) output(w *worker, lanes, row, rows, j, ld int) (dst []float32, ldd int) {
	if j+lanes <= s.to {
		return s.dst[row*ld+j:], ld
	}
	return w.edge[row*lanes:], lanes
}

// finish moves the results that wait, and adds the bias.
func (s *span) finish(w *worker, lanes, m, ld int) {
	full := s.from + (s.to-s.from)/lanes*lanes
	for i := range m {
		if full < s.to {
			copy(s.dst[i*ld+full:i*ld+s.to], w.edge[i*lanes:])
		}
		if s.w.bias == nil {
			continue
		}
		kernel.Add(s.dst[i*ld+s.from:i*ld+s.to], s.w.bias[s.from:s.to])
	}
}

// pack decodes n rows of the weight, beginning with the given one, into a panel, some columns of all rows at a time.
func (w *weight) pack(k *worker, panel *kernel.PanelI8, row, n int) error {
	t := w.t.Type
	size := w.k / t.Block * t.Bytes
	raw, err := w.stored(k, row, n)
	if err != nil {
		return err
	}
	w.fill(k, panel, n, t, func(tile quantize.Tile, lane, from, cols int) {
		t.Tile(tile, raw[lane*size+from/t.Block*t.Bytes:][:cols/t.Block*t.Bytes])
		w.rescale(tile.Scale, row+lane)
	})
	return nil
}

// fill fills a panel with what decode makes of some columns of a row, as tiles of type t.
func (w *weight) fill(k *worker, panel *kernel.PanelI8, n int, t *quantize.Type, decode func(tile quantize.Tile, lane, from, cols int)) {
	rows := k.decoded(n, t)
	panel.Reset(w.k, t.Group, t.Shared())
	for from := 0; from < w.k; from += packColumns {
		cols := min(packColumns, w.k-from)
		for lane := range n {
			decode(tileOf(rows, lane, cols, t), lane, from, cols)
		}
		panel.Put(from, cols, rows)
	}
}

// rescale applies the number that stands beside the matrix of a row to the scales of that row.
func (w *weight) rescale(scale []float32, row int) {
	if w.t.Scale == nil {
		return
	}
	by := w.t.Scale[row*len(w.t.Scale)/w.t.NumRows()]
	for i := range scale {
		scale[i] *= by
	}
}

// tileOf is the place of some columns of a row.
func tileOf(rows *kernel.RowsI8, lane, cols int, t *quantize.Type) quantize.Tile {
	tile := quantize.Tile{
		Code:  rows.Code[lane*rows.Ld:][:cols],
		Scale: rows.Scale[lane*rows.LdBlock:][:cols/t.Shared()],
		Min:   rows.Min[lane*rows.LdBlock:][:cols/t.Shared()],
	}
	if t.Shared() > t.Group {
		tile.Sub, tile.SubMin = rows.Sub[lane*rows.LdGroup:][:cols/t.Group], rows.SubMin[lane*rows.LdGroup:][:cols/t.Group]
	}
	return tile
}

// decoded is room for some columns of a panel's rows, of which n will be filled; the others are zero.
func (k *worker) decoded(n int, t *quantize.Type) *kernel.RowsI8 {
	const ld = packColumns + 64 // not a power of two, which would compete for places in the cache
	r := &k.tile
	r.Ld, r.LdGroup, r.LdBlock = ld, packColumns/t.Group, packColumns/t.Shared()
	grow(&r.Code, kernel.LanesI8*r.Ld)
	grow(&r.Scale, kernel.LanesI8*r.LdBlock)
	grow(&r.Min, kernel.LanesI8*r.LdBlock)
	clear(r.Code[n*r.Ld:])
	clear(r.Scale[n*r.LdBlock:])
	clear(r.Min[n*r.LdBlock:])
	if t.Shared() > t.Group {
		grow(&r.Sub, kernel.LanesI8*r.LdGroup)
		grow(&r.SubMin, kernel.LanesI8*r.LdGroup)
		clear(r.Sub[n*r.LdGroup:])
		clear(r.SubMin[n*r.LdGroup:])
	}
	return r
}
