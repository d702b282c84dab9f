package quantize

import (
	"sync"
	"sync/atomic"

	"quern/internal/kernel"
)

// gramRows are inputs that are multiplied at once: their products are float32 sums, which are added up in float64.
const gramRows = 2048

// A Gram adds up the products of all pairs of columns of a matrix's inputs. These are rounded to six bits before: of 32 inputs each column has a scale of
// its own, and both factors have the same codes, so that the sum is still one of squares. What rounding adds is noise of a few ten thousandths of a column's
// mean square, far less than damping. Inputs are cut into runs of 32 and of gramRows wherever the calls of Add end, so the result does not depend on calls or threads.
type Gram struct {
	k      int // columns
	count  int64
	sum    []float64 // of each panel of LanesI8 columns, the rows from its first column on
	x      []float32 // [CrossGroup][k]: the begin of a group, of which held are there
	held   int
	codes  kernel.CrossI8
	groups int // of them there are
	work   []gramWork
}

// A gramWork is the memory of one thread.
type gramWork struct {
	room kernel.CrossRoom
	part []float32 // [k][LanesI8]: products with a panel
}

// NewGram is for k columns.
func NewGram(k int) *Gram {
	g := &Gram{k: k, sum: make([]float64, gramPanel(k, (k+kernel.LanesI8-1)/kernel.LanesI8)), x: make([]float32, kernel.CrossGroup*k)}
	g.codes.Reset(k, gramRows)
	return g
}

// gramPanel is where the sums of a panel of k columns begin.
func gramPanel(k, panel int) int {
	const lanes = kernel.LanesI8
	return panel*lanes*k - panel*(panel-1)/2*lanes*lanes
}

// Reset forgets everything, to add up another matrix's inputs of as many columns.
func (g *Gram) Reset() {
	g.count, g.held, g.groups = 0, 0, 0
	clear(g.sum)
}

// Add counts m inputs, x [m][k].
func (g *Gram) Add(x []float32, m, threads int) {
	const n = kernel.CrossGroup
	g.count += int64(m)
	if g.held > 0 || m < n {
		some := min(m, n-g.held)
		copy(g.x[g.held*g.k:], x[:some*g.k])
		if g.held += some; g.held == n {
			g.held = 0
			g.code(g.x, 1, threads)
		}
		x, m = x[some*g.k:], m-some
	}
	g.code(x, m/n, threads)
	g.held += copy(g.x[g.held*g.k:], x[m/n*n*g.k:m*g.k]) / g.k
}

// code takes whole groups of inputs.
func (g *Gram) code(x []float32, groups, threads int) {
	size := kernel.CrossGroup * g.k
	for groups > 0 {
		n := min(groups, gramRows/kernel.CrossGroup-g.groups)
		g.share(n, threads, func(w *gramWork, i int) { g.codes.Code(&w.room, x[i*size:][:size], g.groups+i) })
		if g.groups += n; g.groups == gramRows/kernel.CrossGroup {
			g.multiply(threads)
		}
		x, groups = x[n*size:], groups-n
	}
}

// Stats are the sums so far.
func (g *Gram) Stats(threads int) *Stats {
	if g.held > 0 {
		clear(g.x[g.held*g.k:])
		g.held = 0
		g.code(g.x, 1, threads)
	}
	g.multiply(threads)
	s := &Stats{Count: g.count, Diag: make([]float64, g.k), Gram: make([]float64, g.k*g.k)}
	g.share(g.codes.Panels(), threads, func(_ *gramWork, p int) {
		c := p * kernel.LanesI8
		sum := g.sum[gramPanel(g.k, p):]
		for i := c; i < g.k; i++ {
			copy(s.Gram[i*g.k+c:][:min(kernel.LanesI8, i-c+1)], sum[(i-c)*kernel.LanesI8:])
		}
	})
	for i := range s.Diag {
		s.Diag[i] = s.Gram[i*g.k+i]
	}
	return s
}

// multiply adds the products of the inputs that have codes.
func (g *Gram) multiply(threads int) {
	if g.groups > 0 {
		g.share(g.codes.Panels(), threads, func(w *gramWork, p int) { g.panel(w, p) })
	}
	g.groups = 0
}

// share does n things on threads.
func (g *Gram) share(n, threads int, do func(w *gramWork, i int)) {
	threads = max(1, min(threads, n))
	for len(g.work) < threads {
		g.work = append(g.work, gramWork{})
	}
	if threads == 1 {
		for i := range n {
			do(&g.work[0], i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for w := range threads {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(&g.work[w], i)
			}
		})
	}
	all.Wait()
}

// panel adds the products of a panel's columns with those that do not come before them.
func (g *Gram) panel(w *gramWork, panel int) {
	const lanes = kernel.LanesI8
	w.part = room(w.part, (g.k+kernel.RowTile)*lanes)
	from, c := g.codes.Multiply(w.part, panel, g.groups), panel*lanes
	sum := g.sum[gramPanel(g.k, panel):]
	for i, v := range w.part[(c-from)*lanes : (g.k-from)*lanes] {
		sum[i] += float64(v)
	}
}

// Columns is k.
func (g *Gram) Columns() int { return g.k }
