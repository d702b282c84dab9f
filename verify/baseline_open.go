package verify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"quern/formats"
	"quern/internal/model"
)

// A Baseline is an open file that stands for a base.
type Baseline struct {
	Scorer
	Protocol
	Vocab    int
	Tokens   []int32
	Header   *BaselineHeader // nil for llama-perplexity's format
	Describe string
	file     *os.File
}

// OpenBaseline opens a baseline of any kind. BOS is -1 where the file does not say.
func OpenBaseline(path string) (*Baseline, error) {
	b, err := openBase(path)
	if err != nil {
		var known *formats.Error
		if errors.As(err, &known) || errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return nil, &formats.Error{File: path, Err: err}
	}
	return b, nil
}

func openBase(path string) (*Baseline, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, f.Close(), fmt.Errorf("not a file"))
	}
	head := make([]byte, 8)
	_, _ = f.ReadAt(head, 0) // a short file is told below
	b := &Baseline{file: f}
	if string(head) == logitsMagic {
		l, err := OpenLogits(f, info.Size())
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		b.Scorer, b.Vocab, b.Tokens, b.Describe = l, l.Vocab, l.Tokens, l.String()
		b.Protocol = Protocol{Ctx: l.Ctx, Chunks: l.Chunks, BOS: -1}
		return b, nil
	}
	q, err := openBaseline(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b.Vocab, b.Tokens, b.Header, b.Describe = q.Vocab, q.Tokens, &q.BaselineHeader, q.Describe()
	b.Protocol = Protocol{Ctx: q.Ctx, Chunks: q.Chunks, BOS: q.BOS}
	switch q.Kind {
	case KindTop:
		b.Scorer = &TopFile{baselineFile: q}
	case KindStates:
		b.Scorer = &StatesFile{baselineFile: q}
	default:
		return nil, errors.Join(formats.Unsupported("a baseline of kind %q", q.Kind), f.Close())
	}
	return b, nil
}

// NeedsBase says that Attach has to give the base's output matrix.
func (b *Baseline) NeedsBase() bool { return b.Header != nil && b.Header.Kind == KindStates }

// Attach gives stored hidden states the model that makes logits of them, whose states are embd long.
func (b *Baseline) Attach(head Scorer, embd int) error {
	s, ok := b.Scorer.(*StatesFile)
	if !ok {
		return nil
	}
	if s.Width != embd {
		return fmt.Errorf("the baseline has states of %d numbers, the base of %d: it was made of another model", s.Width, embd)
	}
	s.head = head
	return nil
}

// Close closes the file.
func (b *Baseline) Close() error { return b.file.Close() }

// LlamaWriter writes llama-perplexity's format.
type LlamaWriter struct {
	file       *os.File
	path       string
	start, row int64
	per        int
	exp        []float32
}

// NewLlamaWriter begins a file. It appears under its name when it is finished.
func NewLlamaWriter(path string, ctx, vocab int, tokens []int32) (*LlamaWriter, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".quern-baseline-")
	if err != nil {
		return nil, err
	}
	head := logitsHeader(ctx, vocab, tokens)
	if _, err := f.Write(head); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &LlamaWriter{f, path, int64(len(head)), int64(4*((vocab+1)/2) + 8), ctx - 1 - ctx/2, make([]float32, vocab)}, nil
}

func (w *LlamaWriter) states(int, int, []float32) error { return nil }

func (w *LlamaWriter) logits(chunk, row int, logits []float32, _ int32) error {
	b := appendLogitsRow(make([]byte, 0, w.row), logits, w.exp)
	_, err := w.file.WriteAt(b, w.start+int64(chunk*w.per+row)*w.row)
	return err
}

// Finish gives the file its name.
func (w *LlamaWriter) Finish() error {
	if err := errors.Join(w.file.Sync(), w.file.Chmod(0o644)); err != nil {
		return err
	}
	return os.Rename(w.file.Name(), w.path)
}

// Close removes an unfinished file.
func (w *LlamaWriter) Close() error {
	err := w.file.Close()
	if e := os.Remove(w.file.Name()); err == nil && !errors.Is(e, os.ErrNotExist) {
		err = e
	}
	return err
}

// A BaselineFileWriter writes one kind of file; Close after Finish only tidies up.
type BaselineFileWriter interface {
	BaselineWriter
	Finish() error
	Close() error
}

// NewBaselineWriter begins a file of h.Kind.
func NewBaselineWriter(path string, h BaselineHeader, tokens []int32, base Scorer, opt model.Options) (BaselineFileWriter, error) {
	switch h.Kind {
	case KindStates:
		return NewStatesWriter(path, h, tokens, base, opt)
	case KindTop:
		return NewTopWriter(path, h, tokens)
	case KindLlama:
		return NewLlamaWriter(path, h.Ctx, h.Vocab, tokens)
	}
	return nil, fmt.Errorf("there is no kind of baseline %q", h.Kind)
}
