package formats

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"quern/internal/store"
)

// Attach adds the tensors of a further safetensors file in a source's folder: name is relative to it, prefix is put before the names of its tensors. What is attached
// already is not attached again; a file that is not there is an error that satisfies errors.Is(err, fs.ErrNotExist).
func (s *Source) Attach(name, prefix string) error {
	for _, t := range s.Tensors {
		if strings.HasPrefix(t.Name, prefix) {
			return nil
		}
	}
	path := filepath.Join(s.Path, filepath.FromSlash(name))
	f, err := store.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{File: path, Err: fmt.Errorf("the file is missing, a part of the model lies in it: %w", fs.ErrNotExist), Hint: "the folder is not complete: fetch it again, with the folders in it"}
	}
	if err != nil {
		return &Error{File: path, Err: err}
	}
	tensors, err := ReadSafetensors(f, f.Size(), path)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	for _, t := range tensors {
		t.Name = prefix + t.Name
	}
	s.Tensors, s.Files = append(tensors, s.Tensors...), append(s.Files, path)
	rest := s.Close
	s.Close = func() error { return errors.Join(rest(), f.Close()) }
	return nil
}
