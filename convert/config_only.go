package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quern/formats"
	"quern/internal/arch"
)

// configOnly is the format of a source that has no weights.
var configOnly = &formats.Format{Name: "config.json"}

// FromConfig is the source that a config.json describes, without its weights: enough for a plan. Files that lie beside it are found;
// without a tokenizer's, plans do not count its entries. A checkpoint that is quantized is planned as if it were stored in 16 bits.
func FromConfig(path string) (*formats.Source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := arch.ParseConfig(path, text)
	if err != nil {
		return nil, err
	}
	c = c.Without("quantization_config")
	if text, err = c.Text(); err != nil {
		return nil, err
	}
	src := &formats.Source{Path: filepath.Dir(path), Format: configOnly, Close: func() error { return nil }}
	src.File = func(name string) ([]byte, error) {
		if name == "config.json" {
			return text, nil
		}
		return os.ReadFile(filepath.Join(filepath.Dir(path), name))
	}
	if src.Tensors, err = arch.Expected(c, false); err != nil {
		return nil, err
	}
	for _, t := range src.Tensors {
		t.Rows, t.Raw = absent{}, absent{}
	}
	return src, nil
}

// absent are weights that nobody has.
type absent struct{}

var errAbsent = fmt.Errorf("there are no weights beside a configuration: %w", fs.ErrNotExist)

func (absent) ReadRows([]float32, int) error     { return errAbsent }
func (absent) ReadAt([]byte, int64) (int, error) { return 0, errAbsent }

// withoutTokenizer says whether a plan goes without a tokenizer.
func (p *Plan) withoutTokenizer() bool {
	if p.src.Format != configOnly {
		return false
	}
	for _, name := range tokenizerKinds {
		if _, err := p.src.File(name); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	p.warn("no tokenizer lies beside config.json: its entries are not counted, which are some megabytes")
	return true
}
