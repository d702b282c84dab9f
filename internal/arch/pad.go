package arch

import (
	"io"

	"quern/formats"
)

// PadRows adds rows of zeros for tokens that have no inputs of layers.
var PadRows = Op{Name: "pad",
	Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		if t.Shape[0] == p.Vocab {
			return t
		}
		n := *t
		n.Shape = []int{p.Vocab, t.Shape[1]}
		n.Rows, n.Raw = nil, nil
		if t.Rows != nil {
			n.Rows = paddedRows{t.Rows, t.Shape[0], t.Shape[1]}
		}
		if t.Raw != nil && t.Type.Block == 1 { // of floats, whose zeros are zero bytes
			n.Raw = paddedBytes{t.Raw, t.Bytes(), n.Bytes()}
		}
		return &n
	},
	Inverse: func(t *formats.Tensor, p *Params) *formats.Tensor {
		if t.Shape[0] == p.SideRows {
			return t
		}
		return t.Part(0, p.SideRows)
	},
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
