//go:build !linux

package store

// Drop does nothing: other systems have no such advice for files that are read without a mapping.
func (f *File) Drop(off, n int64) {}
