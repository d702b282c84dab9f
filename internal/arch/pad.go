package arch

import (
	"io"

	"quern/formats"
)

// PadRows adds rows of zeros for tokens that have no inputs of layers.
var PadRows = Op{Name: "pad",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		return zerosBehind(t, p.Vocab)
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		if t.Shape[0] == p.SideRows {
			return t
		}
		return t.Part(0, p.SideRows)
	},
}

// zerosBehind is a matrix with rows of zeros behind its own, or a vector with zeros.
func zerosBehind(t *formats.Tensor, rows int) *formats.Tensor {
	if t.Shape[0] == rows {
		return t
	}
	n := *t
	n.Shape, n.Rows, n.Raw = append([]int{rows}, t.Shape[1:]...), nil, nil
	switch {
	case t.Rows != nil && len(t.Shape) == 1:
		n.Rows = paddedVector{t.Rows, t.Shape[0]}
	case t.Rows != nil:
		n.Rows = paddedRows{t.Rows, t.Shape[0], t.Cols()}
	}
	if t.Raw != nil && t.Type.Block == 1 { // of floats, whose zeros are zero bytes
		n.Raw = paddedBytes{t.Raw, t.Bytes(), n.Bytes()}
	}
	return &n
}

type paddedVector struct {
	rows formats.Rows
	n    int
}

func (r paddedVector) ReadRows(dst []float32, row int) error {
	have := min(r.n, len(dst))
	clear(dst[have:])
	return r.rows.ReadRows(dst[:have], row)
}

type paddedRows struct {
	rows    formats.Rows
	n, cols int
}

func (r paddedRows) ReadRows(dst []float32, row int) error {
	have := min(max(0, r.n-row)*r.cols, len(dst))
	clear(dst[have:])
	if have == 0 {
		return nil
	}
	return r.rows.ReadRows(dst[:have], row)
}

type paddedBytes struct {
	raw       io.ReaderAt
	have, all int64
}

func (b paddedBytes) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), max(0, b.all-off)))
	own := int(min(int64(n), max(0, b.have-off)))
	if own > 0 {
		if got, err := b.raw.ReadAt(p[:own], off); got < own {
			return got, err
		}
	}
	clear(p[own:n])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Drop passes advice on.
func (b paddedBytes) Drop(off, n int64) { formats.Drop(b.raw, off, max(0, min(n, b.have-off))) }
