package formats

import (
	"bytes"
	"io"
)

// mistakes are files that are no weights, whatever their names say: what downloads and clones leave that went wrong.
var mistakes = []struct{ begins, is, hint string }{
	{"", "the file is empty", "fetch it again"},
	{"version https://", "the file is a pointer of Git LFS, not the weights", "git lfs pull in its folder fetches them"},
	{"<!doctype", "the file is a page in HTML, not the weights", "open it in a browser to see what the server says; a gated model needs a login before it can be fetched"},
	{"<html", "the file is a page in HTML, not the weights", "open it in a browser to see what the server says; a gated model needs a login before it can be fetched"},
	{"\x1f\x8b", "the file is compressed with gzip", "gunzip it first"},
	{"\x28\xb5\x2f\xfd", "the file is compressed with zstd", "unzstd it first"},
}

// mistaken is the error of a file that begins like one of them, or nil.
func mistaken(path string, head []byte) error {
	for _, m := range mistakes {
		if m.begins == "" && len(head) == 0 || m.begins != "" && bytes.HasPrefix(bytes.ToLower(head), []byte(m.begins)) {
			return &Error{File: path, Err: Corrupt("%s", m.is), Hint: m.hint}
		}
	}
	return nil
}

// headOf is what mistaken looks at.
func headOf(r io.ReaderAt, size int64) ([]byte, error) {
	head := make([]byte, min(size, 16))
	_, err := r.ReadAt(head, 0)
	return head, err
}
