package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A Folder is a folder that is being written: it appears under its name at Commit, with all its files, or never.
type Folder struct {
	path  string
	force bool
}

// CreateFolder begins a folder, and makes those that it lies in. One that is there already is refused, unless it is empty, or force says to replace it.
func CreateFolder(path string, force bool) (*Folder, error) {
	path = filepath.Clean(path)
	switch entries, err := os.ReadDir(path); {
	case err == nil && len(entries) > 0 && !force:
		return nil, &os.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err // a file is no folder to be replaced
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f := &Folder{path, force}
	if err := os.RemoveAll(f.Path()); err != nil { // what an earlier run that was killed has left
		return nil, err
	}
	return f, os.Mkdir(f.Path(), 0o777)
}

// Path is where files are written before Commit.
func (f *Folder) Path() string { return f.path + PartSuffix }

// Commit gives the folder its name. Its files must be durable already.
func (f *Folder) Commit() error {
	if err := Disk.SyncDir(f.Path()); err != nil {
		return err
	}
	old := f.path + ".quern-old"
	err := os.Rename(f.path, old)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = "", nil
	}
	if err == nil {
		err = os.Rename(f.Path(), f.path)
	}
	if err != nil {
		if old != "" {
			_ = os.Rename(old, f.path) // what was there comes back, if it can
		}
		return err
	}
	f.path = ""
	if old != "" {
		return os.RemoveAll(old)
	}
	return nil
}

// Abort removes what was written; a no-op after a Commit that succeeded.
func (f *Folder) Abort() {
	if f.path != "" {
		_ = os.RemoveAll(f.Path()) // nothing can be done about it, and it is not the output's name
		f.path = ""
	}
}
