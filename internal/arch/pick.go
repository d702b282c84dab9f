package arch

import (
	"fmt"
	"io"

	"quern/formats"
)

// A pick is runs of rows of a tensor: of every Per rows, Take after the first Skip.
type pick struct{ skip, take, per int }

// from is the row of the source that becomes row i.
func (k pick) from(i int) int { return i/k.take*k.per + k.skip + i%k.take }

// picked is the picked rows of a tensor as one of the given shape. They stay promises, and stored bytes stay readable.
func picked(t *formats.Tensor, k pick, shape []int) *formats.Tensor {
	n := *t
	n.Shape, n.Rows, n.Raw = shape, nil, nil
	if t.Rows != nil {
		n.Rows = moved(t, pickedRows{t.Rows, k, t.Cols()}, k.from)
	}
	if t.Raw != nil {
		n.Raw = pickedBytes{t.Raw, k, t.Bytes() / int64(t.NumRows()), n.Bytes()}
	}
	return &n
}

type pickedRows struct {
	rows formats.Rows
	k    pick
	cols int
}

func (r pickedRows) ReadRows(dst []float32, row int) error {
	for len(dst) > 0 {
		n := min(len(dst), (r.k.take-row%r.k.take)*r.cols)
		if err := r.rows.ReadRows(dst[:n], r.k.from(row)); err != nil {
			return err
		}
		dst, row = dst[n:], row+n/r.cols
	}
	return nil
}

type pickedBytes struct {
	raw        io.ReaderAt
	k          pick
	unit, size int64 // bytes of a row, and of all
}

func (r pickedBytes) ReadAt(p []byte, off int64) (n int, err error) {
	for len(p) > 0 && off < r.size {
		row, in := int(off/r.unit), off%r.unit
		k := min(int64(len(p)), int64(r.k.take-row%r.k.take)*r.unit-in)
		got, err := r.raw.ReadAt(p[:k], int64(r.k.from(row))*r.unit+in)
		n += got
		if int64(got) < k {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
		p, off = p[k:], off+k
	}
	if len(p) > 0 {
		return n, io.EOF
	}
	return n, nil
}

// Drop passes advice on for everything between the first and the last row.
func (r pickedBytes) Drop(off, n int64) {
	if n <= 0 {
		return
	}
	from, to := int64(r.k.from(int(off/r.unit))), int64(r.k.from(int((off+n-1)/r.unit)))+1
	formats.Drop(r.raw, from*r.unit, (to-from)*r.unit)
}

// joined is the tensors that were picked from one, as that one. Its shape is given, its rows are found in whichever part has them.
func joined(parts []*formats.Tensor, picks []pick, shape []int) *formats.Tensor {
	n := *parts[0]
	n.Shape, n.Rows, n.Raw = shape, nil, nil
	n.Rows = joinedRows{parts, picks, n.Cols(), n.NumRows()}
	return &n
}

type joinedRows struct {
	parts      []*formats.Tensor
	picks      []pick
	cols, rows int
}

func (r joinedRows) ReadRows(dst []float32, row int) error {
	for ; len(dst) > 0; dst, row = dst[r.cols:], row+1 {
		found := false
		for i, k := range r.picks {
			if in := row%k.per - k.skip; row < r.rows && in >= 0 && in < k.take {
				found = true
				if err := r.parts[i].Rows.ReadRows(dst[:r.cols], row/k.per*k.take+in); err != nil {
					return inPart(r.parts[i], err)
				}
			}
		}
		if !found {
			return fmt.Errorf("row %d of %d is in none of the parts", row, r.rows)
		}
	}
	return nil
}
