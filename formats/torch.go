package formats

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Torch is one file that torch.save wrote, since version 1.6 a ZIP archive: NAME/data.pkl, a pickle of a dictionary of
// tensors, and NAME/data/KEY for each storage, the bytes of all tensors that are views of it. Entries are stored, not
// compressed, so that rows can be read where they are. Nothing in the pickle is executed, see pickle.go.
// https://docs.pytorch.org/docs/stable/notes/serialization.html
var Torch = register(Format{
	Name: "torch",
	Sniff: func(path string, head []byte, dir bool) bool {
		return !dir && (isTorch(path) && bytes.HasPrefix(head, []byte("PK\x03\x04")) || legacyTorch(head))
	},
	Open: openTorch,
})

func isTorch(path string) bool {
	return slices.Contains([]string{".bin", ".pt", ".pth", ".ckpt"}, strings.ToLower(filepath.Ext(path)))
}

// legacyTorch recognises what torch.save wrote before: several pickles in a row, the first of a number.
func legacyTorch(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"))
}

func openTorch(path string) (*Source, error) {
	return openAlone(path, "torch", readTorchFile)
}

// readTorchFile is readTorch as the tables call it: the archive says nothing about itself.
func readTorchFile(r io.ReaderAt, size int64, path string, _ *Meta) ([]*Tensor, error) {
	return readTorch(r, size, path)
}

// A torchFile is an open archive.
type torchFile struct {
	path    string
	r       io.ReaderAt
	size    int64
	prefix  string // NAME/
	entries map[string]*zip.File
	places  map[string]span // of the storages that were asked for

	numbers map[string]int64 // that the dictionary may hold beside tensors; nil: none
}

// span is where an entry's bytes lie in the file.
type span struct{ off, size int64 }

// readTorch reads the pickle of an archive and returns its tensors in the order of their names.
func readTorch(r io.ReaderAt, size int64, path string) ([]*Tensor, error) {
	return readTorchBeside(r, size, path, nil)
}

// ReadTorchBeside reads an archive that holds whole numbers beside tensors; path names it in errors.
func ReadTorchBeside(r io.ReaderAt, size int64, path string) ([]*Tensor, map[string]int64, error) {
	numbers := map[string]int64{}
	tensors, err := readTorchBeside(r, size, path, numbers)
	return tensors, numbers, err
}

// readTorchBeside puts whole numbers into a map, or refuses them where that is nil.
func readTorchBeside(r io.ReaderAt, size int64, path string, numbers map[string]int64) ([]*Tensor, error) {
	t := &torchFile{path: path, r: r, size: size, entries: map[string]*zip.File{}, places: map[string]span{}, numbers: numbers}
	data, at, err := t.open()
	if err != nil {
		return nil, err
	}
	k := &pickle{p: data, globals: torchGlobals, stored: t.storage}
	root, err := k.run()
	if err != nil {
		return nil, &Error{File: path, Off: at + int64(k.pos), HasOff: true, Err: err}
	}
	tensors, err := t.tensors(root)
	if err != nil {
		return nil, err
	}
	sort.Slice(tensors, func(i, j int) bool { return tensors[i].Name < tensors[j].Name })
	for i := 1; i < len(tensors); i++ {
		if tensors[i].Name == tensors[i-1].Name {
			return nil, &Error{File: path, Tensor: tensors[i].Name, Err: Corrupt("the name comes twice")}
		}
	}
	return tensors, nil
}

const resave = "load it in torch and save it again, as safetensors best of all"

// open reads the archive's directory and the pickle in it; at is where the pickle begins.
func (t *torchFile) open() (data []byte, at int64, err error) {
	fail := func(err error) error { return &Error{File: t.path, Err: err} }
	head := make([]byte, min(t.size, 512))
	if _, err := t.r.ReadAt(head, 0); err != nil {
		return nil, 0, fail(err)
	}
	if legacyTorch(head) || len(head) > 262 && string(head[257:262]) == "ustar" {
		return nil, 0, &Error{File: t.path, Err: Unsupported("the file was saved by torch before 1.6, or in its old format, which is not read"), Hint: resave}
	}
	z, err := zip.NewReader(t.r, t.size)
	if err != nil {
		return nil, 0, fail(Corrupt("not a ZIP archive as torch writes it: %v", err))
	}
	for _, e := range z.File {
		if t.entries[e.Name] != nil {
			return nil, 0, fail(Corrupt("the archive has %.100q twice", e.Name))
		}
		t.entries[e.Name] = e
		if name, ok := strings.CutSuffix(e.Name, "/data.pkl"); ok && !strings.Contains(name, "/") {
			t.prefix = name + "/"
		}
	}
	switch {
	case t.entries[t.prefix+"constants.pkl"] != nil:
		return nil, 0, &Error{File: t.path, Err: Unsupported("the file is a TorchScript program, not a dictionary of tensors"), Hint: resave}
	case t.prefix == "":
		return nil, 0, fail(Unsupported("the archive has no data.pkl: torch has not written it"))
	}
	if data, _, err = t.read("byteorder", 16); err != nil {
		return nil, 0, err
	}
	if data != nil && string(data) != "little" {
		return nil, 0, fail(Unsupported("numbers in %.20q byte order are not read", data))
	}
	return t.read("data.pkl", maxPickle)
}

// read returns a small entry and where it lies; nil for one that is not there.
func (t *torchFile) read(name string, most int64) ([]byte, int64, error) {
	if t.entries[t.prefix+name] == nil {
		return nil, 0, nil
	}
	at, err := t.find(name)
	if err != nil {
		return nil, 0, err
	}
	if at.size > most {
		return nil, 0, &Error{File: t.path, Off: at.off, HasOff: true, Err: Unsupported("%s has %d bytes, more than %d", name, at.size, most)}
	}
	p := make([]byte, at.size)
	if _, err := t.r.ReadAt(p, at.off); err != nil && at.size > 0 {
		return nil, 0, &Error{File: t.path, Off: at.off, HasOff: true, Err: err}
	}
	return p, at.off, nil
}

// find says where an entry's bytes lie.
func (t *torchFile) find(name string) (span, error) {
	e := t.entries[t.prefix+name]
	fail := func(err error) error { return &Error{File: t.path, Tensor: name, Err: err} }
	if e == nil {
		return span{}, fail(Corrupt("the archive has no such entry"))
	}
	if e.Method != zip.Store || e.UncompressedSize64 != e.CompressedSize64 {
		return span{}, &Error{File: t.path, Tensor: name, Err: Unsupported("the entry is compressed, which torch does not do"), Hint: resave}
	}
	if e.Flags&1 != 0 {
		return span{}, fail(Unsupported("the entry is encrypted"))
	}
	off, err := e.DataOffset()
	if err != nil {
		return span{}, fail(Corrupt("the archive's directory does not lead to the entry: %v", err))
	}
	if off < 0 || off > t.size || e.UncompressedSize64 > uint64(t.size-off) {
		return span{}, fail(Corrupt("the entry's %d bytes at %d are more than the file has", e.UncompressedSize64, off))
	}
	return span{off, int64(e.UncompressedSize64)}, nil
}
