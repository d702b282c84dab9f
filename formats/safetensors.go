package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"

	"quern/internal/store"
	"quern/quantize"
)

// Safetensors is one file of the safetensors format:
//
//	u64 n                 little endian, at most 100 MB
//	n bytes of JSON       {"__metadata__": {string: string}, NAME: {"dtype": "BF16", "shape": [..], "data_offsets": [a, b]}, …}
//	bodies                without holes, row-major, little endian
//
// https://github.com/huggingface/safetensors#format
var Safetensors = register(Format{
	Name: "safetensors",
	Sniff: func(path string, head []byte, dir bool) bool {
		return !dir && (strings.HasSuffix(path, ".safetensors") || len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= maxHeader)
	},
	Open:   openSafetensors,
	Create: createSafetensors,
})

const maxHeader = 100_000_000 // the reference's limit

func openSafetensors(path string) (*Source, error) {
	return openAlone(path, "safetensors", readSafetensors)
}

// openAlone opens one file of weights; the texts of its folder belong to it.
func openAlone(path, format string, read func(r io.ReaderAt, size int64, path string, meta *Meta) ([]*Tensor, error)) (*Source, error) {
	src := Folder(filepath.Dir(path))
	src.Path, src.Format, src.Files = path, byName(format), []string{path}
	f, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	src.Close = f.Close
	src.Tensors, err = read(f, f.Size(), path, &src.Meta)
	if err == nil {
		err = assemble(src)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return src, nil
}

// ReadSafetensors reads a small file that does not stand for itself, which stays open as long as its tensors are used.
func ReadSafetensors(r io.ReaderAt, size int64, path string) ([]*Tensor, error) {
	return readSafetensors(r, size, path, new(Meta))
}

// readSafetensors reads the header of a file and returns its tensors in the order of their names, as the reference does.
func readSafetensors(r io.ReaderAt, size int64, path string, meta *Meta) ([]*Tensor, error) {
	fail := func(off int64, err error) error { return &Error{File: path, Off: off, HasOff: true, Err: err} }
	var head [8]byte
	if size < 8 {
		return nil, fail(0, Corrupt("%d bytes are too few for a safetensors header", size))
	}
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, fail(0, err)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxHeader || n > uint64(size-8) {
		return nil, fail(0, Corrupt("header of %d bytes in a file of %d; at most %d are allowed", n, size, maxHeader))
	}
	p := make([]byte, n)
	if n > 0 {
		if _, err := r.ReadAt(p, 8); err != nil {
			return nil, fail(8, err)
		}
	}
	h := &safetensorsHeader{scanner: scanner{p: p}, meta: meta}
	if err := h.parse(); err != nil {
		return nil, fail(8+int64(h.pos), err)
	}
	return h.place(r, path, 8+int64(n), size-8-int64(n))
}

type safetensorsHeader struct {
	scanner
	meta    *Meta
	tensors []*spanned
}

// spanned is a tensor and the bytes that the header gives it.
type spanned struct {
	*Tensor
	dtype    string
	from, to int64
}

func (h *safetensorsHeader) parse() error {
	if len(h.p) == 0 || h.p[0] != '{' {
		return Corrupt("header does not begin with {")
	}
	err := h.object(func(name string) error {
		if name == "__metadata__" {
			return h.object(func(key string) error {
				val, err := h.str()
				if err == nil {
					h.meta.Set(key, val)
				}
				return err
			})
		}
		return h.tensor(name)
	})
	if err != nil {
		return err
	}
	if h.peek() != 0 {
		return Corrupt("header has %q after its end", h.p[h.pos])
	}
	return nil
}

func (h *safetensorsHeader) tensor(name string) error {
	t := &spanned{Tensor: &Tensor{Name: name}, from: -1, to: -1}
	shape := false
	err := h.object(func(key string) (err error) {
		switch key {
		case "dtype":
			t.dtype, err = h.str()
		case "shape":
			shape = true
			err = h.list(func() error { return h.dim(t.Tensor) })
		case "data_offsets":
			var ends []int64
			err = h.list(func() error {
				n, err := h.integer()
				ends = append(ends, n)
				return err
			})
			if err == nil && len(ends) != 2 {
				err = Corrupt("tensor %.100q has %d data_offsets, want 2", name, len(ends))
			}
			if err == nil {
				t.from, t.to = ends[0], ends[1]
			}
		default:
			err = Corrupt("tensor %.100q has an unknown field %.100q", name, key)
		}
		return err
	})
	if err != nil {
		return err
	}
	if t.dtype == "" || !shape || t.from < 0 {
		return Corrupt("tensor %.100q lacks dtype, shape or data_offsets", name)
	}
	h.tensors = append(h.tensors, t)
	return nil
}

func (h *safetensorsHeader) dim(t *Tensor) error {
	n, err := h.integer()
	if err != nil {
		return err
	}
	if len(t.Shape) == maxDims {
		return Corrupt("tensor %.100q has more than %d dimensions", t.Name, maxDims)
	}
	t.Shape = append(t.Shape, int(n))
	return nil
}

// place checks that the bodies fill the file without holes, and makes the tensors readable.
func (h *safetensorsHeader) place(r io.ReaderAt, path string, start, size int64) ([]*Tensor, error) {
	sort.SliceStable(h.tensors, func(i, j int) bool { return h.tensors[i].from < h.tensors[j].from })
	at := int64(0)
	for _, t := range h.tensors {
		fail := func(err error) error {
			return &Error{File: path, Tensor: t.Name, Off: start + t.from, HasOff: true, Err: err}
		}
		if t.Type = dtypes[t.dtype]; t.Type == nil {
			return nil, fail(Unsupported("dtype %.40q is not one that quern reads", t.dtype))
		}
		want, err := sizeOf(t.Type, t.Shape)
		switch {
		case err != nil:
			return nil, fail(err)
		case t.from != at:
			return nil, fail(Corrupt("data_offsets [%d,%d] leave a hole or overlap: the tensor before ends at %d", t.from, t.to, at))
		case t.to-t.from != want:
			return nil, fail(Corrupt("data_offsets [%d,%d] hold %d bytes, shape %v %s needs %d", t.from, t.to, t.to-t.from, t.Shape, t.dtype, want))
		case t.to > size:
			return nil, fail(Corrupt("data_offsets [%d,%d] end after the %d bytes of the file's bodies", t.from, t.to, size))
		}
		at = t.to
		readable(t.Tensor, io.NewSectionReader(r, start+t.from, want), path, start+t.from)
	}
	if at != size {
		return nil, &Error{File: path, Off: start + at, HasOff: true, Err: Corrupt("%d bytes follow the last tensor", size-at)}
	}
	out := make([]*Tensor, len(h.tensors))
	for i, t := range h.tensors {
		out[i] = t.Tensor
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// dtypes are the names that safetensors gives to storage types.
var dtypes = map[string]*quantize.Type{
	"F64": quantize.F64, "F32": quantize.F32, "F16": quantize.F16, "BF16": quantize.BF16,
	"F8_E4M3": quantize.F8_E4M3, "F8_E5M2": quantize.F8_E5M2, "F8_E8M0": quantize.F8_E8M0,
	"I64": quantize.I64, "I32": quantize.I32, "I16": quantize.I16, "I8": quantize.I8,
	"U64": quantize.U64, "U32": quantize.U32, "U16": quantize.U16, "U8": quantize.U8, "BOOL": quantize.BOOL,
	"F4": quantize.F4, "F6_E2M3": quantize.F6_E2M3, "F6_E3M2": quantize.F6_E3M2, "C64": quantize.C64,
}

// dtypeName is the inverse of dtypes.
func dtypeName(t *quantize.Type) (string, error) {
	for name, o := range dtypes {
		if o == t {
			return name, nil
		}
	}
	return "", Unsupported("safetensors has no dtype for %s", t.Name)
}

// Folder is a source without tensors: the text files of a folder.
func Folder(dir string) *Source {
	const limit = 512 << 20
	return &Source{Path: dir, Format: byName("hf"), Close: func() error { return nil }, File: func(name string) ([]byte, error) {
		if err := textName(name); err != nil {
			return nil, err
		}
		p, err := store.ReadFile(filepath.Join(dir, name), limit)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading beside the weights: %w", err)
		}
		return p, err
	}}
}

// textName refuses names of text files that leave the folder; they may lie one folder deeper.
func textName(name string) error {
	inner, file, nested := strings.Cut(name, "/")
	if !nested {
		return plainName(name)
	}
	if err := plainName(inner); err != nil {
		return err
	}
	return plainName(file)
}

// plainName refuses names that leave the folder.
func plainName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || !filepath.IsLocal(name) {
		return Corrupt("file name %.100q is not a plain name inside the folder", name)
	}
	return nil
}
