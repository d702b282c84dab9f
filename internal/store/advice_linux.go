package store

import "golang.org/x/sys/unix"

// Want makes the system read a range ahead of time.
func (f *File) Want(off, n int64) {
	_ = unix.Fadvise(int(f.f.Fd()), off, n, unix.FADV_WILLNEED) // advice: nothing depends on it
}

// Drop takes a range out of the system's cache: it will not be read again soon.
func (f *File) Drop(off, n int64) {
	_ = unix.Fadvise(int(f.f.Fd()), off, n, unix.FADV_DONTNEED) // advice: nothing depends on it
}

// Flush begins to write what is still in memory, and does not wait for it: the sync at the end has less to do, and a fast writer does
// not fill the memory with what a slow disk has not taken.
func (p part) Flush() {
	_ = unix.SyncFileRange(int(p.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // what fails here fails in Sync too
}
