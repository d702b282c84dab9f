package calib

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"quern/formats"
	"quern/internal/parquet"
)

// readParquet reads a document from each row: the text of a column, or the conversation in a list of messages.
func readParquet(r io.Reader, field string) ([]Document, error) {
	docs, err := parquetDocuments(r, field)
	switch {
	case errors.Is(err, parquet.ErrCorrupt):
		return nil, formats.Corrupt("%v", err)
	case errors.Is(err, parquet.ErrUnsupported):
		return nil, formats.Unsupported("%v", err)
	}
	return docs, err
}

func parquetDocuments(r io.Reader, field string) ([]Document, error) {
	at, size, err := seekable(r)
	if err != nil {
		return nil, err
	}
	f, err := parquet.Open(at, size)
	if err != nil {
		return nil, err
	}
	names := fields
	if field != "" {
		names = []string{field}
	}
	for _, name := range names {
		if i := f.Leaf(name); i >= 0 {
			return columnTexts(f, i)
		}
		role, content := messageLeaf(f, name, "role", "from"), messageLeaf(f, name, "content", "value")
		if role >= 0 && content >= 0 {
			return columnChats(f, role, content)
		}
	}
	var has []string
	for i := range f.Leaves {
		has = append(has, f.Leaves[i].String())
	}
	return nil, formats.Unsupported("no column %s; there are %s", strings.Join(names, ", "), strings.Join(has[:min(8, len(has))], ", "))
}

// seekable is a file that can be read anywhere; what is none is read whole.
func seekable(r io.Reader) (io.ReaderAt, int64, error) {
	type file interface {
		io.ReaderAt
		io.Seeker
	}
	if f, ok := r.(file); ok {
		if size, err := f.Seek(0, io.SeekEnd); err == nil {
			return f, size, nil
		}
	}
	b, err := io.ReadAll(r)
	return bytes.NewReader(b), int64(len(b)), err
}

// messageLeaf finds a member of the messages in a list: "messages.list.element.role".
func messageLeaf(f *parquet.File, list string, names ...string) int {
	for i := range f.Leaves {
		l := &f.Leaves[i]
		last := l.Path[len(l.Path)-1]
		for _, n := range names {
			if last == n && l.Path[0] == list && l.MaxRep == 1 && l.Strings {
				return i
			}
		}
	}
	return -1
}

func columnTexts(f *parquet.File, leaf int) ([]Document, error) {
	if f.Leaves[leaf].MaxRep > 0 {
		return nil, formats.Unsupported("column %s is a list", &f.Leaves[leaf])
	}
	rows, err := f.Texts(leaf)
	if err != nil {
		return nil, err
	}
	var docs []Document
	for _, r := range rows {
		if r[0] != nil && *r[0] != "" {
			docs = append(docs, Document{Text: *r[0]})
		}
	}
	return docs, nil
}

func columnChats(f *parquet.File, role, content int) ([]Document, error) {
	roles, err := f.Texts(role)
	if err != nil {
		return nil, err
	}
	contents, err := f.Texts(content)
	if err != nil {
		return nil, err
	}
	var docs []Document
	for i, r := range roles {
		if len(r) != len(contents[i]) {
			return nil, formats.Corrupt("row %d has %d roles and %d messages", i, len(r), len(contents[i]))
		}
		var chat []map[string]*string
		for j := range r {
			chat = append(chat, map[string]*string{"role": r[j], "content": contents[i][j]})
		}
		if len(chat) == 0 {
			continue
		}
		raw, err := json.Marshal(chat)
		if err != nil {
			return nil, err
		}
		docs = append(docs, Document{Chat: raw})
	}
	return docs, nil
}
