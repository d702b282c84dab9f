package tokenizer

import (
	"errors"
	"fmt"
)

// The two kinds of refusal, inside every error that reading a vocabulary returns.
var (
	ErrCorrupt     = errors.New("corrupt tokenizer")             // the file contradicts its own format
	ErrUnsupported = errors.New("unsupported kind of tokenizer") // sound, but not something quern can do
)

// A refusal says what was wrong and of which kind it is, without repeating the kind in words.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func corrupt(format string, args ...any) error {
	return &refusal{ErrCorrupt, fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &refusal{ErrUnsupported, fmt.Sprintf(format, args...)}
}

// in says in which file an error was found, and keeps its kind.
func in(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file, err)
}
