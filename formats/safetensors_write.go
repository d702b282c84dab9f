package formats

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"quern/internal/store"
)

// safetensorsSink writes one file, or shards and their index.
type safetensorsSink struct {
	path   string
	opt    CreateOptions
	shards []*safetensorsShard
	where  []place
	index  *store.Writer
}

type safetensorsShard struct {
	path    string
	w       *store.Writer
	tensors []*Tensor
	bytes   int64
}

func createSafetensors(path string, opt CreateOptions) (Sink, error) {
	if opt.BigEndian {
		return nil, &Error{File: path, Err: Unsupported("safetensors is little endian")}
	}
	return &safetensorsSink{path: path, opt: opt}, nil
}

func (s *safetensorsSink) Begin(meta *Meta, tensors []*Tensor) error {
	sh := &safetensorsShard{}
	s.shards = []*safetensorsShard{sh}
	for _, t := range tensors {
		n, err := sizeOf(t.Type, t.Shape)
		if err != nil {
			return &Error{File: s.path, Tensor: t.Name, Err: err}
		}
		if s.opt.SplitBytes > 0 && len(sh.tensors) > 0 && sh.bytes+n > s.opt.SplitBytes {
			sh = &safetensorsShard{}
			s.shards = append(s.shards, sh)
		}
		sh.tensors = append(sh.tensors, t)
		sh.bytes += n
	}
	for no, sh := range s.shards {
		sh.path = s.path
		if len(s.shards) > 1 {
			sh.path = fmt.Sprintf("%s-%05d-of-%05d.safetensors", strings.TrimSuffix(s.path, ".safetensors"), no+1, len(s.shards))
		}
		if err := s.begin(no, sh, meta); err != nil {
			return err
		}
	}
	return s.writeIndex()
}

// begin writes the header of one file: names as JSON, in the order of the bodies, padded with spaces to 8 bytes.
func (s *safetensorsSink) begin(no int, sh *safetensorsShard, meta *Meta) error {
	var b strings.Builder
	b.WriteByte('{')
	if meta.Len() > 0 {
		texts := map[string]string{}
		for _, k := range meta.Keys() {
			v, ok := meta.Value(k).(string)
			if !ok {
				return &Error{File: sh.path, Tensor: k, Err: Unsupported("safetensors metadata holds strings only")}
			}
			texts[k] = v
		}
		fmt.Fprintf(&b, `"__metadata__":%s`, quoteJSON(texts))
	}
	at := int64(0)
	for _, t := range sh.tensors {
		dtype, err := dtypeName(t.Type)
		if err != nil {
			return &Error{File: sh.path, Tensor: t.Name, Err: err}
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		size := t.Bytes()
		fmt.Fprintf(&b, `%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, quoteJSON(t.Name), dtype, quoteJSON(append([]int{}, t.Shape...)), at, at+size)
		s.where = append(s.where, place{shard: no, off: at, size: size, typ: t.Type})
		at += size
	}
	b.WriteByte('}')
	head := b.String() + strings.Repeat(" ", (8-b.Len()%8)%8)
	start := 8 + int64(len(head))
	for i := len(s.where) - len(sh.tensors); i < len(s.where); i++ {
		s.where[i].off += start
	}
	var err error
	if sh.w, err = store.Create(store.Disk, sh.path, start+at, s.opt.Force); err != nil {
		return err
	}
	_, err = sh.w.WriteAt(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), 0)
	return err
}

// writeIndex writes the map from tensors to shards, if there is more than one.
func (s *safetensorsSink) writeIndex() error {
	if len(s.shards) == 1 {
		return nil
	}
	total, files := int64(0), map[string]string{}
	for _, sh := range s.shards {
		total += sh.bytes
		for _, t := range sh.tensors {
			files[t.Name] = filepath.Base(sh.path)
		}
	}
	text, err := json.MarshalIndent(map[string]any{"metadata": map[string]int64{"total_size": total}, "weight_map": files}, "", "  ")
	if err != nil {
		return err
	}
	path := strings.TrimSuffix(s.path, ".safetensors") + ".safetensors.index.json"
	if s.index, err = store.Create(store.Disk, path, int64(len(text)), s.opt.Force); err != nil {
		return err
	}
	_, err = s.index.WriteAt(text, 0)
	return err
}

// quoteJSON renders a value whose kinds JSON always takes.
func quoteJSON(v any) string {
	b := &strings.Builder{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings, ints and maps of strings cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

func (s *safetensorsSink) WriteAt(p []byte, tensor int, off int64) error {
	if tensor < 0 || tensor >= len(s.where) {
		return fmt.Errorf("tensor %d of %d", tensor, len(s.where))
	}
	w := s.where[tensor]
	if off < 0 || off+int64(len(p)) > w.size {
		return fmt.Errorf("write of %d bytes at %d is outside the %d of tensor %d", len(p), off, w.size, tensor)
	}
	sh := s.shards[w.shard]
	if _, err := sh.w.WriteAt(p, w.off+off); err != nil {
		return &Error{File: sh.path, Off: w.off + off, HasOff: true, Err: err}
	}
	return nil
}

// Commit names the shards first and the index last: whoever finds the index finds all of it.
func (s *safetensorsSink) Commit() error {
	for i, sh := range s.shards {
		if err := sh.w.Commit(); err != nil {
			s.takeBack(i)
			return &Error{File: sh.path, Err: err}
		}
	}
	if s.index != nil {
		if err := s.index.Commit(); err != nil {
			s.takeBack(len(s.shards))
			return err
		}
	}
	return store.SyncParent(store.Disk, s.path)
}

func (s *safetensorsSink) takeBack(n int) {
	for _, sh := range s.shards[:n] {
		_ = store.Disk.Remove(sh.path)
	}
}

func (s *safetensorsSink) Abort() {
	for _, sh := range s.shards {
		if sh.w != nil {
			sh.w.Abort()
		}
	}
	if s.index != nil {
		s.index.Abort()
	}
}
