// Package formats reads and writes checkpoints. A checkpoint is a list of tensors that promise rows, and typed metadata;
// each format is one row of a table.
package formats

import (
	"io"

	"quern/quantize"
)

// Rows is a matrix whose rows can be read, as float32, in any order and by many goroutines at once. It is to quern what
// io.Reader is to io: a format implements it, a transform wraps it, the writer drains it.
type Rows interface {
	// ReadRows fills dst with whole rows, beginning with the given one; len(dst) is a multiple of the row length.
	ReadRows(dst []float32, row int) error
}

// A Tensor is a named matrix in a checkpoint. It holds no weights, only the promise of rows.
type Tensor struct {
	Name  string
	Shape []int          // outermost first, as PyTorch prints it; only gguf*.go knows that GGUF counts backwards
	Type  *quantize.Type // how it is stored
	Rows  Rows           // nil when the type cannot be decoded
	Raw   io.ReaderAt    // the stored bytes, little endian, row-major; nil once a transform that changes bytes stands between
	Ranks int            // of a matrix of queries, keys and values: so many processors each have a part of all three, one processor's behind the other's; 0: it is not told
	Scale []float32      // what stored values are multiplied by, a number for each matrix, or nil; Rows has done it, Raw has not
}

// Cols is the length of a row; a scalar has one column.
func (t *Tensor) Cols() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1]
}

// NumRows is the number of rows, all outer dimensions multiplied.
func (t *Tensor) NumRows() int {
	n := 1
	for i := 0; i+1 < len(t.Shape); i++ {
		n *= t.Shape[i]
	}
	return n
}

// Elems is the number of weights. Readers have checked that it does not overflow.
func (t *Tensor) Elems() int { return t.NumRows() * t.Cols() }

// Bytes is the stored size. Readers and plans have checked that rows are whole blocks.
func (t *Tensor) Bytes() int64 {
	if t.Elems() == 0 {
		return 0
	}
	row, _ := t.Type.Size(t.Cols())
	return int64(t.NumRows()) * int64(row)
}

// Part is n rows of a matrix as a matrix, which stays a promise.
func (t *Tensor) Part(from, n int) *Tensor {
	part := *t
	part.Shape = []int{n, t.Cols()}
	part.Rows = laterRows{t.Rows, from}
	if t.Raw != nil {
		row := t.Bytes() / int64(t.NumRows())
		part.Raw = io.NewSectionReader(t.Raw, int64(from)*row, int64(n)*row)
	}
	return &part
}

type laterRows struct {
	rows Rows
	from int
}

func (r laterRows) ReadRows(dst []float32, row int) error { return r.rows.ReadRows(dst, r.from+row) }

// Times is a tensor whose stored values are multiplied by a number for each of its matrices.
func (t *Tensor) Times(scale []float32) *Tensor {
	by := *t
	by.Scale = scale
	if t.Rows != nil {
		by.Rows = &timesRows{t.Rows, scale, t.NumRows() / len(scale), t.Cols()}
	}
	return &by
}

type timesRows struct {
	rows      Rows
	scale     []float32
	per, cols int // rows of a matrix, and their length
}

func (r *timesRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for i := range dst {
		dst[i] *= r.scale[(row+i/r.cols)/r.per]
	}
	return nil
}

// A Source is an open checkpoint. Opening reads headers only.
type Source struct {
	Path    string
	Format  *Format
	Meta    Meta // a GGUF file's key values, a safetensors file's __metadata__
	Tensors []*Tensor

	Files []string // paths of the files that hold weights

	Quantized *Quantized // how config.json says that matrices are quantized, nil when it does not; Tensors hold them as one each

	// File returns a text file that lies beside the weights of a Hugging Face folder (config.json, tokenizer.json …),
	// with an error that satisfies errors.Is(err, fs.ErrNotExist) when there is none. Never nil.
	File func(name string) ([]byte, error)

	// Close releases files and mappings. Never nil.
	Close func() error
}

// Tensor finds a tensor by name, or returns nil. It is a linear search: index Tensors for many.
func (s *Source) Tensor(name string) *Tensor {
	for _, t := range s.Tensors {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// A Sink takes a checkpoint. It appears under its name whole, or not at all.
type Sink interface {
	// Begin writes the header. Tensors need Name, Shape and Type only.
	Begin(meta *Meta, tensors []*Tensor) error
	// WriteAt stores bytes of a tensor body; safe for many goroutines, in any order.
	WriteAt(p []byte, tensor int, off int64) error
	// Commit makes the checkpoint durable and gives it its name.
	Commit() error
	// Abort removes what was written; a no-op after Commit.
	Abort()
}
