package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A folder appears whole, replaces another only by force, and leaves nothing when it is given up or when an earlier run was killed.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	write := func(force, commit bool, text string) error {
		t.Helper()
		f, err := CreateFolder(path, force)
		if err != nil {
			return err
		}
		defer f.Abort()
		if err := os.WriteFile(filepath.Join(f.Path(), "a"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if !commit {
			return nil
		}
		return f.Commit()
	}
	holds := func(want string, names int) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(path, "a"))
		left, _ := os.ReadDir(dir)
		if string(got) != want || (err == nil) != (want != "") || len(left) != names {
			t.Errorf("the folder holds %q, %v; %v lie beside it", got, err, left)
		}
	}
	if err := write(false, false, "one"); err != nil {
		t.Error(err)
	}
	holds("", 0)
	if err := os.MkdirAll(filepath.Join(path+PartSuffix, "left"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write(false, true, "two"); err != nil {
		t.Error(err)
	}
	holds("two", 1)
	if err := write(false, true, "three"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder is replaced without force: %v", err)
	}
	holds("two", 1)
	if err := write(true, true, "four"); err != nil {
		t.Error(err)
	}
	holds("four", 1)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateFolder(file, true); err == nil {
		t.Error("a file is replaced by a folder")
	}
}
