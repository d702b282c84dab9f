package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Thrift's compact protocol, of which the headers of a Parquet file are made, read without a schema: numbers become int64, texts
// []byte, lists []any, structures fields.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

// fields are those of a structure by their numbers.
type fields map[int16]any

// ErrCorrupt is inside the error for a file that contradicts the format; ErrUnsupported for one that uses what is not read.
var (
	ErrCorrupt     = errors.New("corrupt Parquet file")
	ErrUnsupported = errors.New("unsupported Parquet feature")
)

func corrupt(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, a...))
}

func unsupported(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, a...))
}

// The kinds of values.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

const thriftDepth = 32 // deeper than any header is

// thrift reads values from p.
type thrift struct {
	p   []byte
	pos int
}

var errThriftEnd = corrupt("a header goes on after its end")

func (t *thrift) byte() (byte, error) {
	if t.pos >= len(t.p) {
		return 0, errThriftEnd
	}
	t.pos++
	return t.p[t.pos-1], nil
}

func (t *thrift) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.p[t.pos:])
	if n <= 0 {
		return 0, errThriftEnd
	}
	t.pos += n
	return v, nil
}

// int reads a number, whose sign is its lowest bit.
func (t *thrift) int() (int64, error) {
	v, err := t.uvarint()
	return int64(v>>1) ^ -int64(v&1), err
}

func (t *thrift) take(n uint64) ([]byte, error) {
	if n > uint64(len(t.p)-t.pos) {
		return nil, errThriftEnd
	}
	t.pos += int(n)
	return t.p[t.pos-int(n) : t.pos], nil
}

// structure reads fields up to the end mark.
func (t *thrift) structure(depth int) (fields, error) {
	if depth > thriftDepth {
		return nil, corrupt("a header is nested too deeply")
	}
	f, id := fields{}, int16(0)
	for {
		head, err := t.byte()
		if err != nil || head == 0 {
			return f, err
		}
		if delta := int16(head >> 4); delta > 0 {
			id += delta
		} else {
			n, err := t.int()
			if err != nil {
				return nil, err
			}
			id = int16(n)
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse {
			f[id] = kind == thriftTrue
			continue
		}
		if f[id], err = t.value(kind, depth); err != nil {
			return nil, err
		}
	}
}

func (t *thrift) value(kind byte, depth int) (any, error) {
	switch kind {
	case thriftTrue, thriftFalse: // inside a list a byte
		b, err := t.byte()
		return b == thriftTrue, err
	case thriftByte:
		b, err := t.byte()
		return int64(int8(b)), err
	case thriftI16, thriftI32, thriftI64:
		return t.int()
	case thriftDouble:
		return t.take(8)
	case thriftBinary:
		n, err := t.uvarint()
		if err != nil {
			return nil, err
		}
		return t.take(n)
	case thriftList, thriftSet:
		return t.list(depth + 1)
	case thriftStruct:
		return t.structure(depth + 1)
	}
	return nil, corrupt("a header has a value of kind %d", kind)
}

func (t *thrift) list(depth int) ([]any, error) {
	head, err := t.byte()
	if err != nil {
		return nil, err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = t.uvarint(); err != nil {
			return nil, err
		}
	}
	if depth > thriftDepth || n > uint64(len(t.p)-t.pos) { // each takes a byte at least
		return nil, errThriftEnd
	}
	list := make([]any, 0, n)
	for range n {
		v, err := t.value(head&15, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// The fields of a structure; one of another kind counts as absent.

func (f fields) num(id int16, absent int64) int64 {
	if v, ok := f[id].(int64); ok {
		return v
	}
	return absent
}

func (f fields) text(id int16) string { b, _ := f[id].([]byte); return string(b) }
func (f fields) sub(id int16) fields  { s, _ := f[id].(fields); return s }
func (f fields) has(id int16) bool    { _, ok := f[id]; return ok }

// subs are the structures of a list.
func (f fields) subs(id int16) []fields {
	list, _ := f[id].([]any)
	out := make([]fields, 0, len(list))
	for _, v := range list {
		s, _ := v.(fields)
		out = append(out, s)
	}
	return out
}
