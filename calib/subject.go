package calib

import (
	"quern/convert"
	"quern/formats"
	"quern/internal/arch"
	"quern/internal/model"
	"quern/internal/tokenizer"
)

// A Subject is a checkpoint that is calibrated.
type Subject struct {
	*model.Model
	Tokenizer *tokenizer.Tokenizer
	BOS       int // the token that begins every chunk, or -1
	bound     *arch.Bound
	src       *formats.Source
}

// Open makes a subject of the checkpoint at path, with its tokenizer; pre, if not "", names the pre-tokenizer.
func Open(path, pre string) (s *Subject, err error) {
	src, err := formats.Open(path)
	if err != nil {
		return nil, err
	}
	if s, err = Of(src, pre); err != nil {
		src.Close()
	}
	return s, err
}

// Of makes a subject of an open checkpoint, which Close closes.
func Of(src *formats.Source, pre string) (s *Subject, err error) {
	s = &Subject{src: src, BOS: -1}
	if s.bound, err = arch.Bind(src); err != nil {
		return nil, err
	}
	if err = s.bound.Alone(); err != nil {
		return nil, &formats.Error{File: src.Path, Err: err}
	}
	if s.Tokenizer, err = convert.Tokenizer(src, pre); err != nil {
		return nil, err
	}
	if s.Model, err = model.Of(s.bound); err != nil {
		return nil, &formats.Error{File: src.Path, Err: err}
	}
	v := s.Tokenizer.Vocab()
	if around := s.Tokenizer.Encode("", tokenizer.Options{AddSpecial: true}); len(around) > 0 && int(around[0]) == v.BOS {
		s.BOS = v.BOS
	}
	return s, nil
}

// Collector is for the subject's matrices.
func (s *Subject) Collector(output bool) *Collector { return NewCollector(s.bound, output) }

// A StoredMatrix is a tensor under GGUF's name, and what it is made of.
type StoredMatrix struct {
	Name  string
	Layer int
	Parts []string // tensors of the source
}

// Stored are the subject's matrices.
func (s *Subject) Stored() (list []StoredMatrix) {
	for i, t := range s.bound.Tensors {
		if o := s.bound.Origins[i]; len(t.Shape) >= 2 {
			list = append(list, StoredMatrix{t.Name, o.Layer, o.Parts})
		}
	}
	return list
}

// Key identifies a run over chunks of this subject.
func (s *Subject) Key(chunks [][]int32, options string) (string, error) {
	return RunKey(s.bound.Tensors, chunks, options)
}

// Close releases the checkpoint.
func (s *Subject) Close() error {
	err := s.Model.Close()
	if e := s.src.Close(); err == nil {
		err = e
	}
	return err
}
