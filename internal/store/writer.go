package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// ErrNoSpace is inside the error of a write that the disk, a quota or a limit did not allow.
var ErrNoSpace = errors.New("no space left")

// PartSuffix ends the name of a file that is being written.
const PartSuffix = ".quern-part"

// A Writer writes a file that appears under its name at Commit, complete and durable, or never. Bytes that are never
// written are zero.
type Writer struct {
	fs   FS
	path string
	part PartFile
	size int64

	mu      sync.Mutex // systems let one write at a time into a file, and the others turn in circles meanwhile
	written int64
}

// flushEvery is how many bytes are written between two flushes.
const flushEvery = 32 << 20

// Create begins a file of the given size, and makes the folder that it lies in. Without force it refuses to replace a file.
func Create(disk FS, path string, size int64, force bool) (*Writer, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !force:
		return nil, &os.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case err == nil && !info.Mode().IsRegular():
		return nil, &os.PathError{Op: "create", Path: path, Err: ErrNotRegular}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f, err := disk.OpenPart(path + PartSuffix)
	if err != nil {
		return nil, err
	}
	w := &Writer{fs: disk, path: path, part: f, size: size}
	if err := f.Allocate(size); err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

// WriteAt writes p at off; many goroutines may, in any order.
func (w *Writer) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > w.size || int64(len(p)) > w.size-off {
		return 0, fmt.Errorf("write of %d bytes at %d is outside the %d of %s", len(p), off, w.size, w.path)
	}
	w.mu.Lock()
	n, err := w.part.WriteAt(p, off)
	before := w.written
	w.written += int64(n)
	w.mu.Unlock()
	if (before+int64(n))/flushEvery != before/flushEvery {
		w.part.Flush()
	}
	return n, spaceError(err)
}

// Commit makes the file durable and gives it its name. After an error only Abort remains: a failed sync is never tried
// again, since the system may have dropped what it could not write.
func (w *Writer) Commit() error {
	if w.part == nil {
		return errors.New("commit of a file that is closed")
	}
	err := w.part.Sync()
	if e := w.part.Close(); err == nil {
		err = e
	}
	w.part = nil
	if err == nil {
		err = w.fs.Rename(w.path+PartSuffix, w.path)
	}
	if err != nil {
		return spaceError(err)
	}
	w.path = ""
	return nil
}

// Abort removes what was written; a no-op after a Commit that succeeded.
func (w *Writer) Abort() {
	if w.path == "" {
		return
	}
	if w.part != nil {
		w.part.Close()
		w.part = nil
	}
	_ = w.fs.Remove(w.path + PartSuffix) // nothing can be done about it, and it is not the output's name
	w.path = ""
}

// WriteFile writes p as a file that appears under its name whole, or never.
func WriteFile(disk FS, path string, p []byte, force bool) error {
	w, err := Create(disk, path, int64(len(p)), force)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.WriteAt(p, 0); err != nil {
		return err
	}
	return w.Commit()
}

// SyncParent makes the names of committed files durable: call it once for the folder of all of them.
func SyncParent(disk FS, path string) error { return disk.SyncDir(filepath.Dir(path)) }

func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
