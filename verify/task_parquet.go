package verify

import (
	"bytes"
	"strings"

	"quern/formats"
	"quern/internal/parquet"
)

// readParquet reads the columns of a data set as HellaSwag, ARC, MMLU and WinoGrande are published. Answers may be whole numbers.
func readParquet(b []byte) ([]Question, error) {
	f, err := parquet.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	columns := map[string][]parquet.Row{}
	for i := range f.Leaves {
		l := &f.Leaves[i]
		name := columnName(l.Path)
		if !l.Strings && l.Integer == 0 || !taskColumns[name] {
			continue
		}
		if columns[name], err = f.Values(i); err != nil {
			return nil, err
		}
	}
	if columns["question"] == nil && columns["ctx"] == nil && columns["sentence"] == nil {
		return nil, formats.Unsupported("no column of text is called question, ctx or sentence")
	}
	var out []Question
	for row := range int(f.Rows) {
		l := lineOf(columns, row)
		q, err := l.question()
		if err != nil {
			return nil, formats.Corrupt("row %d: %v", row, err)
		}
		out = append(out, q)
	}
	return out, nil
}

// taskColumns are those that lineOf knows.
var taskColumns = map[string]bool{"question": true, "choices": true, "choices.text": true, "choices.label": true, "answer": true, "answerKey": true,
	"activity_label": true, "ctx": true, "endings": true, "label": true, "sentence": true, "option1": true, "option2": true}

// columnName leaves out the groups that a list is wrapped in.
func columnName(path []string) string {
	for i, p := range path {
		if p == "list" || p == "bag" {
			path = path[:i]
			break
		}
	}
	return strings.Join(path, ".")
}

// lineOf is a row as a line of JSON would have it.
func lineOf(columns map[string][]parquet.Row, row int) *jsonLine {
	list := func(name string) []string {
		if columns[name] == nil {
			return nil
		}
		out := []string{}
		for _, v := range columns[name][row] {
			if v != nil {
				out = append(out, *v)
			}
		}
		return out
	}
	one := func(name string) string {
		if l := list(name); len(l) > 0 {
			return l[0]
		}
		return ""
	}
	l := &jsonLine{Question: one("question"), Answer: one("answer"), AnswerKey: one("answerKey"), Activity: one("activity_label"), Ctx: one("ctx"),
		Endings: list("endings"), Label: one("label"), Sentence: one("sentence"), Option1: one("option1"), Option2: one("option2")}
	l.texts, l.labels = list("choices.text"), list("choices.label")
	if l.texts == nil {
		l.texts = list("choices")
	}
	return l
}
