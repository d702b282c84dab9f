package tokenizer

import (
	"os"
	"path/filepath"
	"testing"
)

// shared is the path of reference data that lies beside the repository. A test that needs it skips without it, unless
// QUERN_REQUIRE_SHARED is 1.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("QUERN_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(dir, "go.mod")) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if !exists(path) {
		if os.Getenv("QUERN_REQUIRE_SHARED") == "1" {
			t.Fatalf("%s is required and absent", path)
		}
		t.Skipf("%s is absent", path)
	}
	return path
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
