package calib

import (
	"errors"
	"os"
	"strings"
	"testing"

	"quern/formats"
)

func read(t *testing.T, name, format, field, body string) (string, error) {
	t.Helper()
	docs, err := ReadText(strings.NewReader(body), name, format, field)
	var parts []string
	for _, d := range docs {
		parts = append(parts, d.Text+string(d.Chat))
	}
	return strings.Join(parts, "|"), err
}

func TestReadText(t *testing.T) {
	for _, c := range []struct{ name, format, field, body, want string }{
		{"a.txt", "", "", "one\ntwo\n", "one\ntwo\n"},
		{"-", "", "", "{\"text\": 1}", "{\"text\": 1}"},
		{"a.JSONL", "", "", "{\"text\": \"a\\nb\", \"x\": 1}\n\n {\"text\":\"c\"}", "a\nb|c"},
		{"-", "jsonl", "body", "{\"text\": \"a\", \"body\": \"b\"}\r\n", "b"},
		{"a.json", "", "", "{\"messages\": [{\"role\": \"user\"}]}", "[{\"role\": \"user\"}]"},
		{"a.jsonl", "text", "", "{}", "{}"},
	} {
		if got, err := read(t, c.name, c.format, c.field, c.body); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	for _, c := range []struct {
		name, format, field, body, says string
		kind                            error
	}{
		{"a.txt", "", "", "", "no text", formats.ErrCorrupt},
		{"a.txt", "csv", "", "x", `"csv" is not known`, nil},
		{"a.jsonl", "", "", "{\"text\": \"a\"}\n[1]\n", "line 2: not a JSON object", formats.ErrCorrupt},
		{"a.jsonl", "", "", "{\"text\": 5}\n", `line 1: field "text" is neither`, formats.ErrUnsupported},
		{"a.jsonl", "", "nosuch", "{\"text\": \"a\"}", `no field nosuch; there are "text"`, formats.ErrUnsupported},
		{"a.jsonl", "", "", "{\"text\": ", "line 1", formats.ErrCorrupt},
		{"a.parquet", "", "", "PAR1", "no Parquet file", formats.ErrCorrupt},
	} {
		_, err := read(t, c.name, c.format, c.field, c.body)
		if err == nil || !strings.Contains(err.Error(), c.says) || c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestReadParquet(t *testing.T) {
	const path = "../internal/parquet/testdata/zstd-v2.parquet"
	open := func(field string) ([]Document, error) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return ReadText(f, path, "", field)
	}
	docs, err := open("")
	if err != nil || len(docs) != 8 || docs[0].Text != "once" || docs[2].Text != "a time" {
		t.Errorf("texts: %v, %v", docs, err)
	}
	docs, err = open("messages")
	if err != nil || len(docs) != 5 {
		t.Fatalf("%d conversations, %v", len(docs), err)
	}
	if got := string(docs[1].Chat); got != `[{"content":"question 2","role":"user"},{"content":"answer 2","role":"assistant"}]` {
		t.Error(got)
	}
	for field, says := range map[string]string{"id": "holds no text", "nosuch": "messages.list.element.role", "messages.list.element.role": "is a list"} {
		if _, err := open(field); !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("column %s: %v", field, err)
		}
	}
}
