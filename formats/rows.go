package formats

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"quern/quantize"
)

// storedRows decodes rows from where they are stored.
type storedRows struct {
	t        *Tensor
	rowBytes int
	file     string
	off      int64 // of the body in file, for errors
}

var rowBuffers = sync.Pool{New: func() any { return new([]byte) }}

// readable gives a tensor its Raw and, where its type can be decoded, its Rows.
func readable(t *Tensor, raw io.ReaderAt, file string, off int64) {
	t.Raw = raw
	if t.Type.Decode == nil {
		return
	}
	n, _ := t.Type.Size(t.Cols())
	t.Rows = &storedRows{t, n, file, off}
}

// Held is a tensor like t whose stored bytes, of a type, lie in memory.
func Held(t *Tensor, to *quantize.Type, raw []byte) *Tensor {
	held := *t
	held.Type, held.Scale = to, nil
	readable(&held, bytes.NewReader(raw), "", 0)
	return &held
}

func (r *storedRows) ReadRows(dst []float32, row int) error {
	cols := r.t.Cols()
	if cols == 0 || len(dst) == 0 {
		return nil
	}
	n := len(dst) / cols
	if len(dst)%cols != 0 || row < 0 || row > r.t.NumRows()-n {
		return fmt.Errorf("rows %d…%d of %q: it has %d of %d", row, row+n, r.t.Name, r.t.NumRows(), cols)
	}
	buf := rowBuffers.Get().(*[]byte)
	defer rowBuffers.Put(buf)
	if size := n * r.rowBytes; cap(*buf) < size {
		*buf = make([]byte, size)
	}
	p := (*buf)[:n*r.rowBytes]
	at := int64(row) * int64(r.rowBytes)
	if _, err := r.t.Raw.ReadAt(p, at); err != nil {
		return &Error{File: r.file, Tensor: r.t.Name, Off: r.off + at, HasOff: true, Err: err}
	}
	if r.t.Type.Row == 0 {
		r.t.Type.Decode(dst, p)
		return nil
	}
	for ; len(dst) > 0; dst, p = dst[cols:], p[r.rowBytes:] {
		r.t.Type.Decode(dst[:cols], p[:r.rowBytes])
	}
	return nil
}
