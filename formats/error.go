package formats

import (
	"errors"
	"fmt"
	"strings"
)

// The two kinds of refusal, inside every Error that a reader returns.
var (
	ErrCorrupt     = errors.New("corrupt file")        // the file contradicts its own format
	ErrUnsupported = errors.New("unsupported feature") // sound, but not something quern can do
)

// An Error says where in a checkpoint something was wrong. Each layer fills what it alone knows.
type Error struct {
	File   string // path, as the user would type it
	Tensor string // name, or metadata key
	Off    int64  // byte offset in File; meaningful when HasOff
	HasOff bool
	Err    error  // wraps ErrCorrupt, ErrUnsupported or a system error
	Hint   string // what to do about it
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		fmt.Fprintf(&b, "%s: ", e.File)
	}
	if e.Tensor != "" {
		fmt.Fprintf(&b, "%.100q: ", e.Tensor)
	}
	if e.HasOff {
		fmt.Fprintf(&b, "at byte %d: ", e.Off)
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Corrupt returns an error of kind ErrCorrupt; the text says what was found and what was expected.
func Corrupt(format string, a ...any) error { return kind(ErrCorrupt, format, a) }

// Unsupported returns an error of kind ErrUnsupported.
func Unsupported(format string, a ...any) error { return kind(ErrUnsupported, format, a) }

func kind(k error, format string, a []any) error {
	return &kinded{k, fmt.Errorf(format, a...)}
}

// kinded is an error whose text is its own and whose kind is found by errors.Is.
type kinded struct{ kind, err error }

func (k *kinded) Error() string   { return k.err.Error() }
func (k *kinded) Unwrap() []error { return []error{k.kind, k.err} }

// Hint returns the innermost advice in err's chain, or "".
func Hint(err error) string {
	hint := ""
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if e.Hint != "" {
			hint = e.Hint
		}
	}
	return hint
}
