package formats

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
)

// ggufReader reads the header of a GGUF. Every count is held against the bytes that are left before anything is allocated.
type ggufReader struct {
	src   io.ReaderAt
	buf   *bufio.Reader
	order binary.ByteOrder
	pos   int64
	size  int64
}

func newGGUFReader(src io.ReaderAt, size int64) *ggufReader {
	buf := bufio.NewReaderSize(io.NewSectionReader(src, 0, size), 1<<16)
	return &ggufReader{src: src, buf: buf, order: binary.LittleEndian, size: size}
}

// preamble reads magic and version, and finds the byte order: the low half of a version is never zero.
func (r *ggufReader) preamble() (version uint32, err error) {
	magic, err := r.fixed(4)
	if r.size < 4 || err == nil && string(magic) != ggufMagic {
		return 0, Corrupt("the file does not begin with %q", ggufMagic)
	}
	if err != nil {
		return 0, err
	}
	if version, err = r.u32(); err == nil && version&0xffff == 0 {
		r.order = binary.BigEndian
		version = version>>24 | version>>8&0xff00
	}
	return version, err
}

func (r *ggufReader) left() int64 { return r.size - r.pos }

// bytes reads n bytes, which the file must have.
func (r *ggufReader) bytes(n int64) ([]byte, error) {
	if n < 0 || n > r.left() {
		return nil, Corrupt("%d bytes are announced, %d are left in the file", n, r.left())
	}
	p := make([]byte, n)
	m, err := io.ReadFull(r.buf, p)
	r.pos += int64(m)
	return p, err
}

// fixed reads up to 8 bytes without allocating.
func (r *ggufReader) fixed(n int) ([]byte, error) {
	if int64(n) > r.left() {
		return nil, Corrupt("the header goes on after the end of the file")
	}
	p, err := r.buf.Peek(n)
	if err != nil {
		return nil, err
	}
	r.pos += int64(n)
	_, err = r.buf.Discard(n)
	return p, err
}

func (r *ggufReader) u32() (uint32, error) {
	p, err := r.fixed(4)
	if err != nil {
		return 0, err
	}
	return r.order.Uint32(p), nil
}

func (r *ggufReader) u64() (uint64, error) {
	p, err := r.fixed(8)
	if err != nil {
		return 0, err
	}
	return r.order.Uint64(p), nil
}

// count reads a number of things that occupy at least each bytes.
func (r *ggufReader) count(each int64, what string) (int, error) {
	n, err := r.u64()
	if err != nil {
		return 0, err
	}
	if n > uint64(r.left()/each) {
		return 0, Corrupt("%d %s are announced, the %d bytes left have room for %d", n, what, r.left(), r.left()/each)
	}
	return int(n), nil
}

func (r *ggufReader) str() (string, error) {
	n, err := r.count(1, "bytes of a string")
	if err != nil {
		return "", err
	}
	if n <= r.buf.Size() {
		p, err := r.buf.Peek(n)
		if err != nil {
			return "", err
		}
		s := string(p)
		r.pos += int64(n)
		_, err = r.buf.Discard(n)
		return s, err
	}
	p, err := r.bytes(int64(n))
	return string(p), err
}

// strs reads n strings. Of many, those that lie whole in the buffer share one copy of it: vocabularies have a hundred thousand.
func (r *ggufReader) strs(n int) ([]string, error) {
	const many = 64
	out := make([]string, 0, n)
	for len(out) < n {
		if n-len(out) >= many {
			out = r.buffered(out, n)
		}
		if len(out) == n {
			break
		}
		s, err := r.str()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// buffered appends strings until there are n, or the next one is not whole in the buffer.
func (r *ggufReader) buffered(out []string, n int) []string {
	const prefix = 8
	p, _ := r.buf.Peek(r.buf.Buffered())
	text, at := string(p), 0
	for len(out) < n && len(p)-at >= prefix {
		size := r.order.Uint64(p[at:])
		if size > uint64(len(p)-at-prefix) {
			break
		}
		out = append(out, text[at+prefix:][:size])
		at += prefix + int(size)
	}
	r.pos += int64(at)
	_, _ = r.buf.Discard(at) // what is buffered can be discarded
	return out
}

// The kinds of values.
const (
	kindU8 = iota
	kindI8
	kindU16
	kindI16
	kindU32
	kindI32
	kindF32
	kindBool
	kindString
	kindArray
	kindU64
	kindI64
	kindF64
)

// value reads a kind and a value of it.
func (r *ggufReader) value() (any, error) {
	kind, err := r.u32()
	if err != nil {
		return nil, err
	}
	if kind == kindArray {
		if kind, err = r.u32(); err != nil {
			return nil, err
		}
		return r.array(kind)
	}
	list, err := r.items(kind, 1)
	if err != nil {
		return nil, err
	}
	switch v := list.(type) {
	case []uint8:
		return v[0], nil
	case []int8:
		return v[0], nil
	case []uint16:
		return v[0], nil
	case []int16:
		return v[0], nil
	case []uint32:
		return v[0], nil
	case []int32:
		return v[0], nil
	case []uint64:
		return v[0], nil
	case []int64:
		return v[0], nil
	case []float32:
		return v[0], nil
	case []float64:
		return v[0], nil
	case []bool:
		return v[0], nil
	}
	return list.([]string)[0], nil
}

func (r *ggufReader) array(kind uint32) (any, error) {
	width, ok := kindWidth[kind]
	switch {
	case kind == kindArray:
		return nil, Unsupported("arrays of arrays are not supported")
	case !ok:
		return nil, Corrupt("value kind %d does not exist", kind)
	}
	n, err := r.count(width, "values")
	if err != nil {
		return nil, err
	}
	return r.items(kind, n)
}

// kindWidth is the least that a value occupies.
var kindWidth = map[uint32]int64{kindU8: 1, kindI8: 1, kindU16: 2, kindI16: 2, kindU32: 4, kindI32: 4, kindF32: 4, kindBool: 1,
	kindString: 8, kindU64: 8, kindI64: 8, kindF64: 8}

// items reads n values of one kind; the caller has seen that the file has room for them.
func (r *ggufReader) items(kind uint32, n int) (any, error) {
	if kind == kindString {
		return r.strs(n)
	}
	width, ok := kindWidth[kind]
	if !ok {
		return nil, Corrupt("value kind %d does not exist", kind)
	}
	p, err := r.bytes(width * int64(n))
	if err != nil {
		return nil, err
	}
	o := r.order
	switch kind {
	case kindU8:
		return p, nil
	case kindI8:
		return decode(p, 1, func(p []byte) int8 { return int8(p[0]) }), nil
	case kindU16:
		return decode(p, 2, o.Uint16), nil
	case kindI16:
		return decode(p, 2, func(p []byte) int16 { return int16(o.Uint16(p)) }), nil
	case kindU32:
		return decode(p, 4, o.Uint32), nil
	case kindI32:
		return decode(p, 4, func(p []byte) int32 { return int32(o.Uint32(p)) }), nil
	case kindF32:
		return decode(p, 4, func(p []byte) float32 { return math.Float32frombits(o.Uint32(p)) }), nil
	case kindBool:
		return r.bools(p)
	case kindU64:
		return decode(p, 8, o.Uint64), nil
	case kindI64:
		return decode(p, 8, func(p []byte) int64 { return int64(o.Uint64(p)) }), nil
	}
	return decode(p, 8, func(p []byte) float64 { return math.Float64frombits(o.Uint64(p)) }), nil
}

func decode[T any](p []byte, width int, one func([]byte) T) []T {
	out := make([]T, len(p)/width)
	for i := range out {
		out[i] = one(p[i*width:])
	}
	return out
}

func (r *ggufReader) bools(p []byte) (any, error) {
	for _, b := range p {
		if b > 1 {
			return nil, Corrupt("a bool is %d, want 0 or 1", b)
		}
	}
	return decode(p, 1, func(p []byte) bool { return p[0] == 1 }), nil
}
