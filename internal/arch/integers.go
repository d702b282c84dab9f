package arch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"quern/formats"
	"quern/quantize"
)

// AsInt32 is a table of whole numbers in 32 bits, which checkpoints of Hugging Face have in 64.
var AsInt32 = Op{Name: "as int32",
	Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor { return whole(t, quantize.I32) },
	Inverse: func(t *formats.Tensor, _ *Params) *formats.Tensor { return whole(t, quantize.I64) },
}

// whole is a tensor of whole numbers, small enough for a float32, in another type.
func whole(t *formats.Tensor, to *quantize.Type) *formats.Tensor {
	if t.Type == to {
		return t
	}
	n := *t
	n.Type, n.Raw = to, wholeBytes{t.Rows, t.Cols(), int64(t.Elems()), to.Bytes}
	return &n
}

type wholeBytes struct {
	rows  formats.Rows
	cols  int
	elems int64
	width int
}

// ReadAt makes the rows that the bytes lie in.
func (r wholeBytes) ReadAt(p []byte, off int64) (int, error) {
	size := int64(r.cols * r.width)
	if off < 0 || off >= r.elems*int64(r.width) {
		return 0, io.EOF
	}
	first := off / size
	n := min((off+int64(len(p))+size-1)/size, r.elems/int64(r.cols)) - first
	v, raw := make([]float32, n*int64(r.cols)), make([]byte, n*size)
	if err := r.rows.ReadRows(v, int(first)); err != nil {
		return 0, err
	}
	for i, x := range v {
		if r.width == 4 {
			binary.LittleEndian.PutUint32(raw[4*i:], uint32(int32(x)))
		} else {
			binary.LittleEndian.PutUint64(raw[8*i:], uint64(int64(x)))
		}
	}
	k := copy(p, raw[off-first*size:])
	if k < len(p) {
		return k, io.EOF
	}
	return k, nil
}

// asKey says of a rule that files tell its tensor as a key.
func (r *Rule) asKey() bool { return r.Number != nil || r.Whole != nil }

// keepWhole reads a tensor of whole numbers that files tell as a key, exactly: a float32 does not hold them.
func (b *binder) keepWhole(t *formats.Tensor, g *goal) error {
	if t.Raw == nil || t.Type != quantize.I64 {
		return b.fail(t.Name, formats.Unsupported("type %s: numbers in 64 bits were expected, which no other type holds", t.Type), "")
	}
	raw := make([]byte, t.Bytes())
	if _, err := t.Raw.ReadAt(raw, 0); errors.Is(err, fs.ErrNotExist) {
		b.made[g.name] = true
		return nil // a plan from config.json alone has no weights
	} else if err != nil && err != io.EOF {
		return err
	}
	list := make([]uint64, len(raw)/8)
	for i := range list {
		list[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	*g.Rule.Whole(&b.bound.Params) = list
	b.made[g.name] = true
	return nil
}

// wholes is a tensor of whole numbers in 64 bits.
func wholes(name string, list []uint64) *formats.Tensor {
	t := &formats.Tensor{Name: name, Shape: []int{len(list)}, Type: quantize.I64}
	var raw []byte
	v := make([]float32, len(list))
	for i, x := range list {
		raw, v[i] = binary.LittleEndian.AppendUint64(raw, x), float32(x)
	}
	t.Raw, t.Rows = bytes.NewReader(raw), Floats(name, v).Rows
	return t
}
