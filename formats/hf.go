package formats

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"quern/internal/store"
)

// HF is a Hugging Face folder: config.json, tokenizer files, and weights in one safetensors file or in shards that
// model.safetensors.index.json lists.
var HF = register(Format{
	Name:  "hf",
	Sniff: func(_ string, _ []byte, dir bool) bool { return dir },
	Open:  openHF,
})

const indexName = "model.safetensors.index.json"

func openHF(dir string) (*Source, error) {
	src := Folder(dir)
	names, index, err := weightFiles(dir, src)
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
		if err == nil {
			files = append(files, f)
			err = addShard(src, f, path, name, owner)
		}
		if err != nil {
			src.Close()
			return nil, err
		}
	}
	if index != nil {
		if err := agree(filepath.Join(dir, indexName), index, owner); err != nil {
			src.Close()
			return nil, err
		}
	}
	if err := assemble(src); err != nil {
		src.Close()
		return nil, err
	}
	return src, nil
}

// addShard reads one file's header; owner remembers which file a tensor came from.
func addShard(src *Source, f *store.File, path, name string, owner map[string]string) error {
	var meta Meta
	tensors, err := readSafetensors(f, f.Size(), path, &meta)
	if err != nil {
		return err
	}
	for _, t := range tensors {
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

// weightFiles lists the files that hold weights, by the reference converter's rule: those of the index if there is one, else
// all that begin with "model" and end with ".safetensors", sorted.
func weightFiles(dir string, src *Source) (names []string, index map[string]string, err error) {
	raw, err := src.File(indexName)
	if err == nil {
		index, err = parseIndex(raw)
		if err != nil {
			return nil, nil, &Error{File: filepath.Join(dir, indexName), Err: err}
		}
		return shardsOf(index), index, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	other := ""
	for _, e := range entries {
		n := e.Name()
		switch {
		case strings.HasPrefix(n, "model") && strings.HasSuffix(n, ".safetensors"):
			names = append(names, n)
		case strings.HasSuffix(n, ".bin") || strings.HasSuffix(n, ".pt") || strings.HasSuffix(n, ".safetensors") || strings.HasSuffix(n, ".gguf"):
			other = n
		}
	}
	if len(names) == 0 {
		return nil, nil, noWeights(dir, other)
	}
	sort.Strings(names)
	return names, nil, nil
}

func noWeights(dir, other string) error {
	e := &Error{File: dir, Err: Unsupported("the folder has no model*.safetensors"), Hint: "name a folder in the Hugging Face layout, a .safetensors or a .gguf file"}
	if strings.HasSuffix(other, ".bin") || strings.HasSuffix(other, ".pt") {
		e.Hint = "save " + other + " as safetensors first (save_pretrained with safe_serialization)"
	} else if other != "" {
		e.Hint = "name the file itself: " + filepath.Join(dir, other)
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
