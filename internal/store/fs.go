package store

import "os"

// FS are the operations by which a Writer changes a disk. Tests put a failing one in its place.
type FS interface {
	OpenPart(path string) (PartFile, error) // created or emptied, locked against a second writer
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

// A PartFile is an output that has no name yet.
type PartFile interface {
	WriteAt(p []byte, off int64) (int, error)
	Allocate(size int64) error // reserves space, or fails with ErrNoSpace
	Flush()                    // begins to write what is in memory
	Sync() error
	Close() error
}

// Disk is the real FS.
var Disk FS = disk{}

type disk struct{}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(path string) error     { return os.Remove(path) }

func (disk) OpenPart(path string) (PartFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err = lock(f); err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return part{f}, nil
}

type part struct{ *os.File }

func (p part) Allocate(size int64) error { return allocate(p.File, size) }
