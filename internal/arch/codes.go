package arch

import (
	"slices"

	"quern/formats"
	"quern/quantize"
)

// movedCodes are integers whose rows are in another order than in the tensor that has them: whole rows move, so that every one keeps its
// scales.
type movedCodes struct {
	formats.Coded
	rows formats.Rows
	from func(row int) int
}

// moved gives rows that a transform has put into another order the codes of the tensor that they come from, if that has any.
func moved(t *formats.Tensor, rows formats.Rows, from func(row int) int) formats.Rows {
	if c := formats.CodesOf(t); c != nil {
		return movedCodes{c, rows, from}
	}
	return rows
}

func (r movedCodes) ReadRows(dst []float32, row int) error { return r.rows.ReadRows(dst, row) }

func (r movedCodes) ReadCodes(c *quantize.Codes, row, rows int) error {
	var one quantize.Codes
	for i := 0; i < rows; {
		n := 1
		for i+n < rows && r.from(row+i+n) == r.from(row+i)+n {
			n++
		}
		if err := r.Coded.ReadCodes(&one, r.from(row+i), n); err != nil {
			return err
		}
		if i == 0 {
			c.Reshape(one.Grid, rows, one.Cols, one.Offset != nil)
		}
		c.CopyRows(i, &one, 0, n)
		i += n
	}
	return nil
}

// stackedCodes are the integers of tensors one behind the other, which have one grid and groups of neighbours.
type stackedCodes struct {
	stackedRows
	first formats.Coded
}

// withCodes gives stacked rows the codes of their parts, if all have them on one grid.
func (r stackedRows) withCodes() formats.Rows {
	first := formats.CodesOf(r.parts[0])
	for _, p := range r.parts {
		c := formats.CodesOf(p)
		if c == nil || c.Grid() != first.Grid() || c.Offsets() != first.Offsets() || c.Scales() != first.Scales() {
			return r
		}
	}
	return stackedCodes{r, first}
}

func (r stackedCodes) Grid() quantize.Grid    { return r.first.Grid() }
func (r stackedCodes) Scales() *quantize.Type { return r.first.Scales() }
func (r stackedCodes) Offsets() bool          { return r.first.Offsets() }

func (r stackedCodes) Ordered() (bool, error) {
	return r.ask(false, formats.Coded.Ordered)
}

func (r stackedCodes) Uniform() (bool, error) {
	return r.ask(true, formats.Coded.Uniform)
}

// ask asks all parts, until one answers otherwise than expected.
func (r stackedCodes) ask(usual bool, question func(formats.Coded) (bool, error)) (bool, error) {
	for _, p := range r.parts {
		if got, err := question(formats.CodesOf(p)); err != nil || got != usual {
			return got, err
		}
	}
	return usual, nil
}

func (r stackedCodes) ReadCodes(c *quantize.Codes, row, rows int) error {
	var one quantize.Codes
	for i := 0; i < rows; {
		p, in := r.parts[(row+i)/r.each], (row+i)%r.each
		n := min(rows-i, r.each-in)
		if err := formats.CodesOf(p).ReadCodes(&one, in, n); err != nil {
			return inPart(p, err)
		}
		if i == 0 {
			c.Reshape(one.Grid, rows, one.Cols, one.Offset != nil)
		} else if !slices.Equal(c.Order, one.Order) {
			return inPart(p, formats.Unsupported("orders its columns otherwise than the matrix before it"))
		}
		c.CopyRows(i, &one, 0, n)
		i += n
	}
	return nil
}

// Moved is a matrix whose row i is row from(i) of t. Codes stay readable, stored bytes do not.
func Moved(t *formats.Tensor, from func(row int) int) *formats.Tensor {
	n := *t
	n.Rows, n.Raw = moved(t, movedRows{t.Rows, t.Cols(), from}, from), nil
	return &n
}

type movedRows struct {
	rows formats.Rows
	cols int
	from func(row int) int
}

func (r movedRows) ReadRows(dst []float32, row int) error {
	for ; len(dst) > 0; dst, row = dst[r.cols:], row+1 {
		if err := r.rows.ReadRows(dst[:r.cols], r.from(row)); err != nil {
			return err
		}
	}
	return nil
}
