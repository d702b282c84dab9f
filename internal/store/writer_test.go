//go:build unix

package store

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// faulty is a Disk whose n-th operation fails, counted over all kinds; a write that fails has stored half.
type faulty struct {
	left int
	err  error
}

func (f *faulty) fails() error {
	if f.left--; f.left == 0 {
		return f.err
	}
	return nil
}

func (f *faulty) OpenPart(path string) (PartFile, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	p, err := Disk.OpenPart(path)
	return &faultyPart{p, f}, err
}

func (f *faulty) Rename(from, to string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return Disk.Rename(from, to)
}

func (f *faulty) SyncDir(path string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return Disk.SyncDir(path)
}

func (f *faulty) Remove(path string) error { return Disk.Remove(path) }

type faultyPart struct {
	PartFile
	f *faulty
}

func (p *faultyPart) WriteAt(b []byte, off int64) (int, error) {
	if err := p.f.fails(); err != nil {
		n, _ := p.PartFile.WriteAt(b[:len(b)/2], off)
		return n, err
	}
	return p.PartFile.WriteAt(b, off)
}

func (p *faultyPart) Allocate(size int64) error {
	if err := p.f.fails(); err != nil {
		return err
	}
	return p.PartFile.Allocate(size)
}

func (p *faultyPart) Sync() error {
	if err := p.f.fails(); err != nil {
		return err
	}
	return p.PartFile.Sync()
}

func (p *faultyPart) Close() error {
	err := p.PartFile.Close()
	if e := p.f.fails(); e != nil {
		return e
	}
	return err
}

var content = bytes.Repeat([]byte("0123456789abcdef"), 1000)

// write is a small job: two writes, back half first.
func write(disk FS, path string, force bool) error {
	w, err := Create(disk, path, int64(len(content)), force)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, from := range []int{8000, 0} {
		if _, err := w.WriteAt(content[from:from+8000], int64(from)); err != nil {
			return err
		}
	}
	if err := w.Commit(); err != nil {
		return err
	}
	return SyncParent(disk, path)
}

// TestEveryFault fails operation 1, 2, 3 … until a run meets no fault: after each, the name holds what it held before or all of
// the new file, no part file is left, and the next run succeeds.
func TestEveryFault(t *testing.T) {
	for _, old := range []string{"", "the file from before"} {
		for n := 1; ; n++ {
			path := filepath.Join(t.TempDir(), "out")
			if old != "" {
				if err := os.WriteFile(path, []byte(old), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			disk := &faulty{left: n, err: syscall.EIO}
			err := write(disk, path, old != "")
			got, readErr := os.ReadFile(path)
			switch {
			case readErr != nil && old == "" && errors.Is(readErr, fs.ErrNotExist):
			case readErr == nil && (bytes.Equal(got, content) || string(got) == old):
			default:
				t.Fatalf("fault %d: the name holds %d bytes, %v", n, len(got), readErr)
			}
			if _, e := os.Stat(path + PartSuffix); e == nil {
				t.Fatalf("fault %d: a part file is left", n)
			}
			if err == nil && disk.left > 0 {
				if n < 8 {
					t.Fatalf("only %d operations were counted", n-1)
				}
				break
			}
			if !errors.Is(err, syscall.EIO) {
				t.Fatalf("fault %d: error %v", n, err)
			}
			if err := write(Disk, path, true); err != nil {
				t.Fatalf("after fault %d: %v", n, err)
			}
		}
	}
}

func TestNoSpaceIsKnown(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		err := write(&faulty{left: 3, err: cause}, filepath.Join(t.TempDir(), "out"), false)
		if !errors.Is(err, ErrNoSpace) || !errors.Is(err, cause) {
			t.Errorf("%v became %v", cause, err)
		}
	}
	if w, err := Create(Disk, filepath.Join(t.TempDir(), "out"), 1<<60, false); err == nil {
		w.Abort()
		t.Error("an exabyte was promised")
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	w, err := Create(Disk, path, 10, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(Disk, path, 10, false); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second writer: %v", err)
	}
	if _, err := w.WriteAt(make([]byte, 11), 0); err == nil {
		t.Error("a write beyond the end is taken")
	}
	if _, err := w.WriteAt(make([]byte, 1), -1); err == nil {
		t.Error("a write before the beginning is taken")
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("abort after commit: %v", err)
	}
	if _, err := Create(Disk, path, 10, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing file: %v", err)
	}
	if _, err := Create(Disk, dir, 10, true); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	for _, path := range []string{dir, pipe, "/dev/null"} {
		if f, err := Open(path); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path, int64(len(content))); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if _, err := ReadFile(path, 10); err == nil {
		t.Error("a file over the limit is read")
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading a file that shrank: %v", err)
	}
}
