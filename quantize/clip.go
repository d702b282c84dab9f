package quantize

import (
	"errors"
	"fmt"

	"quern/internal/kernel"
)

// Clip makes codes on grids whose range is searched for the products with a matrix's inputs: of each group the range is cut off in steps, as in AWQ, and the
// one is taken whose rounding changes the group's products least, by its part of the Gram matrix. The grid that Nearest finds for the inputs' mean squares is
// among the candidates.
type Clip struct {
	*Nearest
	k  int
	h  []float32 // [k][group]: of each group its own products
	by []float32 // [k]: mean squares
}

const (
	clipSteps = 10   // ranges that are tried
	clipEach  = 0.05 // of the range, by which each is less than the one before
)

// NewClip is for matrices with the inputs of s.
func NewClip(n *Nearest, s *Stats) (*Clip, error) {
	k := len(s.Diag)
	c := &Clip{Nearest: n, k: k, by: make([]float32, k)}
	size := c.size()
	if len(s.Gram) != k*k || s.Count == 0 {
		return nil, errors.New("no products of inputs were added up")
	}
	if k%size != 0 || size%kernel.Lanes != 0 {
		return nil, fmt.Errorf("%d columns in groups of %d are not whole runs of %d", k, n.Group, kernel.Lanes)
	}
	mean := 0.0
	for _, d := range s.Diag {
		mean += d / float64(k)
	}
	c.h = make([]float32, k*size)
	for i := range k {
		if !(mean > 0) {
			return nil, fmt.Errorf("the inputs have a mean square of %g", mean/float64(s.Count))
		}
		c.by[i] = float32(s.Diag[i] / mean)
		for j := i / size * size; j < (i/size+1)*size; j++ {
			c.h[i*size+j%size] = float32(s.Gram[max(i, j)*k+min(i, j)] / mean)
		}
	}
	return c, nil
}

func (c *Clip) size() int {
	if c.Group <= 0 {
		return c.k
	}
	return c.Group
}

// clipRun is the memory of one call: one group of some rows, as a candidate has it and as the best one has.
type clipRun struct {
	left, room []float32
	codes      []uint8
	best       [gridLanes]float64
}

// Rows rounds whole rows of w, each by itself.
func (c *Clip) Rows(out *Codes, w []float32) error {
	if len(w)%c.k != 0 {
		return fmt.Errorf("%d weights are not whole rows of %d", len(w), c.k)
	}
	if err := notFinite(w, c.k); err != nil {
		return err
	}
	out.Reshape(c.Grid, len(w)/c.k, c.k, c.Offsets)
	size, s := c.size(), &c.s
	r := &clipRun{left: make([]float32, gridLanes*size), room: make([]float32, gridLanes*size), codes: make([]uint8, gridLanes*size)}
	for row := 0; row < out.Rows; row += gridLanes {
		m := min(gridLanes, out.Rows-row)
		for g := range out.Groups(c.k) {
			x := w[row*c.k+g*size:]
			s.load(x, c.k, size, m)
			for try := range clipSteps + 1 {
				if try == clipSteps {
					c.fit(c.by[g*size:][:size])
				} else {
					c.cut(1 - clipEach*float32(try))
				}
				r.round(s, x, c.k)
				r.compare(s, out, c.h[g*size*size:][:size*size], row, g, try == 0)
			}
		}
	}
	return nil
}

// round codes the groups by a candidate.
func (r *clipRun) round(s *laneGrids, x []float32, stride int) {
	for i := range s.m {
		row, code := x[i*stride:][:s.n], r.codes[i*s.n:][:s.n]
		s.codes(code, row, i)
		for j, q := range code {
			r.left[i*s.n+j] = row[j] - (float32(s.best.scale[i]*float32(q)) + s.best.offset[i])
		}
	}
}

// compare takes the candidate for the rows in which it is the best so far.
func (r *clipRun) compare(s *laneGrids, out *Codes, h []float32, row, g int, first bool) {
	for from := 0; from < s.n; from += kernel.Lanes {
		kernel.MatMulF32(r.room[from:], s.n, r.left, s.n, h[from:], s.n, s.m, s.n, false)
	}
	for i := range s.m {
		loss := 0.0
		for j, e := range r.left[i*s.n:][:s.n] {
			loss += float64(float64(e) * float64(r.room[i*s.n+j]))
		}
		if !first && loss >= r.best[i] {
			continue
		}
		r.best[i] = loss
		copy(out.Q[(row+i)*out.Cols+g*s.n:][:s.n], r.codes[i*s.n:])
		s.put(out, row+i, g, i)
	}
}
