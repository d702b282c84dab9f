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
	k, wide int // columns, and those with the last panel filled up
	count   int64
	sum     []float64 // [k][k], the lower triangle
	x       []float32 // [gramRows][wide], of which held are there
	held    int
	turned  []float32 // [wide][gramRows]
}

// NewGram is for k columns.
func NewGram(k int) *Gram {
	wide := (k + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes
	return &Gram{k: k, wide: wide, sum: make([]float64, k*k), x: make([]float32, gramRows*wide), turned: make([]float32, gramRows*wide)}
}

// GramBytes is the memory of one for k columns.
func GramBytes(k int) int64 { return 8*int64(k)*int64(k) + 8*gramRows*int64(k) }

// Reset forgets everything, to add up another matrix's inputs of as many columns.
func (g *Gram) Reset() {
	g.count, g.held = 0, 0
	clear(g.sum)
}

// Add counts m inputs, x [m][k].
func (g *Gram) Add(x []float32, m, threads int) {
	g.count += int64(m)
	for i := range m {
		copy(g.x[g.held*g.wide:], x[i*g.k:][:g.k])
		if g.held++; g.held == gramRows {
			g.multiply(threads)
		}
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
	for t := range n {
		for i, v := range g.x[t*g.wide:][:g.k] {
			g.turned[i*gramRows+t] = v
		}
	}
	panels := g.wide / kernel.Lanes
	var all sync.WaitGroup
	threads = max(1, min(threads, panels))
	for w := range threads {
		all.Go(func() {
			part := make([]float32, g.k*kernel.Lanes)
			for p := w; p < panels; p += threads {
				g.panel(part, p*kernel.Lanes, n)
			}
		})
	}
	all.Wait()
}

// panel adds the products of the columns from c on with those that do not come before them.
func (g *Gram) panel(part []float32, c, n int) {
	rows, cols := g.k-c, min(kernel.Lanes, g.k-c)
	kernel.MatMulF32(part, kernel.Lanes, g.turned[c*gramRows:], gramRows, g.x[c:], g.wide, rows, n, false)
	for i := range rows {
		for j, v := range part[i*kernel.Lanes:][:min(cols, i+1)] {
			g.sum[(c+i)*g.k+c+j] += float64(v)
		}
	}
}

// Columns is k.
func (g *Gram) Columns() int { return g.k }
