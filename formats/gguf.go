package formats

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"strings"

	"quern/internal/store"
	"quern/quantize"
)

// GGUF is ggml's file format, versions 2 and 3:
//
//	"GGUF"  u32 version  u64 tensors  u64 keys
//	keys    string name, u32 kind, value
//	infos   string name, u32 n, n × u64 dimension (fastest first), u32 ggml_type, u64 offset from the bodies' start
//	zeros to a multiple of general.alignment (32)
//	bodies  each padded to the alignment
//
// A string is a u64 length and bytes; all numbers are in the byte order of the file.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
var GGUF = register(Format{
	Name: "gguf",
	Sniff: func(path string, head []byte, dir bool) bool {
		return !dir && (len(head) >= 4 && string(head[:4]) == ggufMagic || strings.HasSuffix(path, ".gguf"))
	},
	Open:   openGGUF,
	Create: createGGUF,
})

const (
	ggufMagic     = "GGUF"
	ggufAlignment = 32
	alignmentKey  = "general.alignment"
	maxName       = 63 // bytes of a tensor name that ggml keeps
)

// ggufFile is one file, parsed.
type ggufFile struct {
	path    string
	file    *store.File
	order   binary.ByteOrder
	meta    Meta
	tensors []*Tensor
}

func openGGUF(path string) (*Source, error) {
	g, err := parseGGUF(path)
	if err != nil {
		return nil, err
	}
	src := &Source{Path: path, Format: byName("gguf"), Meta: g.meta, Tensors: g.tensors, Close: g.file.Close, File: noFile, Files: []string{path}}
	if g.meta.Has(splitCount) {
		return joinShards(src, g)
	}
	return src, nil
}

func noFile(name string) ([]byte, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func parseGGUF(path string) (*ggufFile, error) {
	f, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	g := &ggufFile{path: path, file: f}
	if err := g.parse(f, f.Size()); err != nil {
		f.Close()
		return nil, err
	}
	return g, nil
}

// parse reads the header of a file of the given size.
func (g *ggufFile) parse(src io.ReaderAt, size int64) error {
	r := newGGUFReader(src, size)
	err := g.header(r)
	var located *Error
	if errors.As(err, &located) {
		located.File = g.path
		return err
	}
	if err != nil {
		return &Error{File: g.path, Off: r.pos, HasOff: true, Err: err}
	}
	return nil
}

func (g *ggufFile) header(r *ggufReader) error {
	version, err := r.preamble()
	if err != nil {
		return err
	}
	g.order = r.order
	if version == 1 {
		return Unsupported("GGUF version 1 is older than any that is still in use; convert the original checkpoint again")
	}
	if version != 2 && version != 3 {
		return Unsupported("GGUF version %d; quern reads 2 and 3", version)
	}
	tensors, err := r.count(4+8+8+4+8, "tensors") // the least that a tensor's entry occupies
	if err != nil {
		return err
	}
	keys, err := r.count(8+4+1, "keys")
	if err != nil {
		return err
	}
	for range keys {
		if err := g.key(r); err != nil {
			return err
		}
	}
	infos := make([]ggufInfo, 0, min(tensors, 1<<16))
	for range tensors {
		info, err := r.info()
		if err != nil {
			return err
		}
		infos = append(infos, info)
	}
	return g.place(r, infos)
}

func (g *ggufFile) key(r *ggufReader) error {
	name, err := r.str()
	if err != nil {
		return err
	}
	if name == "" || g.meta.Has(name) {
		return Corrupt("key %.100q is empty or comes twice", name)
	}
	val, err := r.value()
	if err != nil {
		return &Error{Tensor: name, Off: r.pos, HasOff: true, Err: err}
	}
	g.meta.Set(name, val)
	return nil
}

// place checks that bodies follow one another as ggml demands, and makes the tensors readable.
func (g *ggufFile) place(r *ggufReader, infos []ggufInfo) error {
	align := int64(ggufAlignment)
	if g.meta.Has(alignmentKey) {
		n, ok := g.meta.Int(alignmentKey)
		if !ok || n <= 0 || n > 1<<20 || n&(n-1) != 0 {
			return Corrupt("%s is %v, want a power of two", alignmentKey, g.meta.Value(alignmentKey))
		}
		align = int64(n)
	}
	start := (r.pos + align - 1) &^ (align - 1)
	at, seen := int64(0), make(map[string]bool, len(infos))
	for _, info := range infos {
		t := &Tensor{Name: info.name, Shape: info.shape, Type: info.typ}
		fail := func(err error) error { return &Error{Tensor: t.Name, Off: start + at, HasOff: true, Err: err} }
		if seen[t.Name] {
			return fail(Corrupt("tensor name comes twice"))
		}
		seen[t.Name] = true
		size, err := sizeOf(t.Type, t.Shape)
		if err != nil {
			return fail(err)
		}
		if info.offset != uint64(at) {
			return fail(Corrupt("offset %d, want %d: bodies follow one another", info.offset, at))
		}
		if start > r.size-at || size > r.size-start-at {
			return fail(Corrupt("the body of %d bytes ends after the file, which has %d", size, r.size))
		}
		raw := io.ReaderAt(io.NewSectionReader(r.src, start+at, size))
		if g.order == binary.BigEndian {
			if raw, err = littleEndian(raw, t.Type, size); err != nil {
				return fail(err)
			}
		}
		readable(t, raw, g.path, start+at)
		g.tensors = append(g.tensors, t)
		at += (size + align - 1) &^ (align - 1)
	}
	return nil
}

// ggufInfo is a tensor's entry.
type ggufInfo struct {
	name   string
	shape  []int // outermost first: GGUF's order reversed
	typ    *quantize.Type
	offset uint64
}

func (r *ggufReader) info() (info ggufInfo, err error) {
	if info.name, err = r.str(); err != nil {
		return info, err
	}
	fail := func(err error) (ggufInfo, error) {
		return info, &Error{Tensor: info.name, Off: r.pos, HasOff: true, Err: err}
	}
	if info.name == "" || len(info.name) > maxName {
		return fail(Corrupt("tensor name has %d bytes, want 1 to %d", len(info.name), maxName))
	}
	n, err := r.u32()
	if err != nil {
		return fail(err)
	}
	if n < 1 || n > 4 {
		return fail(Corrupt("%d dimensions, want 1 to 4", n))
	}
	info.shape = make([]int, n)
	for i := range info.shape {
		d, err := r.u64()
		if err != nil {
			return fail(err)
		}
		if d == 0 || d > 1<<62 {
			return fail(Corrupt("dimension %d is %d", i, d))
		}
		info.shape[int(n)-1-i] = int(d)
	}
	id, err := r.u32()
	if err != nil {
		return fail(err)
	}
	if info.typ = quantize.ByID(id); info.typ == nil {
		return fail(unknownType(id))
	}
	info.offset, err = r.u64()
	return info, err
}

// swaps are the places of the 16-bit fields in blocks; a type whose Block is 1 is a single number.
var swaps = map[uint32][]int{
	2: {0}, 3: {0, 2}, 6: {0}, 7: {0, 2}, 8: {0}, // Q4_0 Q4_1 Q5_0 Q5_1 Q8_0
	10: {80, 82}, 11: {108}, 12: {0, 2}, 13: {0, 2}, 14: {208}, // Q2_K … Q6_K
	20: {0}, 34: {52}, 35: {64}, 39: {}, 40: {}, 41: {0}, 42: {0}, // IQ4_NL TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0 Q2_0
}

// littleEndian turns the body of a big-endian file around as it is read.
func littleEndian(raw io.ReaderAt, t *quantize.Type, size int64) (io.ReaderAt, error) {
	fields, ok := swaps[t.ID]
	if t.Block > 1 && !ok {
		return nil, Unsupported("big-endian %s is not supported", t.Name)
	}
	return &swapper{raw, t, fields, size}, nil
}

// swapper reads whole blocks and reverses the bytes of their numbers.
type swapper struct {
	raw    io.ReaderAt
	t      *quantize.Type
	fields []int
	size   int64
}

func (s *swapper) ReadAt(p []byte, off int64) (int, error) {
	b := int64(s.t.Bytes)
	from := off / b * b
	to := min((off+int64(len(p))+b-1)/b*b, s.size)
	if off < 0 || to < off+int64(len(p)) {
		return 0, io.ErrUnexpectedEOF
	}
	buf := make([]byte, to-from)
	if _, err := s.raw.ReadAt(buf, from); err != nil {
		return 0, err
	}
	for at := 0; at < len(buf); at += s.t.Bytes {
		s.swap(buf[at : at+s.t.Bytes])
	}
	return copy(p, buf[off-from:]), nil
}

// swap reverses the numbers of one block, in place; it is its own inverse.
func (s *swapper) swap(block []byte) {
	if s.t.Block == 1 {
		for i, j := 0, len(block)-1; i < j; i, j = i+1, j-1 {
			block[i], block[j] = block[j], block[i]
		}
		return
	}
	for _, f := range s.fields {
		block[f], block[f+1] = block[f+1], block[f]
	}
}
