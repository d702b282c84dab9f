//go:build !linux

package store

// Want and Drop do nothing: other systems have no such advice for files that are read without a mapping.
func (f *File) Want(off, n int64) {}
func (f *File) Drop(off, n int64) {}

// Flush does nothing: only Linux can begin to write without waiting.
func (p part) Flush() {}
