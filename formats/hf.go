package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"quern/internal/store"
)

// HF is a Hugging Face folder: config.json, tokenizer files, and weights in one safetensors file or in shards that
// model.safetensors.index.json lists; in pytorch_model.bin, where there are no others; in Mistral's own layout; or as matrices lie on the ranks
// that serve them.
var HF = register(Format{
	Name:  "hf",
	Sniff: func(_ string, _ []byte, dir bool) bool { return dir },
	Open:  openHF,
})

// A layout is a kind of weight files that a folder may have.
type layout struct {
	index          string // the file that lists shards
	prefix, suffix string // of their names
	read           func(r io.ReaderAt, size int64, path string, meta *Meta) ([]*Tensor, error)
}

// layouts are tried in this order.
var layouts = []layout{
	{indexName, "model", ".safetensors", readSafetensors},
	{"pytorch_model.bin.index.json", "pytorch_model", ".bin", readTorchFile},
	{"consolidated.safetensors.index.json", native, ".safetensors", readSafetensors},
	{"pytorch_model.safetensors.index.json", ranked, ".safetensors", readSafetensors},
}

const native = "consolidated"

// ranked begins the names of files that hold parts of matrices (ranks.go).
const ranked = "pytorch_model-"

const indexName = "model.safetensors.index.json"

func openHF(dir string) (*Source, error) {
	src := Folder(dir)
	of, names, index, err := weightFiles(dir, src)
	if err != nil {
		return nil, err
	}
	var files []*store.File
	src.Close = func() error {
		var errs []error
		for _, f := range files {
			errs = append(errs, f.Close())
		}
		return errors.Join(errs...)
	}
	owner := map[string]string{}
	for _, name := range names {
		path := filepath.Join(dir, name)
		src.Files = append(src.Files, path)
		f, err := store.Open(path)
		switch {
		case err == nil:
			files = append(files, f)
			err = of.addShard(src, f, path, name, owner)
		case index != nil && errors.Is(err, fs.ErrNotExist):
			err = &Error{File: path, Err: fmt.Errorf("the file is missing, %s names it: %w", of.index, fs.ErrNotExist), Hint: "the folder is not complete: fetch it again"}
		}
		if err != nil {
			src.Close()
			return nil, err
		}
	}
	if index != nil {
		if err := agree(filepath.Join(dir, of.index), index, owner); err != nil {
			src.Close()
			return nil, err
		}
	}
	switch of.prefix {
	case native:
		err = asHF(src)
	case ranked:
		err = joinRanks(src)
	default:
		err = withConfig(src)
	}
	if err == nil {
		err = assemble(src)
	}
	if err != nil {
		src.Close()
		return nil, err
	}
	return src, nil
}

// addShard reads one file's header; owner remembers which file a tensor came from.
func (l *layout) addShard(src *Source, f *store.File, path, name string, owner map[string]string) error {
	head, err := headOf(f, f.Size())
	if err == nil {
		err = mistaken(path, head)
	}
	if err != nil {
		return err
	}
	var meta Meta
	tensors, err := l.read(f, f.Size(), path, &meta)
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if l.prefix == ranked {
			t.Name += rankSeparator + rankOf(name)
		}
		if first, ok := owner[t.Name]; ok {
			return &Error{File: path, Tensor: t.Name, Err: Corrupt("the tensor is also in %s", first)}
		}
		owner[t.Name] = name
	}
	src.Tensors = append(src.Tensors, tensors...)
	for _, k := range meta.Keys() {
		if !src.Meta.Has(k) {
			src.Meta.Set(k, meta.Value(k))
		}
	}
	return nil
}

// weightFiles lists the files that hold weights, by the reference converter's rule: those of an index if there is one, else
// all whose names begin and end as those of the layout do, sorted.
func weightFiles(dir string, src *Source) (of *layout, names []string, index map[string]string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range layouts {
		of = &layouts[i]
		raw, err := src.File(of.index)
		if err == nil {
			if index, err = parseIndex(raw); err != nil {
				return nil, nil, nil, &Error{File: filepath.Join(dir, of.index), Err: err}
			}
			return of, shardsOf(index), index, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil, err
		}
		for _, e := range entries {
			if n := e.Name(); strings.HasPrefix(n, of.prefix) && strings.HasSuffix(n, of.suffix) && (of.prefix != ranked || strings.Contains(n, rankMark)) {
				names = append(names, n)
			}
		}
		if len(names) > 0 {
			sort.Strings(names)
			return of, names, nil, nil
		}
	}
	return nil, nil, nil, noWeights(dir, entries)
}

func noWeights(dir string, entries []fs.DirEntry) error {
	e := &Error{File: dir, Err: Unsupported("the folder has no model*.safetensors, no pytorch_model*.bin and no consolidated*.safetensors"), Hint: "name a folder in the Hugging Face layout, a .safetensors or a .gguf file"}
	for _, entry := range entries {
		if n := entry.Name(); isTorch(n) || strings.HasSuffix(n, ".safetensors") || strings.HasSuffix(n, ".gguf") {
			e.Hint = "name the file itself: " + filepath.Join(dir, n)
		}
	}
	return e
}

// parseIndex reads the weight map of an index: tensor name to file name.
func parseIndex(raw []byte) (map[string]string, error) {
	index := map[string]string{}
	s := &scanner{p: raw}
	found := false
	err := s.object(func(name string) error {
		if name != "weight_map" {
			return s.skip()
		}
		found = true
		return s.object(func(tensor string) error {
			file, err := s.str()
			if err == nil {
				err = plainName(file)
			}
			index[tensor] = file
			return err
		})
	})
	switch {
	case err != nil:
		return nil, err
	case !found || len(index) == 0:
		return nil, Corrupt("the index has no weight_map")
	}
	return index, nil
}

// skip passes over any JSON value.
func (s *scanner) skip() error {
	d := json.NewDecoder(strings.NewReader(string(s.p[s.pos:])))
	var v json.RawMessage
	if err := d.Decode(&v); err != nil {
		return Corrupt("index: %v", err)
	}
	s.pos += int(d.InputOffset())
	return nil
}

func shardsOf(index map[string]string) []string {
	seen := map[string]bool{}
	var names []string
	for _, f := range index {
		if !seen[f] {
			seen[f] = true
			names = append(names, f)
		}
	}
	sort.Strings(names)
	return names
}

// agree sees that the index names exactly the tensors that the files hold, each where it is.
func agree(path string, index, owner map[string]string) error {
	fail := func(tensor string, err error) error { return &Error{File: path, Tensor: tensor, Err: err} }
	for _, t := range sortedKeys(index) {
		switch owner[t] {
		case index[t]:
		case "":
			return fail(t, Corrupt("the index puts the tensor into %s, which does not hold it", index[t]))
		default:
			return fail(t, Corrupt("the index puts the tensor into %s, it is in %s", index[t], owner[t]))
		}
	}
	for _, t := range sortedKeys(owner) {
		if _, ok := index[t]; !ok {
			return fail(t, Corrupt("%s holds a tensor that the index does not name", owner[t]))
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
