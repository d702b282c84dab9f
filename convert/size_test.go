package convert

import (
	"path/filepath"
	"testing"
)

// The plan knows the names of a divided output's files, and their sizes to the byte.
func TestSplitSizes(t *testing.T) {
	src := madeUp(t, nil)
	for _, opt := range []RunOptions{{}, {SplitTensors: 3}, {SplitBytes: 100_000}} {
		p := plan(t, src, "Q4_0", Options{})
		if err := p.Name(filepath.Join(t.TempDir(), "model.gguf"), opt); err != nil {
			t.Fatal(err)
		}
		if err := Run(t.Context(), []*Plan{p}, opt); err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, f := range p.Files {
			if n := fileSize(t, f.Path); n != f.Bytes || f.Header <= 0 || f.Header >= n {
				t.Errorf("%+v: %s has %d bytes, the plan said %+v", opt, f.Path, n, f)
			}
			sum += f.Bytes
		}
		if sum != p.FileBytes() || (opt.SplitTensors == 0 && opt.SplitBytes == 0) != (len(p.Files) == 1) {
			t.Errorf("%d bytes in %d files, the plan said %d", sum, len(p.Files), p.FileBytes())
		}
	}
}
