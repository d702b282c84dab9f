// Package parquet reads the columns of text and of whole numbers of Parquet files, which is how data sets are published: in groups and lists
// of any depth, plain, by dictionary or by differences, in pages of either version.
// https://parquet.apache.org/docs/file-format
package parquet

import (
	"encoding/binary"
	"io"
	"strconv"
	"strings"
)

// A File is open for reading. Opening reads its footer only.
type File struct {
	Rows   int64
	Leaves []Leaf
	r      io.ReaderAt
	size   int64
	groups []fields
}

// A Leaf is a column of values.
type Leaf struct {
	Path     []string // of groups, and its own name
	MaxDef   int      // the definition level of a value that is there
	MaxRep   int      // how many lists it lies in
	Strings  bool     // its values are byte arrays
	Integer  int      // bytes of its values where they are whole numbers, else 0
	RowLevel int      // the definition level at which the outermost list has an element, 0 outside lists
}

func (l *Leaf) String() string { return strings.Join(l.Path, ".") }

const (
	magic       = "PAR1"
	encrypted   = "PARE"
	integer32   = 1
	integer64   = 2
	byteArray   = 6
	optional    = 1
	repeated    = 2
	schemaDepth = 64
	rowsMost    = 1 << 27
)

// Open reads the footer of a file of the given size.
func Open(r io.ReaderAt, size int64) (*File, error) {
	var ends [12]byte
	if size < 12 {
		return nil, corrupt("%d bytes are no Parquet file", size)
	}
	if _, err := r.ReadAt(ends[:4], 0); err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(ends[4:], size-8); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(ends[4:]))
	switch {
	case string(ends[8:]) == encrypted:
		return nil, unsupported("it is encrypted")
	case string(ends[:4]) != magic || string(ends[8:]) != magic:
		return nil, corrupt("it does not begin and end with %q", magic)
	case length > size-12:
		return nil, corrupt("a footer of %d bytes is announced, the file has %d", length, size)
	}
	foot := make([]byte, length)
	if _, err := r.ReadAt(foot, size-8-length); err != nil {
		return nil, err
	}
	meta, err := (&thrift{p: foot}).structure(0)
	if err != nil {
		return nil, err
	}
	f := &File{Rows: meta.num(3, 0), r: r, size: size, groups: meta.subs(4)}
	if f.Rows < 0 || f.Rows > rowsMost {
		return nil, unsupported("a file of %d rows", f.Rows)
	}
	return f, f.schema(meta.subs(2))
}

// schema turns the flat list of the footer, in which a group precedes its members, into leaves.
func (f *File) schema(list []fields) error {
	if len(list) == 0 {
		return corrupt("there is no schema")
	}
	at := 1
	var walk func(n int64, in Leaf) error
	walk = func(n int64, in Leaf) error {
		for ; n > 0; n-- {
			if at >= len(list) || len(in.Path) > schemaDepth {
				return corrupt("the schema ends too early, or is too deep")
			}
			e := list[at]
			at++
			l := in
			l.Path = append(in.Path[:len(in.Path):len(in.Path)], e.text(4))
			switch e.num(3, 0) {
			case optional:
				l.MaxDef++
			case repeated:
				l.MaxDef++
				if l.MaxRep++; l.MaxRep == 1 {
					l.RowLevel = l.MaxDef
				}
			}
			if e.has(5) {
				if err := walk(e.num(5, 0), l); err != nil {
					return err
				}
				continue
			}
			l.Strings = e.num(1, -1) == byteArray
			l.Integer = map[int64]int{integer32: 4, integer64: 8}[e.num(1, -1)]
			f.Leaves = append(f.Leaves, l)
		}
		return nil
	}
	if err := walk(list[0].num(5, 0), Leaf{}); err != nil {
		return err
	}
	for i, g := range f.groups {
		if len(g.subs(1)) != len(f.Leaves) {
			return corrupt("row group %d has %d columns, the schema %d", i, len(g.subs(1)), len(f.Leaves))
		}
	}
	return nil
}

// Column calls visit with every value of a leaf, by its number, in order: its repetition and definition level, and its bytes, nil where there is
// none. They are valid during the call.
func (f *File) Column(leaf int, visit func(rep, def int, value []byte) error) error {
	if l := &f.Leaves[leaf]; !l.Strings {
		return unsupported("column %s holds no text", l)
	}
	return f.column(leaf, visit)
}

func (f *File) column(leaf int, visit func(rep, def int, value []byte) error) error {
	l := &f.Leaves[leaf]
	if !l.Strings && l.Integer == 0 {
		return unsupported("column %s holds neither text nor whole numbers", l)
	}
	for _, g := range f.groups {
		chunk := g.subs(1)[leaf]
		if chunk.text(1) != "" {
			return unsupported("column %s lies in another file", l)
		}
		if err := f.chunk(l, chunk.sub(3), visit); err != nil {
			return err
		}
	}
	return nil
}

// A Row is what a leaf has in one row: a value, or those of its list; nil where an element is null.
type Row []*string

// Texts reads a leaf whole. A row outside lists has one element; lists within lists become one.
func (f *File) Texts(leaf int) ([]Row, error) {
	if l := &f.Leaves[leaf]; !l.Strings {
		return nil, unsupported("column %s holds no text", l)
	}
	return f.Values(leaf)
}

// Values reads a leaf of texts, or of whole numbers, which become decimal texts.
func (f *File) Values(leaf int) ([]Row, error) {
	l := &f.Leaves[leaf]
	var rows []Row
	err := f.column(leaf, func(rep, def int, value []byte) error {
		if rep == 0 {
			if rows = append(rows, nil); int64(len(rows)) > f.Rows {
				return corrupt("column %s has more rows than the file", l)
			}
		}
		if len(rows) == 0 {
			return corrupt("column %s begins within a list", l)
		}
		if def < l.RowLevel {
			return nil // a list without elements
		}
		var s *string
		if value != nil {
			v := l.text(value)
			s = &v
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], s)
		return nil
	})
	if err == nil && int64(len(rows)) != f.Rows {
		err = corrupt("column %s has %d rows, the file %d", l, len(rows), f.Rows)
	}
	return rows, err
}

// text is a value as text.
func (l *Leaf) text(value []byte) string {
	switch l.Integer {
	case 4:
		return strconv.Itoa(int(int32(binary.LittleEndian.Uint32(value))))
	case 8:
		return strconv.FormatInt(int64(binary.LittleEndian.Uint64(value)), 10)
	}
	return string(value)
}

// Leaf finds a column by its path, -1 where there is none.
func (f *File) Leaf(path string) int {
	for i := range f.Leaves {
		if f.Leaves[i].String() == path {
			return i
		}
	}
	return -1
}
