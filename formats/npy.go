package formats

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"quern/internal/store"
)

// An NPY is a NumPy array file of float32 that is being written, row by row. It appears under its name at Commit.
//
//	93 'N' 'U' 'M' 'P' 'Y'  version 1 0  u16 length of the text  text  data, little endian, last dimension fastest
//
// The text is a Python dictionary, padded with spaces and a line feed so that the data begins at a multiple of 64.
type NPY struct {
	w   *store.Writer
	off int64
	end int64
	buf []byte
}

// CreateNPY begins a file for an array of the given shape; a file of that name is replaced.
func CreateNPY(path string, shape ...int) (*NPY, error) {
	dims, n := "", int64(1)
	for _, d := range shape {
		dims += fmt.Sprintf("%d,", d)
		n *= int64(d)
	}
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", dims)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	head = append(head, text...)
	w, err := store.Create(store.Disk, path, int64(len(head))+4*n, true)
	if err != nil {
		return nil, err
	}
	f := &NPY{w: w, end: int64(len(head)) + 4*n}
	if err := f.write(head); err != nil {
		w.Abort()
		return nil, err
	}
	return f, nil
}

// Write appends elements.
func (f *NPY) Write(x []float32) error {
	const step = 1 << 16
	for ; len(x) > 0; x = x[min(step, len(x)):] {
		f.buf = f.buf[:0]
		for _, v := range x[:min(step, len(x))] {
			f.buf = binary.LittleEndian.AppendUint32(f.buf, math.Float32bits(v))
		}
		if err := f.write(f.buf); err != nil {
			return err
		}
	}
	return nil
}

func (f *NPY) write(p []byte) error {
	_, err := f.w.WriteAt(p, f.off)
	f.off += int64(len(p))
	return err
}

// Commit gives the file its name, if the array is complete.
func (f *NPY) Commit() error {
	if f.off != f.end {
		return fmt.Errorf("%d bytes of an array file are written, its shape needs %d", f.off, f.end)
	}
	return f.w.Commit()
}

// Abort removes what was written; a no-op after Commit.
func (f *NPY) Abort() { f.w.Abort() }
