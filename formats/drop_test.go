package formats

import (
	"io"
	"strings"
	"testing"
)

// A dropper remembers what was dropped.
type dropper struct {
	io.ReaderAt
	off, n int64
}

func (d *dropper) Drop(off, n int64) { d.off, d.n = off, n }

func TestDropReachesTheFile(t *testing.T) {
	d := &dropper{ReaderAt: strings.NewReader("0123456789")}
	Drop(io.NewSectionReader(io.NewSectionReader(d, 2, 7), 1, 4), 1, 9)
	if d.off != 4 || d.n != 3 {
		t.Errorf("bytes %d to %d, want 4 to 7", d.off, d.off+d.n)
	}
	Drop(strings.NewReader("nothing to drop"), 0, 5)
}
