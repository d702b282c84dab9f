package model

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// shared finds reference data beside the repository, or skips.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("QUERN_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		for err == nil && root == "" && dir != filepath.Dir(dir) {
			if _, no := os.Stat(filepath.Join(dir, "go.mod")); no == nil {
				root = filepath.Join(dir, "..", "shared")
			}
			dir = filepath.Dir(dir)
		}
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("QUERN_REQUIRE_SHARED") == "1" {
			t.Fatalf("reference data required: %v", err)
		}
		t.Skipf("no reference data: %v", err)
	}
	return path
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readFloats(t testing.TB, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}
