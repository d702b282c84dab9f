package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"quern/formats"
	"quern/quantize"
)

// A worker brings blocks of rows into their new forms. Its buffers are reused from block to block.
type worker struct {
	*runner
	floats []float32
	parts  []float32 // floats, divided
	by     []float32 // importance of the columns
	raw    []byte
	out    []byte
	codes  quantize.Codes
}

const copyChunk = 1 << 20 // bytes that are copied at once

// block reads some rows of a tensor and writes them in every form that a plan wants.
func (w *worker) block(tensor, row, rows int) error {
	t := w.plans[0].Steps[tensor].tensor
	read := false
	for _, j := range w.jobs[tensor] {
		if j.copy {
			if err := w.copy(tensor, row, rows, j); err != nil {
				return err
			}
			continue
		}
		if j.bridge != nil {
			if err := w.blocks(tensor, row, rows, j); err != nil {
				return err
			}
			continue
		}
		if !read {
			w.floats = grow(w.floats, rows*t.Cols())
			if err := t.Rows.ReadRows(w.floats, row); err != nil {
				return err
			}
			read = true
		}
		if err := w.encode(tensor, row, rows, j); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) encode(tensor, row, rows int, j job) error {
	t := w.plans[0].Steps[tensor].tensor
	cols := t.Cols()
	size, _ := j.to.Size(cols)
	w.out = grow(w.out, rows*size)
	floats := w.floats
	if j.part != 0 {
		w.parts = divided(w.parts, w.floats, j.part)
		floats = w.parts
	}
	for done := 0; done < rows; {
		by, n := j.by.of(w.by, row+done, rows-done, cols)
		if by != nil {
			w.by = by
		}
		err := quantize.Rows(w.out[done*size:(done+n)*size], j.to, floats[done*cols:(done+n)*cols], cols, by, j.effort)
		if bad := (*quantize.NotFinite)(nil); errors.As(err, &bad) {
			return notFinite(row + done + bad.Row)
		}
		if err != nil {
			return err
		}
		done += n
	}
	if err := w.checkRange(j.to, cols, row, size); err != nil {
		return err
	}
	for _, p := range j.plans {
		if err := w.sinks[p].WriteAt(w.out, tensor, int64(row)*int64(size)); err != nil {
			return err
		}
	}
	return nil
}

// copy moves stored bytes.
func (w *worker) copy(tensor, row, rows int, j job) error {
	t := w.plans[0].Steps[tensor].tensor
	size, _ := t.Type.Size(t.Cols())
	from, to := int64(row)*int64(size), int64(row+rows)*int64(size)
	for ; from < to; from += copyChunk {
		w.raw = grow(w.raw, int(min(copyChunk, to-from)))
		n, err := t.Raw.ReadAt(w.raw, from)
		if n < len(w.raw) {
			if err == nil {
				err = errors.New("the read was short")
			}
			return err
		}
		if at := nonFinite(w.raw, t.Type); at >= 0 {
			return notFinite(int((from + int64(at)) / int64(size)))
		}
		for _, p := range j.plans {
			if err := w.sinks[p].WriteAt(w.raw, tensor, from); err != nil {
				return err
			}
		}
	}
	return nil
}

func notFinite(row int) error {
	return &formats.Error{Err: formats.Corrupt("row %d holds NaN or infinity", row), Hint: "the checkpoint is damaged, or its training diverged"}
}

// exponents are, by type of float, the exponent's bits and the lowest of them, in each of the numbers in eight bytes.
var exponents = map[string]struct {
	bits, low uint64
	size      int
}{
	"F32":  {0x7f800000_7f800000, 0x00800000_00800000, 4},
	"F16":  {0x7c00_7c00_7c00_7c00, 0x0400_0400_0400_0400, 2},
	"BF16": {0x7f80_7f80_7f80_7f80, 0x0080_0080_0080_0080, 2},
}

// nonFinite is the place of the first NaN or infinity among stored floats, -1 when there is none or the type has none: an exponent of
// ones, which one more turns into the sign's bit.
func nonFinite(p []byte, t *quantize.Type) int {
	e, ok := exponents[t.Name]
	if !ok {
		return -1
	}
	signs := e.bits + e.low
	var eight [8]byte
	for i := 0; i < len(p); i += 8 {
		v := uint64(0)
		if i+8 <= len(p) {
			v = binary.LittleEndian.Uint64(p[i:])
		} else {
			copy(eight[:], p[i:])
			v = binary.LittleEndian.Uint64(eight[:])
		}
		if bad := (v&e.bits + e.low) & signs; bad != 0 {
			return i + bits.TrailingZeros64(bad)/8/e.size*e.size
		}
	}
	return -1
}

// maxF16 is the least magnitude that rounds to infinity in half precision.
const maxF16 = 65520

// checkRange refuses weights that the type turned into infinities, or cut off: F16 itself, and the types whose scales are
// F16. Only rows with a weight beyond F16's range are looked at again.
func (w *worker) checkRange(t *quantize.Type, cols, row, size int) error {
	if t.Name == "F32" || t.Name == "BF16" {
		return nil
	}
	var back []float32
	for r := 0; r*cols < len(w.floats); r++ {
		most := quantize.Largest(w.floats[r*cols : (r+1)*cols])
		if most < maxF16 {
			continue
		}
		back = grow(back, cols)
		t.Decode(back, w.out[r*size:(r+1)*size])
		if x := quantize.Largest(back); x-x != 0 || x < most/2 {
			return &formats.Error{Err: fmt.Errorf("row %d holds %g, which does not fit into %s", row+r, most, t),
				Hint: "use BF16 or F32 for this tensor (--tensor-type), or for all"}
		}
	}
	return nil
}

// fail adds the file and the tensor, by its name there, to an error that does not name them.
func (w *worker) fail(tensor int, err error) error {
	name := w.plans[0].Steps[tensor].From
	if name == "" {
		name = w.plans[0].Steps[tensor].Name
	}
	if e, ok := err.(*formats.Error); ok {
		if e.File != "" && e.Tensor != "" {
			return err
		}
		c := *e
		if c.File == "" {
			c.File = w.plans[0].Source
		}
		if c.Tensor == "" {
			c.Tensor = name
		}
		return &c
	}
	return &formats.Error{File: w.plans[0].Source, Tensor: name, Err: err}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
