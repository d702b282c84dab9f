package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves the blocks of a file, so that a disk that is too small is known before hours of work.
func allocate(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINTR) {
		err = enough(f, size)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return fmt.Errorf("%w: %s needs %d bytes: %w", ErrNoSpace, f.Name(), size, err)
	}
	return &os.PathError{Op: "allocate", Path: f.Name(), Err: err}
}

// enough asks a file system that cannot reserve how much is free.
func enough(f *os.File, size int64) error {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return err
	}
	if free := int64(s.Bavail) * s.Bsize; free < size {
		return unix.ENOSPC
	}
	return nil
}
