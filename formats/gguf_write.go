package formats

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"quern/internal/store"
	"quern/quantize"
)

// ggufSink writes one GGUF, or a split one. Unlike the reference writer it also writes empty strings and lists: a key that
// was set is there.
type ggufSink struct {
	shards
	path string
	opt  CreateOptions
}

func createGGUF(path string, opt CreateOptions) (Sink, error) {
	if opt.SplitBytes < 0 || opt.SplitTensors < 0 {
		return nil, fmt.Errorf("split sizes must not be negative")
	}
	return &ggufSink{path: path, opt: opt}, nil
}

func (s *ggufSink) Begin(meta *Meta, tensors []*Tensor) error {
	headers, err := s.layOut(meta, tensors, false)
	if err != nil {
		return err
	}
	for i, sh := range s.files {
		if sh.w, err = store.Create(store.Disk, sh.path, sh.size, s.opt.Force); err != nil {
			return err
		}
		if _, err = sh.w.WriteAt(headers[i].text, 0); err != nil {
			return err
		}
	}
	return nil
}

// A FileSize is a file of a checkpoint to be: its name, the bytes of its header and of all.
type FileSize struct {
	Path   string `json:"path"`
	Header int64  `json:"header_bytes"`
	Bytes  int64  `json:"bytes"`
}

// GGUFSizes says what Create("gguf", …) and Begin would make, without making it.
func GGUFSizes(path string, meta *Meta, tensors []*Tensor, opt CreateOptions) ([]FileSize, error) {
	s := &ggufSink{path: path, opt: opt}
	headers, err := s.layOut(meta, tensors, true)
	if err != nil {
		return nil, err
	}
	var out []FileSize
	for i, sh := range s.files {
		out = append(out, FileSize{sh.path, headers[i].size, sh.size})
	}
	return out, nil
}

// layOut divides tensors into files and makes the headers, or only counts their bytes.
func (s *ggufSink) layOut(meta *Meta, tensors []*Tensor, count bool) (headers []*ggufEncoder, err error) {
	s.divide(tensors, s.opt.SplitBytes, s.opt.SplitTensors)
	for no, sh := range s.files {
		sh.path = s.path
		m := meta.Clone()
		if len(s.files) > 1 {
			sh.path = shardName(stem(s.path), no, len(s.files))
			if no > 0 {
				m = Meta{}
			}
			m.Set(splitNo, uint16(no))
			m.Set(splitCount, uint16(len(s.files)))
			m.Set(splitTensors, int32(len(tensors)))
		}
		h, err := s.header(no, sh, &m, count)
		if err != nil {
			return nil, err
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// header lays out one file.
func (s *ggufSink) header(no int, sh *shard, meta *Meta, count bool) (*ggufEncoder, error) {
	align := int64(ggufAlignment)
	if n, ok := meta.Int(alignmentKey); ok && n > 0 && n&(n-1) == 0 {
		align = int64(n)
	}
	pad := func(n int64) int64 { return (n + align - 1) &^ (align - 1) }
	w := &ggufEncoder{order: binary.LittleEndian, count: count}
	if s.opt.BigEndian {
		w.order = binary.BigEndian
	}
	w.put(ggufMagic)
	w.u32(3)
	w.u64(uint64(len(sh.tensors)))
	w.u64(uint64(meta.Len()))
	for _, k := range meta.Keys() {
		w.str(k)
		w.value(meta.Value(k))
	}
	at := int64(0)
	offs := make([]int64, len(sh.tensors))
	for i, t := range sh.tensors {
		size, err := sizeOf(t.Type, t.Shape)
		if err == nil {
			err = w.info(t, at)
		}
		if err == nil && s.opt.BigEndian {
			_, err = littleEndian(nil, t.Type, size)
		}
		if err != nil {
			return nil, &Error{File: sh.path, Tensor: t.Name, Err: err}
		}
		offs[i] = at
		at += pad(size)
	}
	start := pad(w.size)
	for i, t := range sh.tensors {
		s.where = append(s.where, place{no, start + offs[i], t.Bytes(), t.Type})
	}
	sh.size = start + at
	return w, nil
}

func (s *ggufSink) WriteAt(p []byte, tensor int, off int64) error {
	if s.opt.BigEndian {
		w, err := s.bounds(tensor, off, int64(len(p)))
		if err == nil {
			p, err = bigEndian(p, w.typ, off)
		}
		if err != nil {
			return err
		}
	}
	return s.shards.WriteAt(p, tensor, off)
}

// bigEndian returns a copy of whole blocks with their numbers turned around.
func bigEndian(p []byte, t *quantize.Type, off int64) ([]byte, error) {
	if off%int64(t.Bytes) != 0 || len(p)%t.Bytes != 0 {
		return nil, fmt.Errorf("a big-endian write of %s must be whole blocks", t.Name)
	}
	out := bytes.Clone(p)
	sw := swapper{t: t, fields: swaps[t.ID]}
	for at := 0; at < len(out); at += t.Bytes {
		sw.swap(out[at : at+t.Bytes])
	}
	return out, nil
}

// ggufEncoder writes the header's pieces, or only counts their bytes: a plan has no use for the text of a vocabulary.
type ggufEncoder struct {
	text  []byte
	size  int64
	count bool
	order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
}

func (w *ggufEncoder) u32(v uint32) {
	w.size += 4
	if !w.count {
		w.text = w.order.AppendUint32(w.text, v)
	}
}

func (w *ggufEncoder) u64(v uint64) {
	w.size += 8
	if !w.count {
		w.text = w.order.AppendUint64(w.text, v)
	}
}

func (w *ggufEncoder) put(s string) {
	w.size += int64(len(s))
	if !w.count {
		w.text = append(w.text, s...)
	}
}

func (w *ggufEncoder) str(s string) {
	w.u64(uint64(len(s)))
	w.put(s)
}

// numbers writes a number, a truth value, or a list of either.
func (w *ggufEncoder) numbers(v any) {
	w.size += int64(binary.Size(v))
	if !w.count {
		w.text, _ = binary.Append(w.text, w.order, v) // the set of kinds is closed
	}
}

func (w *ggufEncoder) info(t *Tensor, off int64) error {
	if t.Name == "" || len(t.Name) > maxName {
		return Unsupported("tensor name has %d bytes, GGUF allows 1 to %d", len(t.Name), maxName)
	}
	if t.Type.ID == quantize.NoID {
		return Unsupported("GGUF has no type %s", t.Type.Name)
	}
	if len(t.Shape) < 1 || len(t.Shape) > 4 {
		return Unsupported("%d dimensions, GGUF allows 1 to 4", len(t.Shape))
	}
	w.str(t.Name)
	w.u32(uint32(len(t.Shape)))
	for i := len(t.Shape) - 1; i >= 0; i-- {
		w.u64(uint64(t.Shape[i]))
	}
	w.u32(t.Type.ID)
	w.u64(uint64(off))
	return nil
}

// kindOf maps the closed set of metadata types to GGUF's numbers.
var kindOf = map[reflect.Kind]uint32{
	reflect.Uint8: kindU8, reflect.Int8: kindI8, reflect.Uint16: kindU16, reflect.Int16: kindI16, reflect.Uint32: kindU32, reflect.Int32: kindI32,
	reflect.Float32: kindF32, reflect.Bool: kindBool, reflect.String: kindString, reflect.Uint64: kindU64, reflect.Int64: kindI64, reflect.Float64: kindF64,
}

func (w *ggufEncoder) value(v any) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		w.u32(kindOf[rv.Kind()])
		w.item(v)
		return
	}
	w.u32(kindArray)
	w.u32(kindOf[rv.Type().Elem().Kind()])
	w.u64(uint64(rv.Len()))
	switch list := v.(type) {
	case []string:
		for _, s := range list {
			w.str(s)
		}
	default:
		w.numbers(v)
	}
}

func (w *ggufEncoder) item(v any) {
	switch v := v.(type) {
	case string:
		w.str(v)
	case float32:
		w.u32(math.Float32bits(v))
	case uint32:
		w.u32(v)
	default:
		w.numbers(v)
	}
}
