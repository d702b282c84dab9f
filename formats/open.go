package formats

import (
	"os"
	"path/filepath"
	"strings"

	"quern/internal/store"
)

// Open opens the checkpoint at path, whatever its format: the first row of the table that recognises it.
func Open(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	head, err := beginning(path, info)
	if err != nil {
		return nil, err
	}
	for _, f := range table {
		if f.Open != nil && f.Sniff(path, head, info.IsDir()) {
			return f.Open(path)
		}
	}
	e := &Error{File: path, Err: Unsupported("the format is not one that quern reads; it reads %s", names())}
	if filepath.Ext(path) == ".json" {
		e.Hint = "name the folder: " + filepath.Dir(path)
	}
	return nil, e
}

// Create begins a checkpoint in the format of the given name.
func Create(format, path string, opt CreateOptions) (Sink, error) {
	if f := byName(format); f != nil && f.Create != nil {
		return f.Create(path, opt)
	}
	return nil, &Error{File: path, Err: Unsupported("quern does not write the format %.40q", format)}
}

func names() string {
	var list []string
	for _, f := range table {
		list = append(list, f.Name)
	}
	return strings.Join(list, ", ")
}

// beginning reads the first bytes of a file; nil for a folder.
func beginning(path string, info os.FileInfo) ([]byte, error) {
	if info.IsDir() {
		return nil, nil
	}
	f, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := headOf(f, f.Size())
	if err != nil {
		return nil, err
	}
	return head, mistaken(path, head)
}
