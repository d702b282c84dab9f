// Package store is where bytes live: files that are read at any offset by many goroutines, and files that appear under
// their name whole or not at all.
package store

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A File is a regular file that is open for reading. It reads with pread, not through a mapping, so that a file which
// shrinks while it is read is an error and not a signal.
type File struct {
	f    *os.File
	size int64
}

// ErrNotRegular is returned for devices, pipes, sockets and folders: a name from a stranger's index must not make quern
// wait on a pipe.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, &os.PathError{Op: "open", Path: path, Err: ErrNotRegular})
	}
	return &File{f, info.Size()}, nil
}

// Size is the size when the file was opened.
func (f *File) Size() int64 { return f.size }

// ReadAt fills p from off. The end of the file inside p is io.ErrUnexpectedEOF: whoever asks has checked Size.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file shrank while it was read: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// ReadFile reads a regular file of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that such a file may have", path, f.size, limit)
	}
	p := make([]byte, f.size)
	_, err = f.ReadAt(p, 0)
	return p, err
}
