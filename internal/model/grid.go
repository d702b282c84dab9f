package model

import (
	"quern/formats"
	"quern/internal/kernel"
	"quern/quantize"
)

// gridGroup is how many activations share a scale where they meet weights on a grid.
const gridGroup = 32

// tiled says that a weight has integers by its type.
func (w *weight) tiled() bool {
	t := w.t.Type
	return t.Tile != nil && w.t.Raw != nil && (t.Acts == quantize.ActsQ8_0 || t.Acts == quantize.ActsQ8_K)
}

// onGrid says that a weight is small integers with scales for neighbours, which go into tiles as well.
func (w *weight) onGrid() bool {
	c := formats.CodesOf(w.t)
	if c == nil || w.tiled() || w.t.Scale != nil || w.k%gridGroup != 0 {
		return false
	}
	g := c.Grid()
	ordered, err := c.Ordered()
	return g.Bits <= 4 && (g.Group <= 0 || g.Group%gridGroup == 0) && !ordered && err == nil
}

// packGrid puts n rows of integers, beginning with the given one, into a panel.
func (w *weight) packGrid(k *worker, panel *kernel.PanelI8, row, n int) error {
	if err := formats.CodesOf(w.t).ReadCodes(&k.grid, row, n); err != nil {
		return err
	}
	w.fill(k, panel, n, quantize.Q8_0, func(tile quantize.Tile, lane, from, _ int) { k.grid.Tile(tile, lane, from) })
	return nil
}
