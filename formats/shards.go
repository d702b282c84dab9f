package formats

import (
	"fmt"

	"quern/internal/store"
	"quern/quantize"
)

// A shard is one file of a checkpoint that is being written.
type shard struct {
	path    string
	w       *store.Writer
	tensors []*Tensor
	bytes   int64 // of bodies, without padding
	size    int64 // of the file
}

// shards are the files of a checkpoint and the place of each tensor's body in them: what sinks have in common.
type shards struct {
	files []*shard
	where []place // by tensor
}

// place is where a body goes.
type place struct {
	shard int
	off   int64 // in the file
	size  int64
	typ   *quantize.Type
}

// divide gives each tensor its file, in order; a file has at least one. 0 is no limit.
func (s *shards) divide(tensors []*Tensor, bytes int64, count int) {
	sh := &shard{}
	s.files = []*shard{sh}
	for _, t := range tensors {
		n := t.Bytes()
		full := bytes > 0 && sh.bytes+n > bytes || count > 0 && len(sh.tensors) >= count
		if full && len(sh.tensors) > 0 {
			sh = &shard{}
			s.files = append(s.files, sh)
		}
		sh.tensors = append(sh.tensors, t)
		sh.bytes += n
	}
}

// bounds is the place of a tensor, if n bytes from off are inside its body.
func (s *shards) bounds(tensor int, off, n int64) (place, error) {
	if tensor < 0 || tensor >= len(s.where) {
		return place{}, fmt.Errorf("tensor %d of %d", tensor, len(s.where))
	}
	w := s.where[tensor]
	if off < 0 || off > w.size || n > w.size-off {
		return place{}, fmt.Errorf("write of %d bytes at %d is outside the %d of tensor %d", n, off, w.size, tensor)
	}
	return w, nil
}

func (s *shards) WriteAt(p []byte, tensor int, off int64) error {
	w, err := s.bounds(tensor, off, int64(len(p)))
	if err != nil {
		return err
	}
	sh := s.files[w.shard]
	if _, err := sh.w.WriteAt(p, w.off+off); err != nil {
		return &Error{File: sh.path, Off: w.off + off, HasOff: true, Err: err}
	}
	return nil
}

// Commit names the files in order. If one fails, those before it lose their names again: all or nothing.
func (s *shards) Commit() error {
	for i, sh := range s.files {
		if err := sh.w.Commit(); err != nil {
			for _, done := range s.files[:i] {
				_ = store.Disk.Remove(done.path)
			}
			return &Error{File: sh.path, Err: err}
		}
	}
	return store.SyncParent(store.Disk, s.files[0].path)
}

func (s *shards) Abort() {
	for _, sh := range s.files {
		if sh.w != nil {
			sh.w.Abort()
		}
	}
}
