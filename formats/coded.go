package formats

import (
	"fmt"
	"sync"

	"quern/quantize"
)

// Coded is what Rows promise beyond float32 where weights are integers on a grid: the integers themselves, so that they can be moved into
// another format as they are. A transform that changes weights hides it, one that moves whole rows passes it on.
type Coded interface {
	Rows
	// Grid is what all groups have in common. Symmetric may be false although every zero point is the middle: see Uniform.
	Grid() quantize.Grid
	// Scales is the type in which scales are stored.
	Scales() *quantize.Type
	// Offsets reports whether codes have an Offset instead of a zero point.
	Offsets() bool
	// Ordered reports whether the columns of a group are not neighbours (GPTQ's act-order).
	Ordered() (bool, error)
	// Uniform reports whether every zero point is the middle of the codes; it may have to read them all.
	Uniform() (bool, error)
	// ReadCodes makes c hold so many rows, beginning with the given one. What it held before is reused.
	ReadCodes(c *quantize.Codes, row, rows int) error
}

// CodesOf returns the integers behind a tensor, or nil.
func CodesOf(t *Tensor) Coded {
	c, _ := t.Rows.(Coded)
	return c
}

// codedRows decode a tensor through its codes. load is what a scheme supplies.
type codedRows struct {
	name       string // of the module, for errors
	file       string
	rows, cols int
	grid       quantize.Grid
	offsets    bool // codes have an Offset instead of a Zero
	scales     *quantize.Type
	unit       int    // load begins at multiples of it
	bands      *bands // keeps what load returns where reading a single row would read much more; nil otherwise
	load       func(c *quantize.Codes, row, rows int) error
	// uniform reads zero points alone; nil means that the grid tells.
	uniform func() (bool, error)
	// order reads the group of each column, once; nil means neighbours.
	order func() ([]int32, error)
}

func (r *codedRows) Grid() quantize.Grid    { return r.grid }
func (r *codedRows) Scales() *quantize.Type { return r.scales }

func (r *codedRows) Offsets() bool { return r.offsets }

func (r *codedRows) Ordered() (bool, error) {
	if r.order == nil {
		return false, nil
	}
	o, err := r.order()
	return o != nil, r.fail(err)
}

func (r *codedRows) Uniform() (bool, error) {
	if r.uniform == nil {
		return r.grid.Symmetric, nil
	}
	ok, err := r.uniform()
	return ok, r.fail(err)
}

func (r *codedRows) fail(err error) error {
	if _, ok := err.(*Error); ok || err == nil {
		return err
	}
	return &Error{File: r.file, Tensor: r.name, Err: err}
}

func (r *codedRows) inside(row, rows int) error {
	if rows < 0 || row < 0 || row > r.rows-rows {
		return fmt.Errorf("rows %d…%d of %q: it has %d of %d", row, row+rows, r.name, r.rows, r.cols)
	}
	return nil
}

func (r *codedRows) ReadRows(dst []float32, row int) error {
	if len(dst)%r.cols != 0 {
		return fmt.Errorf("%d weights of %q are not whole rows of %d", len(dst), r.name, r.cols)
	}
	if err := r.inside(row, len(dst)/r.cols); err != nil {
		return err
	}
	scratch := codesPool.Get().(*quantize.Codes)
	defer codesPool.Put(scratch)
	for len(dst) > 0 {
		c, first, n, err := r.some(scratch, row, len(dst)/r.cols)
		if err != nil {
			return err
		}
		for i := range n {
			c.Row(dst[i*r.cols:(i+1)*r.cols], row-first+i)
		}
		dst, row = dst[n*r.cols:], row+n
	}
	return nil
}

func (r *codedRows) ReadCodes(c *quantize.Codes, row, rows int) error {
	if err := r.inside(row, rows); err != nil {
		return err
	}
	if r.bands == nil {
		if row%r.unit == 0 {
			return r.fail(r.load(r.shape(c, rows), row, rows))
		}
	}
	r.shape(c, rows)
	var scratch quantize.Codes
	for done := 0; done < rows; {
		b, first, n, err := r.some(&scratch, row+done, rows-done)
		if err != nil {
			return err
		}
		c.CopyRows(done, b, row+done-first, n)
		done += n
	}
	return nil
}

// directRows are read at once where rows lie in the file as they are wanted.
const directRows = 16

// some returns codes that hold row and n-1 rows after it, n being at most the number wanted; first is the row that they begin with.
func (r *codedRows) some(scratch *quantize.Codes, row, want int) (c *quantize.Codes, first, n int, err error) {
	if r.bands == nil {
		first = row / r.unit * r.unit
		last := min(first+max(r.unit, directRows), r.rows)
		n = min(want, last-row)
		rows := min((row+n-first+r.unit-1)/r.unit*r.unit, r.rows-first)
		err = r.fail(r.load(r.shape(scratch, rows), first, rows))
		return scratch, first, n, err
	}
	size := r.bands.size(r)
	first = row / size * size
	rows := min(size, r.rows-first)
	c, err = r.bands.at(r, first, rows)
	return c, first, min(want, rows-(row-first)), err
}

// shape gives c the room for rows of this tensor.
func (r *codedRows) shape(c *quantize.Codes, rows int) *quantize.Codes {
	c.Reshape(r.grid, rows, r.cols, r.offsets)
	return c
}

var codesPool = sync.Pool{New: func() any { return new(quantize.Codes) }}
