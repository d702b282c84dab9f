package formats

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"quern/internal/store"
)

// safetensorsSink writes one file, or shards and their index, which is the last of its files: whoever finds it finds all.
type safetensorsSink struct {
	shards
	path string
	opt  CreateOptions
}

func createSafetensors(path string, opt CreateOptions) (Sink, error) {
	if opt.BigEndian {
		return nil, &Error{File: path, Err: Unsupported("safetensors is little endian")}
	}
	return &safetensorsSink{path: path, opt: opt}, nil
}

func (s *safetensorsSink) Begin(meta *Meta, tensors []*Tensor) error {
	for _, t := range tensors {
		if _, err := sizeOf(t.Type, t.Shape); err != nil {
			return &Error{File: s.path, Tensor: t.Name, Err: err}
		}
	}
	s.divide(tensors, s.opt.SplitBytes, s.opt.SplitTensors)
	for no, sh := range s.files {
		sh.path = s.path
		if len(s.files) > 1 {
			sh.path = fmt.Sprintf("%s-%05d-of-%05d.safetensors", strings.TrimSuffix(s.path, ".safetensors"), no+1, len(s.files))
		}
		if err := s.begin(no, sh, meta); err != nil {
			return err
		}
	}
	if len(s.files) > 1 {
		return s.writeIndex()
	}
	return nil
}

// begin writes the header of one file: names as JSON, in the order of the bodies, padded with spaces to 8 bytes.
func (s *safetensorsSink) begin(no int, sh *shard, meta *Meta) error {
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

// writeIndex writes the map from tensors to shards.
func (s *safetensorsSink) writeIndex() error {
	total, files := int64(0), map[string]string{}
	for _, sh := range s.files {
		total += sh.bytes
		for _, t := range sh.tensors {
			files[t.Name] = filepath.Base(sh.path)
		}
	}
	text, err := json.MarshalIndent(map[string]any{"metadata": map[string]int64{"total_size": total}, "weight_map": files}, "", "  ")
	if err != nil {
		return err
	}
	index := &shard{path: strings.TrimSuffix(s.path, ".safetensors") + ".safetensors.index.json"}
	if index.w, err = store.Create(store.Disk, index.path, int64(len(text)), s.opt.Force); err != nil {
		return err
	}
	s.files = append(s.files, index)
	_, err = index.w.WriteAt(text, 0)
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
