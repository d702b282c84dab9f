package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"quern/calib"
	"quern/convert"
	"quern/formats"
	"quern/internal/model"
	"quern/internal/store"
	"quern/verify"
)

// advices is the table of what to do about errors that say nothing of it themselves.
var advices = []struct {
	about []error
	hint  func(error) string
}{
	{[]error{fs.ErrExist}, always("--force replaces it")},
	{[]error{convert.ErrMemory, model.ErrMemory}, always("a larger --max-ram, or fewer --threads")},
	{[]error{store.ErrNoSpace}, always("make room, or name a place on another disk with -o; --plan tells sizes beforehand")},
	{[]error{verify.ErrShort, calib.ErrShort}, always("a longer text, or shorter chunks with --ctx")},
	{[]error{fs.ErrNotExist}, missing},
	{[]error{formats.ErrCorrupt}, damaged},
	{[]error{store.ErrNotRegular}, always("name a file or a folder with weights")},
}

func always(hint string) func(error) string { return func(error) string { return hint } }

// advice is an error's own hint, or what the table knows.
func advice(err error) string {
	if hint := formats.Hint(err); hint != "" {
		return hint
	}
	for _, a := range advices {
		for _, about := range a.about {
			if errors.Is(err, about) {
				return a.hint(err)
			}
		}
	}
	return ""
}

// words is an error's text, with paths that are not there in words instead of a system call's.
func words(err error) string {
	msg := err.Error()
	var p *fs.PathError
	if !errors.As(err, &p) {
		return msg
	}
	path := strings.TrimSuffix(p.Path, store.PartSuffix)
	what := path + ": " + p.Err.Error()
	switch {
	case errors.Is(p.Err, fs.ErrNotExist):
		what = path + ": there is no such file or folder"
	case errors.Is(p.Err, fs.ErrExist):
		what = path + " is there already"
	}
	return strings.Replace(msg, p.Error(), what, 1)
}

// hubName is what a model is called on a hub.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)

// missing says what may have been meant by a path that is not there.
func missing(err error) string {
	var p *fs.PathError
	if !errors.As(err, &p) {
		return ""
	}
	dir, name := filepath.Dir(p.Path), filepath.Base(p.Path)
	if _, err := convert.RecipeByName(name); err == nil {
		return "the source comes first, then the type: quern quantize SRC " + name
	}
	if hubName.MatchString(p.Path) && !there(dir) {
		return "quern reads what is on this machine; hf download " + p.Path + " --local-dir " + name + " fetches a model of that name"
	}
	var names []string
	entries, _ := os.ReadDir(dir) // a folder that cannot be read has no names to offer
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if n := nearest(name, names); n != "" {
		return "did you mean " + filepath.Join(dir, n) + "?"
	}
	return ""
}

// damaged is for errors at a place in a file.
func damaged(err error) string {
	var e *formats.Error
	if !errors.As(err, &e) || !e.HasOff {
		return ""
	}
	return "the file is damaged or cut off: fetch or write it again, and compare its size and SHA-256 with the publisher's"
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
