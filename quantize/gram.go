package quantize

import (
	"sync"

	"quern/internal/kernel"
)

// gramRows are inputs that are multiplied at once: their products are float32 sums, which are added up in float64.
const gramRows = 512

// A Gram adds up the products of all pairs of columns of a matrix's inputs. Inputs are cut into runs of gramRows wherever the calls of Add end,
// so the result does not depend on calls or threads.
type Gram struct {
	k, wide int // columns, and those with the last panel and tile filled up
	count   int64
	sum     []float64 // [k][k], the lower triangle
	x       []float32 // [gramRows][wide], of which held are there
	held    int
	tiles   []float32   // [wide/RowTile][gramRows][RowTile]: the same as the left factor
	panels  [][]float32 // [threads][gramRows][Lanes]: some of its columns as the right factor
	parts   [][]float32 // [threads][wide][Lanes]: and their products
}

// gramColumns is how many columns are whole tiles and panels.
const gramColumns = 96

// NewGram is for k columns.
func NewGram(k int) *Gram {
	wide := (k + gramColumns - 1) / gramColumns * gramColumns
	return &Gram{k: k, wide: wide, sum: make([]float64, k*k), x: make([]float32, gramRows*wide), tiles: make([]float32, gramRows*wide)}
}

// GramBytes is the memory of one for k columns.
func GramBytes(k int) int64 { return 8*int64(k)*int64(k) + 8*gramRows*int64(k+gramColumns) }

// Reset forgets everything, to add up another matrix's inputs of as many columns.
func (g *Gram) Reset() {
	g.count, g.held = 0, 0
	clear(g.sum)
}

// Add counts m inputs, x [m][k].
func (g *Gram) Add(x []float32, m, threads int) {
	g.count += int64(m)
	for m > 0 {
		n := min(m, gramRows-g.held)
		for i := range n {
			copy(g.x[(g.held+i)*g.wide:], x[i*g.k:][:g.k])
		}
		if g.held += n; g.held == gramRows {
			g.multiply(threads)
		}
		x, m = x[n*g.k:], m-n
	}
}

// Stats are the sums so far. The Gram matrix is g's own memory: it holds until the next Add or Reset.
func (g *Gram) Stats(threads int) *Stats {
	g.multiply(threads)
	s := &Stats{Count: g.count, Diag: make([]float64, g.k), Gram: g.sum}
	for i := range s.Diag {
		s.Diag[i] = g.sum[i*g.k+i]
	}
	return s
}

// multiply adds the products of the inputs that are held.
func (g *Gram) multiply(threads int) {
	n := g.held
	if n == 0 {
		return
	}
	g.held = 0
	panels := g.wide / kernel.Lanes
	threads = max(1, min(threads, panels))
	for len(g.panels) < threads {
		g.panels, g.parts = append(g.panels, make([]float32, gramRows*kernel.Lanes)), append(g.parts, make([]float32, g.wide*kernel.Lanes))
	}
	gramThreads(threads, func(w int) {
		for i := w * kernel.RowTile; i < g.wide; i += threads * kernel.RowTile {
			g.take(g.tiles[i*n:], i, kernel.RowTile, n)
		}
	})
	gramThreads(threads, func(w int) {
		for p := w; p < panels; p += threads {
			g.panel(g.panels[w], g.parts[w], p*kernel.Lanes, n)
		}
	})
}

func gramThreads(threads int, do func(thread int)) {
	var all sync.WaitGroup
	for w := range threads {
		all.Go(func() { do(w) })
	}
	all.Wait()
}

// take copies some columns of n inputs, from column c on, to where they stand by themselves.
func (g *Gram) take(dst []float32, c, columns, n int) {
	for t := range n {
		copy(dst[t*columns:][:columns], g.x[t*g.wide+c:])
	}
}

// panel adds the products of the columns from c on with those that do not come before them.
func (g *Gram) panel(panel, part []float32, c, n int) {
	g.take(panel, c, kernel.Lanes, n)
	from := c / kernel.RowTile * kernel.RowTile
	kernel.MatMulTiles(part, kernel.Lanes, g.tiles, from, g.wide-from, panel, n, 0, n)
	for i := c; i < g.k; i++ {
		sum, last := g.sum[i*g.k+c:], min(kernel.Lanes, i-c+1)
		for j, v := range part[(i-from)*kernel.Lanes:][:last] {
			sum[j] += float64(v)
		}
	}
}

// Columns is k.
func (g *Gram) Columns() int { return g.k }
