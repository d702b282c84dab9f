package model

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/quantize"
)

// A shelf holds the weights of one layer, or the output head, as they are stored: they are read once, and decoded for every
// batch of a group.
type shelf struct {
	buf    []byte
	floats []float32 // of weights that have no stored bytes to read
	layer  layer     // with the weights that lie here
	head   *weight   // set when the output head lies here
}

// held is the room that a weight needs on a shelf.
func (w *weight) held() int64 {
	if w.t == nil {
		return 0
	}
	if w.t.Raw != nil {
		return w.t.Bytes()
	}
	return 4 * int64(w.n) * int64(w.k)
}

// readBytes is about what one call reads: large enough for a disk, small enough to share the work.
const readBytes = 1 << 20

// A part is some rows of a weight on their way to a shelf.
type part struct {
	w    *weight
	row  int // the first
	dst  []byte
	rows []float32 // instead of dst
}

// fill reads weights, and makes them weights that lie here. size is the room to make where there is not enough.
func (s *shelf) fill(ctx context.Context, ws []*weight, size int64, threads int, drop bool) error {
	s.head = nil
	raw, floats := int64(0), 0
	for _, w := range ws {
		if w.t.Raw != nil {
			raw += w.held()
		} else {
			floats += w.n * w.k
		}
	}
	if int64(cap(s.buf)) < raw {
		s.buf = nil // the old one may go before the new one comes
		s.buf = make([]byte, max(raw, size))
	}
	buf, rows := s.buf[:cap(s.buf)], grow(&s.floats, floats)
	var parts []part
	lying := make([]formats.Tensor, len(ws))
	for i, w := range ws {
		n := int(w.held())
		lying[i] = *w.t
		if w.t.Raw != nil {
			parts = w.parts(parts, buf[:n], nil, n/w.n)
			lying[i].Raw, lying[i].Rows = lyingBytes{bytes.NewReader(buf[:n]), buf[:n]}, &lyingRows{w.t.Type, buf[:n], w.k, n / w.n}
			buf = buf[n:]
		} else {
			parts = w.parts(parts, nil, rows[:w.n*w.k], n/w.n)
			lying[i].Rows = decodedRows{rows[:w.n*w.k], w.k}
			rows = rows[w.n*w.k:]
		}
	}
	if err := readParts(ctx, parts, threads); err != nil {
		return err
	}
	for i, w := range ws {
		if drop && w.t.Raw != nil {
			formats.Drop(w.t.Raw, 0, w.held())
		}
		w.t = &lying[i]
	}
	return nil
}

// parts cuts the rows of w, of size bytes each, where they go.
func (w *weight) parts(parts []part, dst []byte, rows []float32, size int) []part {
	step := max(1, readBytes/max(size, 1))
	for row := 0; row < w.n; row += step {
		to := min(row+step, w.n)
		p := part{w: w, row: row}
		if rows != nil {
			p.rows = rows[row*w.k : to*w.k]
		} else {
			p.dst = dst[row*size : to*size]
		}
		parts = append(parts, p)
	}
	return parts
}

func readParts(ctx context.Context, parts []part, threads int) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(threads, len(parts)) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := parts[i].read(); err != nil {
					return inTensor(parts[i].w.t, err)
				}
			}
		})
	}
	return g.Wait()
}

func (p *part) read() error {
	if p.rows != nil {
		return p.w.t.Rows.ReadRows(p.rows, p.row)
	}
	off := int64(p.row) * (p.w.held() / int64(p.w.n))
	if n, err := p.w.t.Raw.ReadAt(p.dst, off); n < len(p.dst) {
		return err
	}
	return nil
}

// lyingBytes are stored bytes that are in memory.
type lyingBytes struct {
	*bytes.Reader
	data []byte
}

// stored returns the stored bytes of n rows, beginning with the given one: where they lie, or read into the worker's memory.
func (w *weight) stored(k *worker, row, n int) ([]byte, error) {
	size := w.k / w.t.Type.Block * w.t.Type.Bytes
	if lying, ok := w.t.Raw.(lyingBytes); ok {
		return lying.data[row*size:][:n*size], nil
	}
	raw := grow(&k.raw, n*size)
	_, err := w.t.Raw.ReadAt(raw, int64(row)*int64(size))
	return raw, err
}

// lyingRows are the rows of a matrix whose stored bytes are in memory.
type lyingRows struct {
	typ        *quantize.Type
	data       []byte
	cols, size int
}

func (r *lyingRows) ReadRows(dst []float32, row int) error {
	n := len(dst) / r.cols
	if row < 0 || len(dst)%r.cols != 0 || (row+n)*r.size > len(r.data) {
		return fmt.Errorf("rows %d…%d of %d", row, row+n, len(r.data)/r.size)
	}
	r.typ.Decode(dst, r.data[row*r.size:][:n*r.size])
	return nil
}

// decodedRows are the rows of a matrix that is in memory as float32.
type decodedRows struct {
	x    []float32
	cols int
}

func (r decodedRows) ReadRows(dst []float32, row int) error {
	if n := len(dst) / r.cols; row < 0 || len(dst)%r.cols != 0 || (row+n)*r.cols > len(r.x) {
		return fmt.Errorf("rows %d…%d of %d", row, row+n, len(r.x)/r.cols)
	}
	copy(dst, r.x[row*r.cols:])
	return nil
}
