package store

import (
	"errors"
	"fmt"
	"os"
	"strings"

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
		return fmt.Errorf("%w: %s needs %.1f MB%s: %w", ErrNoSpace, strings.TrimSuffix(f.Name(), PartSuffix), float64(size)/1e6, available(f), err)
	}
	return &os.PathError{Op: "allocate", Path: f.Name(), Err: err}
}

// enough asks a file system that cannot reserve how much is free.
func enough(f *os.File, size int64) error {
	n, err := free(f)
	if err == nil && n < size {
		err = unix.ENOSPC
	}
	return err
}

// free is the space that is left where a file lies.
func free(f *os.File) (int64, error) {
	var s unix.Statfs_t
	err := unix.Fstatfs(int(f.Fd()), &s)
	return int64(s.Bavail) * s.Bsize, err
}

// available says it in words; a quota or a limit may leave less than the disk has.
func available(f *os.File) string {
	n, err := free(f)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", %.1f MB are free there", float64(n)/1e6)
}
