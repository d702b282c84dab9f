package store

import "golang.org/x/sys/unix"

// Drop takes a range out of the system's cache: it will not be read again soon.
func (f *File) Drop(off, n int64) {
	_ = unix.Fadvise(int(f.f.Fd()), off, n, unix.FADV_DONTNEED) // advice: nothing depends on it
}
