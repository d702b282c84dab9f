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
	group      nearestGroup
	left, room []float32
	codes      []uint8
	scale      []float32
	zero       []int
	offset     []float32
	best       []float64
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
	m, size := out.Rows, c.size()
	r := &clipRun{group: nearestGroup{Nearest: c.Nearest, q: make([]uint8, size)}, left: make([]float32, m*size), room: make([]float32, m*size),
		codes: make([]uint8, m*size), scale: make([]float32, m), zero: make([]int, m), offset: make([]float32, m), best: make([]float64, m)}
	for g := range out.Groups(c.k) {
		for try := range clipSteps + 1 {
			for i := range m {
				x := w[i*c.k+g*size:][:size]
				if try == clipSteps {
					r.group.fit(x, c.by[g*size:][:size])
				} else {
					r.group.cut(x, 1-clipEach*float32(try))
				}
				r.note(i, x)
			}
			r.compare(out, c.h[g*size*size:][:size*size], g, try == 0)
		}
	}
	return nil
}

// note keeps what a candidate makes of row i.
func (r *clipRun) note(i int, x []float32) {
	b, n := &r.group.best, len(x)
	r.scale[i], r.zero[i], r.offset[i] = b.scale, b.zero, b.offset
	copy(r.codes[i*n:], b.q)
	for j, q := range b.q {
		v := float32(b.scale * float32(int(q)-b.zero))
		if r.group.Offsets {
			v = float32(b.scale*float32(q)) + b.offset
		}
		r.left[i*n+j] = x[j] - v
	}
}

// compare takes the candidate for the rows in which it is the best so far.
func (r *clipRun) compare(out *Codes, h []float32, g int, first bool) {
	m, size := out.Rows, len(r.left)/out.Rows
	for from := 0; from < size; from += kernel.Lanes {
		kernel.MatMulF32(r.room[from:], size, r.left, size, h[from:], size, m, size, false)
	}
	groups := out.Groups(out.Cols)
	for i := range m {
		loss := 0.0
		for j, e := range r.left[i*size:][:size] {
			loss += float64(float64(e) * float64(r.room[i*size+j]))
		}
		if !first && loss >= r.best[i] {
			continue
		}
		r.best[i] = loss
		at := i*groups + g
		copy(out.Q[i*out.Cols+g*size:][:size], r.codes[i*size:])
		out.Scale[at] = r.scale[i]
		switch {
		case out.Offset != nil:
			out.Offset[at] = r.offset[i]
		case out.Zero != nil:
			out.Zero[at] = uint8(r.zero[i])
		}
	}
}
