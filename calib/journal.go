package calib

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quern/formats"
	"quern/quantize"
)

// A Journal is a folder with a file for every layer that is done: its tensors as the output will hold them. A run that is killed leaves whole files,
// from which another with the same key goes on.
type Journal struct {
	Dir     string
	done    map[int]*formats.Source
	encoded func(layer int) error // called before the file of a layer gets its name; may be nil
}

const journalKey = "key"

// OpenJournal makes the folder. With resume, files of a run with the same key are kept, and those of another are an error; otherwise whatever lies
// there goes.
func OpenJournal(dir, key string, resume bool) (*Journal, error) {
	j := &Journal{Dir: dir, done: map[int]*formats.Source{}}
	name := filepath.Join(dir, journalKey)
	old, err := os.ReadFile(name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err == nil && resume && !bytes.Equal(old, []byte(key)):
		return nil, &formats.Error{File: name, Err: formats.Unsupported("it is the journal of another run: the model, the text or the options differ"),
			Hint: "without --resume the run starts anew and replaces it"}
	case err == nil && resume:
		return j, nil
	}
	if err := j.Remove(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	// A run that is killed here leaves no key, or all of it.
	if err := os.WriteFile(name+".part", []byte(key), 0o666); err != nil {
		return nil, err
	}
	return j, os.Rename(name+".part", name)
}

// Layers is how many are done.
func (j *Journal) Layers() int {
	names, _ := filepath.Glob(filepath.Join(j.Dir, "layer-*.gguf")) // the pattern is sound
	return len(names)
}

// file is that of a layer; the output head, of layer -1, comes last.
func (j *Journal) file(layer int) string {
	if layer < 0 {
		return filepath.Join(j.Dir, "layer-output.gguf")
	}
	return filepath.Join(j.Dir, fmt.Sprintf("layer-%05d.gguf", layer))
}

func (j *Journal) has(layer int) bool {
	if j.done[layer] != nil {
		return true
	}
	_, err := os.Stat(j.file(layer))
	return err == nil
}

// journalName is the name of a tensor in a journal's files: the end of a long one, as no GGUF has more of it.
func journalName(name string) string { return name[max(0, len(name)-63):] }

// keep puts the tensors of a layer, one after the other, into its file.
func (j *Journal) keep(layer int, tensors []*formats.Tensor, encode func(i int, dst []byte) error) error {
	var meta formats.Meta
	meta.Set("general.type", "quern-layer")
	sink, err := formats.Create("gguf", j.file(layer), formats.CreateOptions{Force: true})
	if err != nil {
		return err
	}
	defer sink.Abort()
	named := make([]*formats.Tensor, len(tensors))
	for i, t := range tensors {
		n := *t
		n.Name = journalName(t.Name)
		named[i] = &n
	}
	if err := sink.Begin(&meta, named); err != nil {
		return err
	}
	for i, t := range tensors {
		dst := make([]byte, t.Bytes())
		if err := encode(i, dst); err != nil {
			return unrounded(t, err)
		}
		if err := sink.WriteAt(dst, i, 0); err != nil {
			return err
		}
	}
	if j.encoded != nil {
		if err := j.encoded(layer); err != nil {
			return err
		}
	}
	return sink.Commit()
}

// unrounded says which tensor an error is about that came up when it was rounded.
func unrounded(t *formats.Tensor, err error) error {
	if bad := (*quantize.NotFinite)(nil); errors.As(err, &bad) {
		err = formats.Corrupt("it holds NaN or infinity")
	}
	return &formats.Error{Tensor: t.Name, Err: err}
}

// open returns the tensors of a layer that is done, in the order in which they were kept.
func (j *Journal) open(layer int) ([]*formats.Tensor, error) {
	src := j.done[layer]
	if src == nil {
		var err error
		if src, err = formats.Open(j.file(layer)); err != nil {
			return nil, err
		}
		j.done[layer] = src
	}
	return src.Tensors, nil
}

// Close closes the files that were opened, whose tensors are then of no use any more.
func (j *Journal) Close() (err error) {
	for layer, src := range j.done {
		if e := src.Close(); err == nil {
			err = e
		}
		delete(j.done, layer)
	}
	return err
}

// Remove deletes the folder with everything that a run put there: the key first, so that what is left of a run that is killed here is of no other.
func (j *Journal) Remove() error {
	if err := j.Close(); err != nil {
		return err
	}
	names, _ := filepath.Glob(filepath.Join(j.Dir, "layer-*.gguf*"))
	for _, name := range append([]string{filepath.Join(j.Dir, journalKey), filepath.Join(j.Dir, journalKey+".part")}, names...) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(j.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
