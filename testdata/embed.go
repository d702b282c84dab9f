// Package testdata holds the model that quern carries with it: a small Llama that the project trained itself (README.md says
// from what, and how well), and a text that it has never seen.
package testdata

import (
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

//go:embed tiny
var tiny embed.FS

//go:embed heldout.txt
var heldOut []byte

// HeldOut returns a text of the same kind as the training text, none of which was trained on. The caller must not change it.
func HeldOut() []byte { return heldOut }

// Tiny writes the model as a Hugging Face folder into dir, which is made if it is not there. Files of the same names are
// replaced.
func Tiny(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	files, err := tiny.ReadDir("tiny")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := unpack(dir, f.Name()); err != nil {
			return err
		}
	}
	return nil
}

// unpack writes one embedded file; a name that ends in .zst loses that ending.
func unpack(dir, name string) (err error) {
	in, err := tiny.Open("tiny/" + name)
	if err != nil {
		return err
	}
	defer in.Close()
	var r io.Reader = in
	if strings.HasSuffix(name, ".zst") {
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		defer z.Close()
		r, name = z, strings.TrimSuffix(name, ".zst")
	}
	out, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, r); err != nil {
		err = fmt.Errorf("unpack %s: %w", name, err)
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
