package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What is dropped can be read again, and is the same.
func TestDropAndFreeMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(i * i >> 5)
	}
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Drop(4096, 1<<19)
	f.Drop(0, 1<<40)
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != string(want) {
		t.Errorf("after dropping: %v", err)
	}
	if n := FreeMemory(); n < 0 || runtime.GOOS == "linux" && n < 1<<20 {
		t.Errorf("%d bytes are free", n)
	}
}
