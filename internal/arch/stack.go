package arch

import (
	"fmt"
	"io"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// stacked is tensors of one shape, one behind the other: the same matrix of all experts of a layer. Nothing is read or held;
// a block of rows comes from the tensor that it lies in.
func stacked(parts []*formats.Tensor) *formats.Tensor {
	first := parts[0]
	t := &formats.Tensor{Name: common(parts), Shape: append([]int{len(parts)}, first.Shape...), Type: first.Type}
	rows, raw, scaled := true, true, false
	for _, p := range parts {
		rows = rows && p.Rows != nil
		raw = raw && p.Raw != nil && p.Type == first.Type
		scaled = scaled || p.Scale != nil
	}
	if scaled {
		t.Scale = scales(parts)
	}
	if rows {
		t.Rows = stackedRows{parts, first.NumRows(), first.Cols()}.withCodes()
	}
	if raw {
		t.Raw = stackedBytes{parts, first.Bytes()}
	} else if rows {
		for _, p := range parts {
			if p.Type != first.Type {
				t.Type = quantize.ByName("F32")
			}
		}
	}
	return t
}

// scales are the numbers that the parts are multiplied by.
func scales(parts []*formats.Tensor) (s []float32) {
	for _, p := range parts {
		if p.Scale == nil {
			s = append(s, 1)
		}
		s = append(s, p.Scale...)
	}
	return s
}

// common is the names of the parts with a star where they differ.
func common(parts []*formats.Tensor) string {
	a, b := parts[0].Name, parts[len(parts)-1].Name
	from, to := 0, 0
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	for to < min(len(a), len(b))-from && a[len(a)-1-to] == b[len(b)-1-to] {
		to++
	}
	if from == len(a) {
		return a
	}
	return strings.TrimRight(a[:from], "0123456789") + "*" + a[len(a)-to:]
}

type stackedRows struct {
	parts      []*formats.Tensor
	each, cols int // rows of a part, and their length
}

func (r stackedRows) ReadRows(dst []float32, row int) error {
	for len(dst) > 0 {
		if row < 0 || row >= r.each*len(r.parts) {
			return fmt.Errorf("row %d of %d", row, r.each*len(r.parts))
		}
		p, in := r.parts[row/r.each], row%r.each
		n := min(len(dst), (r.each-in)*r.cols)
		if err := p.Rows.ReadRows(dst[:n], in); err != nil {
			return inPart(p, err)
		}
		dst, row = dst[n:], row+n/r.cols
	}
	return nil
}

// inPart names the tensor that an error comes from.
func inPart(p *formats.Tensor, err error) error {
	if e, ok := err.(*formats.Error); ok {
		if e.Tensor != "" {
			return e
		}
		c := *e
		c.Tensor = p.Name
		return &c
	}
	return &formats.Error{Tensor: p.Name, Err: err}
}

type stackedBytes struct {
	parts []*formats.Tensor
	each  int64 // bytes of a part
}

func (s stackedBytes) ReadAt(p []byte, off int64) (n int, err error) {
	for len(p) > 0 && off < s.each*int64(len(s.parts)) {
		part, in := s.parts[off/s.each], off%s.each
		k := min(int64(len(p)), s.each-in)
		got, err := part.Raw.ReadAt(p[:k], in)
		n += got
		if int64(got) < k {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, inPart(part, err)
		}
		p, off = p[k:], off+k
	}
	if len(p) > 0 {
		return n, io.EOF
	}
	return n, nil
}

// Drop and Want pass advice on to the parts.
func (s stackedBytes) Drop(off, n int64) { s.advise(off, n, formats.Drop) }
func (s stackedBytes) Want(off, n int64) { s.advise(off, n, formats.Want) }

func (s stackedBytes) advise(off, n int64, say func(io.ReaderAt, int64, int64)) {
	for n > 0 && off < s.each*int64(len(s.parts)) {
		k := min(n, s.each-off%s.each)
		say(s.parts[off/s.each].Raw, off%s.each, k)
		off, n = off+k, n-k
	}
}

// regrouped is the same numbers in rows of another length.
func regrouped(t *formats.Tensor, shape ...int) *formats.Tensor {
	n := shapedAs(t, shape...)
	if t.Rows != nil {
		n.Rows = regroupedRows{t.Rows, t.Cols(), n.Cols()}
	}
	return n
}

type regroupedRows struct {
	rows     formats.Rows
	from, to int
}

func (r regroupedRows) ReadRows(dst []float32, row int) error {
	first, last := row*r.to/r.from, (row*r.to+len(dst)+r.from-1)/r.from
	all := make([]float32, (last-first)*r.from)
	if err := r.rows.ReadRows(all, first); err != nil {
		return err
	}
	copy(dst, all[row*r.to-first*r.from:])
	return nil
}
