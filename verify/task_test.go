package verify

import (
	"encoding/binary"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"quern/internal/golden"
)

// The ten thousandth number of seed 5489 is what the C++ standard demands of mt19937 (ISO/IEC 14882, [rand.predef]).
func TestTwister(t *testing.T) {
	r := newTwister(5489)
	var x uint32
	for range 10000 {
		x = r.uint32()
	}
	if x != 4123659995 {
		t.Errorf("got %d", x)
	}
}

func TestPicksEveryQuestionOnce(t *testing.T) {
	var q []Question
	for i := range 50 {
		q = append(q, Question{Gold: i})
	}
	for _, f := range TaskFormats() {
		for _, n := range []int{1, 7, 50} {
			seen := map[int]bool{}
			for _, p := range f.Pick(q, n) {
				seen[p.Gold] = true
			}
			if len(seen) != n {
				t.Errorf("%s: %d of %d picked", f.Name, len(seen), n)
			}
		}
		if q[3].Gold != 3 {
			t.Fatalf("%s: picking changed the questions", f.Name)
		}
	}
}

func choiceFile(question string, answers []string, gold int) []byte {
	word := func(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }
	text := func(b []byte, s string) []byte { return append(word(b, len(s)), s...) }
	b := text(word(word(nil, 1), 8), question)
	for range 2 {
		b = word(b, len(answers))
		for _, a := range answers {
			b = text(b, a)
		}
		for i := range answers {
			b = word(b, map[bool]int{true: 1}[i == gold])
		}
	}
	return b
}

func TestReadTask(t *testing.T) {
	for name, c := range map[string]struct {
		text           string
		prompt, choice string // of the right one
		gold           int
		format         string
	}{
		"hs.txt":   {"A: he\n2\na\nb\nc\nd\n", "A: he", " c", 2, "hellaswag"},
		"wg.csv":   {"0,\"Ann, not Bo, so _ won.\",Ann,Bo,1\n", "Ann, not Bo, so ", "Ann", 0, "winogrande"},
		"arc.bin":  {string(choiceFile("Q?", []string{"x", "y", "z"}, 1)), "Q?", " y", 1, "multiple-choice"},
		"mmlu":     {`{"question":"Q?","choices":["x","y"],"answer":1}`, "Q?", " y", 1, "jsonl"},
		"letter":   {`{"question":"Q?","choices":["x","y"],"answer":"B"}`, "Q?", " y", 1, "jsonl"},
		"arc.json": {`{"question":"Q?","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"}`, "Q?", " y", 1, "jsonl"},
		"hs.jsonl": {`{"activity_label":"A","ctx":"he","endings":["a","b"],"label":"1"}`, "A: he", " b", 1, "jsonl"},
		"wg.jsonl": {`{"sentence":"so _ won.","option1":"Ann","option2":"Bo","answer":"2"}`, "so ", "Bo", 1, "jsonl"},
	} {
		q, f, err := ReadTask(name, []byte(c.text), "", 0)
		if err != nil || len(q) != 1 || f.Name != c.format {
			t.Errorf("%s: %v, %v", name, q, err)
			continue
		}
		if q[0].Prompt != c.prompt || q[0].Choices[q[0].Gold] != c.choice || q[0].Gold != c.gold {
			t.Errorf("%s: %+v", name, q[0])
		}
	}
	for text, want := range map[string]string{"a\nb\n": "multiple of six", "a\nx\n\n\n\n\n": "right ending", "a\n9\na\nb\nc\nd\n": "choice 10 of 4"} {
		if _, _, err := ReadTask("x.txt", []byte(text), "", 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
	whole := choiceFile("Question?", []string{"x", "y"}, 0)
	for i := range whole {
		if _, _, err := ReadTask("x.bin", whole[:i], "", 0); err == nil && i >= 4 {
			t.Errorf("the first %d of %d bytes are taken for a file", i, len(whole))
		}
		b := append([]byte(nil), whole...)
		b[i] = 0xff
		_, _, _ = ReadTask("x.bin", b, "", 0) // it must return
	}
}

func TestReadParquet(t *testing.T) {
	for name, want := range map[string]Question{
		"arc.parquet":       {Prompt: "Which is wet?", Choices: []string{" sand", " water", " air"}, Gold: 1},
		"hellaswag.parquet": {Prompt: "Cooking: She takes an egg. She", Choices: []string{" flies.", " cracks it.", " is blue.", " pays."}, Gold: 1},
	} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		q, f, err := ReadTask(name, b, "", 0)
		if err != nil || f.Name != "parquet" || len(q) != 2 || !reflect.DeepEqual(q[0], want) || q[1].Gold != 0 {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	for _, name := range []string{"mmlu", "mmlu-delta", "mmlu-plain"} {
		b, err := os.ReadFile("testdata/" + name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		q, _, err := ReadTask(name+".parquet", b, "", 0)
		if err != nil || len(q) != 3 || q[0].Gold != 3 || q[1].Gold != 0 || q[2].Gold != 1 || q[0].Choices[3] != " four" {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	b, err := os.ReadFile("testdata/other.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadTask("other.parquet", b, "", 0); err == nil || !strings.Contains(err.Error(), "no column of text") {
		t.Errorf("error %v", err)
	}
}

// The published files are read whole.
func TestReadPublishedTasks(t *testing.T) {
	for name, want := range map[string]int{"arc-easy-test.bin": 2376, "arc-challenge-test.bin": 1172, "winogrande-dev.csv": 1267} {
		b, err := os.ReadFile(golden.Path(t, "data/eval/"+name))
		if err != nil {
			t.Fatal(err)
		}
		q, _, err := ReadTask(name, b, "", 0)
		if err != nil || len(q) < want-10 || len(q) > want {
			t.Errorf("%s: %d questions, want about %d: %v", name, len(q), want, err)
		}
	}
}

func TestPairedScores(t *testing.T) {
	base, quant := TaskScore{}, TaskScore{}
	for i := range 100 {
		base.right = append(base.right, i < 60)
		quant.right = append(quant.right, i >= 8 && i < 62)
	}
	base.sum()
	quant.sum()
	quant.compare(&base)
	// Wilson for 60 of 100: 0.5020 to 0.6906.
	if base.Correct != 60 || math.Abs(base.Accuracy.Low-0.5020) > 1e-4 || math.Abs(base.Accuracy.High-0.6906) > 1e-4 {
		t.Errorf("%+v", base.Accuracy)
	}
	// 8 lost, 2 gained: 2·(1+10+45)/1024 = 0.109375.
	if quant.Lost != 8 || quant.Gained != 2 || math.Abs(float64(quant.P)-0.109375) > 1e-9 || quant.Change.Value != -0.06 {
		t.Errorf("%+v %+v", quant, quant.Change)
	}
	same := TaskScore{right: base.right}
	same.sum()
	same.compare(&base)
	if same.P != 1 || same.Change.Value != 0 || same.Change.High != 0 {
		t.Errorf("%+v", same)
	}
}
