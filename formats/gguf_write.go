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
	path   string
	opt    CreateOptions
	shards []*ggufShard
	where  []place // of each tensor
}

// place is where a tensor's body goes.
type place struct {
	shard int
	off   int64 // in the file
	size  int64
	typ   *quantize.Type
}

type ggufShard struct {
	path    string
	w       *store.Writer
	tensors []*Tensor
	bytes   int64 // of bodies, without padding
}

func createGGUF(path string, opt CreateOptions) (Sink, error) {
	if opt.SplitBytes < 0 || opt.SplitTensors < 0 {
		return nil, fmt.Errorf("split sizes must not be negative")
	}
	return &ggufSink{path: path, opt: opt}, nil
}

func (s *ggufSink) Begin(meta *Meta, tensors []*Tensor) error {
	s.divide(tensors)
	for no, sh := range s.shards {
		sh.path = s.path
		m := meta.Clone()
		if len(s.shards) > 1 {
			sh.path = shardName(stem(s.path), no, len(s.shards))
			if no > 0 {
				m = Meta{}
			}
			m.Set(splitNo, uint16(no))
			m.Set(splitCount, uint16(len(s.shards)))
			m.Set(splitTensors, int32(len(tensors)))
		}
		if err := s.begin(no, sh, &m); err != nil {
			return err
		}
	}
	return nil
}

// divide gives each tensor its file, in order.
func (s *ggufSink) divide(tensors []*Tensor) {
	sh := &ggufShard{}
	s.shards = []*ggufShard{sh}
	for _, t := range tensors {
		n := t.Bytes()
		full := s.opt.SplitBytes > 0 && sh.bytes+n > s.opt.SplitBytes || s.opt.SplitTensors > 0 && len(sh.tensors) >= s.opt.SplitTensors
		if full && len(sh.tensors) > 0 {
			sh = &ggufShard{}
			s.shards = append(s.shards, sh)
		}
		sh.tensors = append(sh.tensors, t)
		sh.bytes += n
	}
}

// begin lays out one file and writes its header.
func (s *ggufSink) begin(no int, sh *ggufShard, meta *Meta) error {
	align := int64(ggufAlignment)
	if n, ok := meta.Int(alignmentKey); ok && n > 0 && n&(n-1) == 0 {
		align = int64(n)
	}
	pad := func(n int64) int64 { return (n + align - 1) &^ (align - 1) }
	w := &ggufEncoder{order: binary.LittleEndian}
	if s.opt.BigEndian {
		w.order = binary.BigEndian
	}
	w.WriteString(ggufMagic)
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
			return &Error{File: sh.path, Tensor: t.Name, Err: err}
		}
		offs[i] = at
		at += pad(size)
	}
	start := pad(int64(w.Len()))
	for i, t := range sh.tensors {
		s.where = append(s.where, place{no, start + offs[i], t.Bytes(), t.Type})
	}
	var err error
	if sh.w, err = store.Create(store.Disk, sh.path, start+at, s.opt.Force); err != nil {
		return err
	}
	_, err = sh.w.WriteAt(w.Bytes(), 0)
	return err
}

func (s *ggufSink) WriteAt(p []byte, tensor int, off int64) error {
	if tensor < 0 || tensor >= len(s.where) {
		return fmt.Errorf("tensor %d of %d", tensor, len(s.where))
	}
	w := s.where[tensor]
	if off < 0 || off+int64(len(p)) > w.size {
		return fmt.Errorf("write of %d bytes at %d is outside the %d of tensor %d", len(p), off, w.size, tensor)
	}
	if s.opt.BigEndian {
		var err error
		if p, err = bigEndian(p, w.typ, off); err != nil {
			return err
		}
	}
	sh := s.shards[w.shard]
	if _, err := sh.w.WriteAt(p, w.off+off); err != nil {
		return &Error{File: sh.path, Off: w.off + off, HasOff: true, Err: err}
	}
	return nil
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

func (s *ggufSink) Commit() error {
	for i, sh := range s.shards {
		if err := sh.w.Commit(); err != nil {
			s.removeCommitted(i)
			return &Error{File: sh.path, Err: err}
		}
	}
	return store.SyncParent(store.Disk, s.path)
}

// removeCommitted takes back the first n files of a split whose later file failed: all or nothing.
func (s *ggufSink) removeCommitted(n int) {
	for _, sh := range s.shards[:n] {
		_ = store.Disk.Remove(sh.path)
	}
}

func (s *ggufSink) Abort() {
	for _, sh := range s.shards {
		if sh.w != nil {
			sh.w.Abort()
		}
	}
}

// ggufEncoder writes the header's pieces.
type ggufEncoder struct {
	bytes.Buffer
	order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
}

func (w *ggufEncoder) u32(v uint32) { w.Write(w.order.AppendUint32(nil, v)) }
func (w *ggufEncoder) u64(v uint64) { w.Write(w.order.AppendUint64(nil, v)) }

func (w *ggufEncoder) str(s string) {
	w.u64(uint64(len(s)))
	w.WriteString(s)
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
		_ = binary.Write(w, w.order, v) // a Buffer takes every write, and the set of kinds is closed
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
		_ = binary.Write(w, w.order, v)
	}
}
