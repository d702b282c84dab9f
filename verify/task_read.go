package verify

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"quern/formats"
)

// A TaskFormat is a way of writing questions down: one row of a table.
type TaskFormat struct {
	Name  string
	Usage string
	Sniff func(name string, b []byte) bool
	Read  func(b []byte) ([]Question, error)
	// Pick chooses n questions of a file as llama-perplexity does.
	Pick func(q []Question, n int) []Question
}

var taskFormats = []*TaskFormat{
	{"multiple-choice", "llama-perplexity's binary files of ARC, MMLU, TruthfulQA", func(name string, b []byte) bool { return strings.HasSuffix(name, ".bin") }, readChoices, pickScaled},
	{"winogrande", "CSV: index, sentence with _, choice 1, choice 2, answer", func(name string, _ []byte) bool { return strings.HasSuffix(name, ".csv") }, readWinogrande, pickButLast},
	{"jsonl", "a JSON object a line: question and choices and answer, or the fields of HellaSwag's, ARC's, MMLU's or WinoGrande's own files",
		func(name string, b []byte) bool { return strings.HasPrefix(string(bytes.TrimSpace(b)), "{") }, readJSONL, pickFirst},
	{"parquet", "the same in columns", func(_ string, b []byte) bool { return strings.HasPrefix(string(b), "PAR1") }, readParquet, pickFirst},
	{"hellaswag", "six lines a question: context, index of the right ending, four endings", func(string, []byte) bool { return true }, readHellaSwag, pickErased},
}

// TaskFormats returns the table.
func TaskFormats() []*TaskFormat { return taskFormats }

// ReadTask reads a file of questions in the named format, "" for the one that it looks like, and picks n; 0 = all.
func ReadTask(path string, b []byte, format string, n int) ([]Question, *TaskFormat, error) {
	for _, f := range taskFormats {
		if format != f.Name && (format != "" || !f.Sniff(filepath.Base(path), b)) {
			continue
		}
		q, err := f.Read(b)
		if err != nil {
			return nil, nil, &formats.Error{File: path, Err: err}
		}
		for i := range q {
			if err := q[i].check(); err != nil {
				return nil, nil, &formats.Error{File: path, Err: formats.Corrupt("question %d: %v", i+1, err)}
			}
		}
		if n > 0 && n < len(q) {
			q = f.Pick(q, n)
		}
		return q, f, nil
	}
	return nil, nil, fmt.Errorf("there is no task format %q", format)
}

func (q *Question) check() error {
	switch {
	case len(q.Choices) < 2 || len(q.Choices) > 100:
		return fmt.Errorf("%d choices", len(q.Choices))
	case q.Gold < 0 || q.Gold >= len(q.Choices):
		return fmt.Errorf("choice %d of %d is right", q.Gold+1, len(q.Choices))
	}
	return nil
}

func readHellaSwag(b []byte) ([]Question, error) {
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines)%6 != 0 {
		return nil, formats.Corrupt("%d lines are no multiple of six", len(lines))
	}
	var out []Question
	for ; len(lines) > 0; lines = lines[6:] {
		gold, err := strconv.Atoi(strings.TrimSpace(lines[1]))
		if err != nil {
			return nil, formats.Corrupt("question %d: the right ending is %.20q", len(out)+1, lines[1])
		}
		q := Question{Prompt: lines[0], Gold: gold}
		for _, e := range lines[2:6] {
			q.Choices = append(q.Choices, " "+e)
		}
		out = append(out, q)
	}
	return out, nil
}

func readWinogrande(b []byte) ([]Question, error) {
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	var out []Question
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil || len(f) < 5 {
			return nil, formats.Corrupt("line %d has %d fields, want index, sentence, two choices, answer", len(out)+1, len(f))
		}
		q, err := blank(f[1], f[2], f[3], f[4])
		if err != nil {
			return nil, formats.Corrupt("line %d: %v", len(out)+1, err)
		}
		out = append(out, q)
	}
}

// blank is a sentence whose gap has two candidates.
func blank(sentence, one, two, answer string) (Question, error) {
	before, after, ok := strings.Cut(sentence, "_")
	if !ok {
		return Question{}, errors.New("the sentence has no _")
	}
	gold, err := strconv.Atoi(strings.TrimSpace(answer))
	if err != nil || gold < 1 || gold > 2 {
		return Question{}, fmt.Errorf("the answer is %.20q, want 1 or 2", answer)
	}
	return Question{Prompt: before, Choices: []string{one, two}, After: []string{after, after}, Gold: gold - 1}, nil
}

// readChoices reads the number of questions, where each begins, and the questions: a text, the answers with one right, and
// the answers with several right, which are not used. Texts have their length before them; all numbers are 32 bits.
func readChoices(b []byte) ([]Question, error) {
	d := &choiceReader{b: b}
	n := d.number()
	if d.at+4*n > len(b) {
		return nil, formats.Corrupt("%d questions in %d bytes", n, len(b))
	}
	d.at += 4 * n
	var out []Question
	for range n {
		q := Question{Prompt: d.text(), Gold: -1}
		answers, labels := d.answers()
		d.answers()
		if d.bad {
			return nil, formats.Corrupt("ends in question %d of %d", len(out)+1, n)
		}
		for i, a := range answers {
			q.Choices = append(q.Choices, " "+a)
			if labels[i] == 1 {
				q.Gold = i
			}
		}
		out = append(out, q)
	}
	return out, nil
}

type choiceReader struct {
	b   []byte
	at  int
	bad bool
}

func (d *choiceReader) number() int {
	if d.at+4 > len(d.b) {
		d.bad = true
		return 0
	}
	n := binary.LittleEndian.Uint32(d.b[d.at:])
	d.at += 4
	if int64(n) > int64(len(d.b)) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *choiceReader) text() string {
	n := d.number()
	if d.bad || d.at+n > len(d.b) {
		d.bad = true
		return ""
	}
	d.at += n
	return string(d.b[d.at-n : d.at])
}

func (d *choiceReader) answers() (texts []string, labels []int) {
	n := d.number()
	if n > 100 {
		d.bad = true
	}
	for range n {
		if d.bad {
			return nil, nil
		}
		texts = append(texts, d.text())
	}
	for range n {
		labels = append(labels, d.number())
	}
	return texts, labels
}

func readJSONL(b []byte) ([]Question, error) {
	var out []Question
	s := bufio.NewScanner(bytes.NewReader(b))
	s.Buffer(nil, 1<<24)
	for line := 1; s.Scan(); line++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		var l jsonLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return nil, formats.Corrupt("line %d: %v", line, err)
		}
		q, err := l.question()
		if err != nil {
			return nil, formats.Corrupt("line %d: %v", line, err)
		}
		out = append(out, q)
	}
	return out, s.Err()
}

// jsonLine has the fields of all data sets.
type jsonLine struct {
	Question  string          `json:"question"`
	Choices   json.RawMessage `json:"choices"` // a list, or ARC's object of texts and labels
	Answer    any             `json:"answer"`
	AnswerKey string          `json:"answerKey"`

	Activity string   `json:"activity_label"` // HellaSwag
	Ctx      string   `json:"ctx"`
	Endings  []string `json:"endings"`
	Label    any      `json:"label"`

	Sentence string `json:"sentence"` // WinoGrande
	Option1  string `json:"option1"`
	Option2  string `json:"option2"`

	texts, labels []string // choices, where they do not come as JSON
}

func (l *jsonLine) question() (Question, error) {
	switch {
	case l.Sentence != "":
		return blank(l.Sentence, l.Option1, l.Option2, fmt.Sprint(l.Answer))
	case l.Endings != nil:
		q := Question{Prompt: l.Ctx}
		if l.Activity != "" {
			q.Prompt = l.Activity + ": " + l.Ctx
		}
		return q.with(l.Endings, nil, l.Label)
	case l.Choices == nil && l.texts == nil:
		return Question{}, errors.New("neither choices, endings nor a sentence")
	}
	if err := l.split(); err != nil {
		return Question{}, err
	}
	if l.AnswerKey != "" {
		l.Answer = l.AnswerKey
	}
	return Question{Prompt: l.Question}.with(l.texts, l.labels, l.Answer)
}

// split reads choices from JSON: a list, or an object of two.
func (l *jsonLine) split() error {
	if l.texts != nil || json.Unmarshal(l.Choices, &l.texts) == nil {
		return nil
	}
	var arc struct{ Text, Label []string }
	if err := json.Unmarshal(l.Choices, &arc); err != nil {
		return err
	}
	l.texts, l.labels = arc.Text, arc.Label
	return nil
}

// with adds choices; the answer is an index, or one of the labels, or a letter.
func (q Question) with(choices, labels []string, answer any) (Question, error) {
	for _, c := range choices {
		q.Choices = append(q.Choices, " "+c)
	}
	a := fmt.Sprint(answer)
	for i, l := range labels {
		if l == a {
			q.Gold = i
			return q, nil
		}
	}
	if n, err := strconv.Atoi(a); err == nil && labels == nil {
		q.Gold = n
		return q, nil
	}
	if len(a) == 1 && a[0] >= 'A' && a[0] <= 'Z' && labels == nil {
		q.Gold = int(a[0] - 'A')
		return q, nil
	}
	return q, fmt.Errorf("the answer is %.20q", a)
}
