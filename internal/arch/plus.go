package arch

import (
	"encoding/binary"
	"io"
	"math"

	"quern/formats"
	"quern/quantize"
)

// PlusOne adds one to the weights of a norm, in float32: some families store how far they are from one.
var PlusOne = added("plus one", 1)

// added is an operation that adds a number, in float32.
func added(name string, x float32) Op {
	return Op{Name: name, Rounds: x != 1,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			return mapped(t, func(v float32) float32 { return v + x })
		},
		Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			return mapped(t, func(v float32) float32 { return v - x })
		},
	}
}

// mapped is a tensor with a function of every number, in float32. Its bytes are made when they are asked for.
func mapped(t *formats.Tensor, f func(float32) float32) *formats.Tensor {
	n := *t
	n.Type, n.Rows, n.Raw = quantize.ByName("F32"), nil, nil
	if t.Rows != nil {
		rows := mappedRows{t.Rows, f}
		n.Rows, n.Raw = rows, vectorBytes{rows, t.Elems()}
	}
	return &n
}

type mappedRows struct {
	rows formats.Rows
	f    func(float32) float32
}

func (r mappedRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for i, x := range dst {
		dst[i] = r.f(x)
	}
	return nil
}

// vectorBytes are n float32 numbers as they are stored.
type vectorBytes struct {
	rows formats.Rows
	n    int
}

func (b vectorBytes) ReadAt(p []byte, off int64) (int, error) {
	v := make([]float32, b.n)
	if err := b.rows.ReadRows(v, 0); err != nil {
		return 0, err
	}
	raw := make([]byte, 4*b.n)
	for i, x := range v {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(x))
	}
	n := copy(p, raw[min(off, int64(len(raw))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
