package formats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Many strings are read out of the buffer at once: wherever one lies in it, in either byte order, they are what reading one after the
// other gives, and a file that ends in one is an error at its place.
func TestManyStrings(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		var file []byte
		var want []string
		for i := range 3000 {
			n := i * 7919 % 61
			switch {
			case i%1000 == 500:
				n = 1<<16 - 8 // with its length exactly the buffer
			case i%1000 == 700:
				n = 1<<16 + i
			case i%100 == 0:
				n = 0
			}
			s := strings.Repeat(string(rune('a'+i%26)), n)
			file = append(order.(binary.AppendByteOrder).AppendUint64(file, uint64(n)), s...)
			want = append(want, s)
		}
		reader := func(size int) *ggufReader {
			r := newGGUFReader(bytes.NewReader(file[:size]), int64(size))
			r.order = order
			return r
		}
		r := reader(len(file))
		got, err := r.strs(len(want))
		if err != nil || !slices.Equal(got, want) || r.pos != int64(len(file)) {
			t.Fatalf("%v: %d strings of %d to byte %d of %d: %v", order, len(got), len(want), r.pos, len(file), err)
		}
		for cut := len(file) - 1; cut > 0; cut -= 9973 {
			if _, err := reader(cut).strs(len(want)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v, cut to %d bytes: %v", order, cut, err)
			}
		}
	}
}
