package calib

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"quern/formats"
)

// A Document is a text that stands by itself, or a conversation.
type Document struct {
	Text string
	Chat json.RawMessage // the messages, instead of Text
}

// A TextFormat is a way in which files hold documents.
type TextFormat struct {
	Name string
	Ext  []string
	// Read returns the documents of a file; field names what holds them, "" the usual names.
	Read func(r io.Reader, field string) ([]Document, error)
}

var textFormats = []TextFormat{
	{"text", []string{".txt", ".raw", ".md"}, readPlain},
	{"jsonl", []string{".jsonl", ".ndjson", ".json"}, readJSONL},
	{"parquet", []string{".parquet"}, readParquet},
}

// TextFormatNames lists the formats.
func TextFormatNames() []string {
	var names []string
	for _, f := range textFormats {
		names = append(names, f.Name)
	}
	return names
}

// ReadText reads a file's documents. Without a format's name the ending of the file's name decides; any other ending is that of
// plain text.
func ReadText(r io.Reader, path, format, field string) ([]Document, error) {
	i := 0
	if format != "" {
		if i = slices.IndexFunc(textFormats, func(f TextFormat) bool { return f.Name == format }); i < 0 {
			return nil, fmt.Errorf("text format %.40q is not known; known are %s", format, strings.Join(TextFormatNames(), ", "))
		}
	} else if ext := strings.ToLower(filepath.Ext(path)); ext != "" {
		i = max(0, slices.IndexFunc(textFormats, func(f TextFormat) bool { return slices.Contains(f.Ext, ext) }))
	}
	docs, err := textFormats[i].Read(r, field)
	if err == nil && len(docs) == 0 {
		err = formats.Corrupt("there is no text in it")
	}
	if err != nil {
		return nil, &formats.Error{File: path, Err: err}
	}
	return docs, nil
}

// readPlain takes the whole file for one document, as llama-imatrix does.
func readPlain(r io.Reader, _ string) ([]Document, error) {
	b, err := io.ReadAll(r)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return []Document{{Text: string(b)}}, nil
}

// fields are looked for in this order where none is named.
var fields = []string{"text", "content", "messages", "conversations"}

// readJSONL reads an object for each line.
func readJSONL(r io.Reader, field string) ([]Document, error) {
	var docs []Document
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			d, err := record(text, field)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			docs = append(docs, d)
		}
		if err == io.EOF {
			return docs, nil
		}
	}
}

// record makes a document of a JSON object.
func record(text []byte, field string) (Document, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return Document{}, formats.Corrupt("not a JSON object: %v", err)
	}
	names := fields
	if field != "" {
		names = []string{field}
	}
	for _, name := range names {
		raw, ok := object[name]
		if !ok {
			continue
		}
		switch raw[0] {
		case '"':
			var s string
			err := json.Unmarshal(raw, &s)
			return Document{Text: s}, err
		case '[':
			return Document{Chat: raw}, nil
		}
		return Document{}, formats.Unsupported("field %q is neither a text nor a list of messages", name)
	}
	var has []string
	for name := range object {
		has = append(has, fmt.Sprintf("%.40q", name))
	}
	sort.Strings(has)
	return Document{}, formats.Unsupported("no field %s; there are %s", strings.Join(names, ", "), strings.Join(has[:min(8, len(has))], ", "))
}
