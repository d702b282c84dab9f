package formats

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"quern/internal/store"
	"quern/quantize"
)

// A Planned tensor is what will be in a folder: stored as it is, or as codes in the parts of a Store.
type Planned struct {
	Tensor *Tensor        // Name, Shape, and Type where Codes is nil
	Codes  *quantize.Grid // nil: stored as it is
	Scale  *quantize.Type // of the scales
}

// A FolderSink writes a Hugging Face folder. Before it gives the folder its name it reads back what it wrote: every code, scale and zero
// point is compared with what was meant to be there, through the reader that opens such checkpoints.
type FolderSink struct {
	folder  *store.Folder
	inner   *safetensorsSink
	as      *Store
	planned []Planned
	first   []int // the first of the inner tensors of each
	mu      sync.Mutex
	sums    map[string]hash.Hash // by tensor, of rows in their order
	next    map[string]int       // the row that the sum wants next
}

// CreateFolder begins a Hugging Face folder; as says how codes are stored, and may be nil when there are none.
func CreateFolder(path string, as *Store, opt CreateOptions) (*FolderSink, error) {
	f, err := store.CreateFolder(path, opt.Force)
	if err != nil {
		return nil, err
	}
	opt.Force = true
	return &FolderSink{folder: f, as: as, sums: map[string]hash.Hash{}, next: map[string]int{},
		inner: &safetensorsSink{path: filepath.Join(f.Path(), "model.safetensors"), opt: opt}}, nil
}

// Begin writes headers.
func (s *FolderSink) Begin(planned []Planned) error {
	s.planned = planned
	var list []*Tensor
	for _, p := range planned {
		s.first = append(s.first, len(list))
		if p.Codes == nil {
			list = append(list, p.Tensor)
			continue
		}
		module := moduleOf(p.Tensor.Name)
		for _, part := range s.as.Parts(*p.Codes, p.Tensor.NumRows(), p.Tensor.Cols(), p.Scale) {
			list = append(list, &Tensor{Name: module + "." + part.Suffix, Shape: part.Shape, Type: part.Type})
		}
	}
	label := "pt"
	if s.as != nil {
		label = s.as.Label
	}
	var meta Meta
	meta.Set("format", label)
	return s.inner.Begin(&meta, list)
}

// moduleOf is the name of a matrix without ".weight".
func moduleOf(name string) string {
	if n := len(name) - len(".weight"); n > 0 && name[n:] == ".weight" {
		return name[:n]
	}
	return name
}

// WriteAt stores bytes of a tensor that is no codes.
func (s *FolderSink) WriteAt(p []byte, tensor int, off int64) error {
	return s.inner.WriteAt(p, s.first[tensor], off)
}

// WriteCodes stores rows of codes. The rows of one tensor come in order, in multiples of 32 except at its end; those of several tensors
// may come at the same time.
func (s *FolderSink) WriteCodes(c *quantize.Codes, tensor, row int) error {
	p := s.planned[tensor]
	fail := func(err error) error { return &Error{File: s.inner.path, Tensor: p.Tensor.Name, Err: err} }
	if err := c.Check(); err != nil {
		return fail(err)
	}
	if err := c.Sound(); err != nil {
		return fail(err)
	}
	s.mu.Lock()
	h := s.sums[p.Tensor.Name]
	if h == nil {
		h = sha256.New()
		s.sums[p.Tensor.Name] = h
	}
	wrong := s.next[p.Tensor.Name] != row || row%32 != 0
	s.next[p.Tensor.Name] = row + c.Rows
	s.mu.Unlock()
	if wrong || c.Grid != *p.Codes || c.Cols != p.Tensor.Cols() {
		return fail(fmt.Errorf("rows from %d of grid %+v are not what the plan says", row, c.Grid))
	}
	sum(h, c)
	return s.as.Pack(c, row, p.Tensor.NumRows(), p.Scale, func(part int, b []byte, off int64) error {
		return s.inner.WriteAt(b, s.first[tensor]+part, off)
	})
}

// sum adds rows to a hash: codes, scales, zero points or offsets, and the groups of columns that are not neighbours: what they decode to follows from
// these. It does not depend on how rows are divided.
func sum(h hash.Hash, c *quantize.Codes) {
	groups := c.Groups(c.Cols)
	var b, order []byte
	for _, g := range c.Order {
		order = binary.LittleEndian.AppendUint32(order, uint32(g))
	}
	for i := range c.Rows {
		h.Write(c.Q[i*c.Cols : (i+1)*c.Cols])
		b = b[:0]
		for g := range groups {
			b = appendFloat(b, c.Scale[i*groups+g])
			if c.Offset != nil {
				b = appendFloat(b, c.Offset[i*groups+g])
			} else {
				b = append(b, byte(c.ZeroOf(i, g)))
			}
		}
		h.Write(b)
		h.Write(order)
	}
}

func appendFloat(b []byte, x float32) []byte {
	v := math.Float32bits(x + 0) // one zero
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

// WriteFile stores a text file beside the weights.
func (s *FolderSink) WriteFile(name string, text []byte) error {
	if err := textName(name); err != nil {
		return err
	}
	path := filepath.Join(s.folder.Path(), filepath.FromSlash(name))
	inner := filepath.Dir(path)
	if err := os.MkdirAll(inner, 0o777); err != nil {
		return err
	}
	err := store.WriteFile(store.Disk, path, text, true)
	if err == nil && inner != s.folder.Path() {
		err = store.Disk.SyncDir(inner)
	}
	return err
}

// Commit reads the checkpoint back, compares it, and gives it its name.
func (s *FolderSink) Commit() error {
	if err := s.inner.Commit(); err != nil {
		return err
	}
	if err := s.verify(); err != nil {
		return fmt.Errorf("what was written is not what it should be, and was removed: %w", err)
	}
	return s.folder.Commit()
}

// verify opens the folder as anybody would.
func (s *FolderSink) verify() error {
	src, err := Open(s.folder.Path())
	if err != nil {
		return err
	}
	defer src.Close()
	byName := map[string]*Tensor{}
	for _, t := range src.Tensors {
		byName[t.Name] = t
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range s.planned {
		g.Go(func() error {
			t := byName[p.Tensor.Name]
			if t == nil || t.NumRows() != p.Tensor.NumRows() || t.Cols() != p.Tensor.Cols() {
				return &Error{File: src.Path, Tensor: p.Tensor.Name, Err: errors.New("missing, or of another shape")}
			}
			if p.Codes == nil {
				return nil
			}
			if err := s.compare(t, p); err != nil {
				return &Error{File: src.Path, Tensor: t.Name, Err: err}
			}
			return nil
		})
	}
	return g.Wait()
}

// compare reads all codes of a tensor again.
func (s *FolderSink) compare(t *Tensor, p Planned) error {
	c, h := CodesOf(t), sha256.New()
	if c == nil || c.Grid().Bits != p.Codes.Bits || c.Grid().Groups(t.Cols()) != p.Codes.Groups(t.Cols()) {
		return errors.New("the codes are of another grid")
	}
	var q quantize.Codes
	step := max(1, bandBytes/t.Cols()/32) * 32
	for row := 0; row < t.NumRows(); row += step {
		if err := c.ReadCodes(&q, row, min(step, t.NumRows()-row)); err != nil {
			return err
		}
		sum(h, &q)
	}
	if want := s.sums[t.Name]; want == nil || string(h.Sum(nil)) != string(want.Sum(nil)) {
		return errors.New("read again, the codes differ")
	}
	return nil
}

// Abort removes what was written.
func (s *FolderSink) Abort() {
	s.inner.Abort()
	s.folder.Abort()
}

// Describe writes the configuration of a Store into config.json, and the files that readers look for beside it.
func (s *FolderSink) Describe(config map[string]any, quantization map[string]any) error {
	delete(config, "quantization_config")
	delete(config, "quantization")
	if s.as != nil {
		for _, k := range s.as.Keys {
			config[k] = quantization
		}
		for _, f := range s.as.Files {
			if err := s.writeJSON(f, quantization); err != nil {
				return err
			}
		}
	}
	return s.writeJSON("config.json", config)
}

func (s *FolderSink) writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return s.WriteFile(name, append(text, '\n'))
}

// Path is where the files lie before Commit.
func (s *FolderSink) Path() string { return s.folder.Path() }
