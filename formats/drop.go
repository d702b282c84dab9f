package formats

import (
	"io"
	"slices"
)

// Want says that stored bytes, which are part of a tensor's Raw, will be read soon, so that the disk fetches them while something else
// is done. It is advice only.
func Want(raw io.ReaderAt, off, n int64) {
	switch r := raw.(type) {
	case *io.SectionReader:
		outer, base, size := r.Outer()
		Want(outer, base+off, min(n, size-off))
	case interface{ Want(off, n int64) }:
		r.Want(off, n)
	}
}

// Drop says that stored bytes, which are part of a tensor's Raw, will not be read again soon: the system's cache has better uses for its
// memory than a file that is larger than it. It is advice only.
func Drop(raw io.ReaderAt, off, n int64) {
	switch r := raw.(type) {
	case *io.SectionReader:
		outer, base, size := r.Outer()
		Drop(outer, base+off, min(n, size-off))
	case interface{ Drop(off, n int64) }:
		r.Drop(off, n)
	}
}

// Same reports whether two tensors are the same stored bytes, as tied matrices are in files that torch wrote.
func Same(a, b *Tensor) bool {
	x, ok := a.Raw.(*io.SectionReader)
	y, okay := b.Raw.(*io.SectionReader)
	if !ok || !okay || a.Type != b.Type || !slices.Equal(a.Shape, b.Shape) {
		return false
	}
	outer, from, size := x.Outer()
	other, at, n := y.Outer()
	return outer == other && from == at && size == n
}
