package cpu

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLastCache(t *testing.T) {
	dir := t.TempDir()
	if n := lastCache(dir); n != 0 {
		t.Errorf("%d bytes where nothing is said", n)
	}
	for index, size := range map[string]string{"index0": "32K\n", "index1": "1M\n", "index2": "8192K\n", "index3": "much\n"} {
		if err := os.Mkdir(filepath.Join(dir, index), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, index, "size"), []byte(size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := lastCache(dir); n != 8<<20 {
		t.Errorf("%d bytes, want 8 MiB", n)
	}
}
