// Package golden finds reference data that quern did not make, for tests. It lies beside the repository, never in it.
package golden

import (
	"os"
	"path/filepath"
	"testing"
)

// Path is where reference data lies: below QUERN_SHARED, or in the folder "shared" beside the repository. A test that needs what
// is not there skips, unless QUERN_REQUIRE_SHARED is 1: then it fails.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("QUERN_SHARED")
	if root == "" {
		root = filepath.Join(repository(t), "..", "shared")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("QUERN_REQUIRE_SHARED") == "1" {
			t.Fatalf("reference data is demanded and absent: %v", err)
		}
		t.Skipf("reference data is absent: %v", err)
	}
	return path
}

// repository is the folder of go.mod, above the package under test.
func repository(t testing.TB) string {
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatalf("no go.mod above the test: %v", err)
	return ""
}
