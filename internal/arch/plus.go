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
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return plus(t, x) },
		Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return plus(t, -x) },
	}
}

// plus is a vector with something added to every element. Its bytes are made when they are asked for.
func plus(t *formats.Tensor, x float32) *formats.Tensor {
	n := *t
	n.Type = quantize.ByName("F32")
	n.Rows, n.Raw = nil, nil
	if t.Rows != nil {
		rows := plusRows{t.Rows, x}
		n.Rows, n.Raw = rows, vectorBytes{rows, t.Elems()}
	}
	return &n
}

type plusRows struct {
	rows formats.Rows
	x    float32
}

func (r plusRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for i := range dst {
		dst[i] += r.x
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
