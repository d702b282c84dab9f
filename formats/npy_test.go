package formats

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNPY(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	f, err := CreateNPY(path, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	if err := f.Write([]float32{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if f.Commit() == nil {
		t.Fatal("an incomplete array was committed")
	}
	if err := f.Write([]float32{5, -6}); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := "{'descr': '<f4', 'fortran_order': False, 'shape': (2,3,), }"
	want := "\x93NUMPY\x01\x00\x76\x00" + text + strings.Repeat(" ", 117-len(text)) + "\n" +
		"\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\xc0\xc0"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
