package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// what testdata/make.py wrote: the words, null as "-", and the two columns of the messages.
func wanted(name string, i int) string {
	words := []string{"once", "upon", "-", "a time", "", "once", "größe 大小", "once", strings.Repeat("x", 300), "upon"}
	roles, contents := []string{"user", "assistant"}, []string{fmt.Sprintf("question %d", i), fmt.Sprintf("answer %d", i)}
	if i == 4 {
		contents[1] = "-"
	}
	n := i % 3
	if i == 7 {
		n = 0
	}
	switch name {
	case "text":
		return words[i]
	case "messages.list.element.role":
		return strings.Join(roles[:n], "|")
	}
	return strings.Join(contents[:n], "|")
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func files(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	list, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(list) != 7 {
		t.Fatalf("%d files, %v", len(list), err)
	}
	for _, path := range list {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".parquet")] = b
	}
	return all
}

func TestReadsWhatPyarrowWrites(t *testing.T) {
	for name, b := range files(t) {
		f, err := open(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f.Rows != 10 || len(f.Leaves) != 4 || f.Leaf("nosuch") >= 0 {
			t.Fatalf("%s: %d rows, columns %v", name, f.Rows, f.Leaves)
		}
		if _, err := f.Texts(f.Leaf("id")); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: numbers read as text: %v", name, err)
		}
		for _, column := range []string{"text", "messages.list.element.role", "messages.list.element.content"} {
			rows, err := f.Texts(f.Leaf(column))
			if name == "brotli" {
				if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "Brotli") {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", name, column, err)
			}
			for i, r := range rows {
				var got []string
				for _, s := range r {
					if s == nil {
						got = append(got, "-")
					} else {
						got = append(got, *s)
					}
				}
				if strings.Join(got, "|") != wanted(column, i) {
					t.Errorf("%s, %s, row %d: %q, want %q", name, column, i, got, wanted(column, i))
				}
			}
		}
	}
}

// readAll reads every column; what it returns matters less than that it returns.
func readAll(b []byte) error {
	f, err := open(b)
	if err != nil {
		return err
	}
	for i := range f.Leaves {
		if _, e := f.Texts(i); e != nil && f.Leaves[i].Strings {
			err = e
		}
	}
	return err
}

// A file that is cut anywhere is refused; one with a changed byte is refused or read, but nothing worse happens.
func TestDamage(t *testing.T) {
	for name, b := range files(t) {
		if name == "brotli" {
			continue
		}
		for n := range b {
			if err := readAll(b[:n]); err == nil {
				t.Errorf("%s cut to %d bytes was read", name, n)
			}
			c := bytes.Clone(b)
			c[n] ^= []byte{0xff, 0x80, 0x01}[n%3]
			if err := readAll(c); err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s with byte %d changed: %v", name, n, err)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) { _ = readAll(b) })
}
