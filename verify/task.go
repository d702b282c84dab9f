package verify

import (
	"context"
	"fmt"
	"math"

	"quern/internal/kernel"
	"quern/internal/model"
	"quern/internal/tokenizer"
)

// TaskSchema names the layout of Tasks in JSON.
const TaskSchema = "quern-tasks/1"

// A Question is a text with several continuations, of which one is right.
type Question struct {
	Prompt  string   // what all have in common, the blank before the choice included
	Choices []string // whole continuations
	Gold    int
	// After, if not nil, is what follows each choice (WinoGrande): it is scored instead of the choice, unless it is too short.
	After []string
}

// Tasks is the outcome of some sets of questions.
type Tasks struct {
	Schema string `json:"schema"`
	Mode   string `json:"mode"`
	Sets   []Task `json:"tasks"`
}

// A Task is the outcome of a set of questions for each model, the base first.
type Task struct {
	Name      string      `json:"name"`
	Kind      string      `json:"kind"`
	Questions int         `json:"questions"`
	Chance    float64     `json:"chance"` // accuracy of guessing
	Models    []TaskScore `json:"models"`
}

// A TaskScore is what one model knows. Low and High of the accuracy are Wilson's, with 95 % confidence. The change since the
// base is paired, question by question; P is McNemar's exact probability of one at least as uneven between equals.
type TaskScore struct {
	Model    string    `json:"model"`
	Correct  int       `json:"correct"`
	Accuracy Estimate  `json:"accuracy"`
	Change   *Estimate `json:"change,omitempty"`
	Lost     int       `json:"lost"`   // right in the base, wrong here
	Gained   int       `json:"gained"` // wrong in the base, right here
	P        Number    `json:"p_value"`

	right []bool
}

// RunTask asks all models all questions. A choice's score is the mean log-probability of its tokens behind those that all
// choices have in common, as llama-perplexity computes it for HellaSwag and multiple choice.
func RunTask(ctx context.Context, sides []Side, toks *tokenizer.Tokenizer, name, kind string, questions []Question, opt model.Options, told func(done, total int)) (*Task, error) {
	if len(questions) == 0 {
		return nil, fmt.Errorf("%s holds no questions", name)
	}
	t := &Task{Name: name, Kind: kind, Questions: len(questions)}
	prepared := make([]prepared, len(questions))
	for i, q := range questions {
		t.Chance += 1 / float64(len(q.Choices)) / float64(len(questions))
		prepared[i] = prepare(q, toks)
	}
	for i, s := range sides {
		score := TaskScore{Model: s.Name, P: Number(math.NaN())}
		for from := 0; from < len(prepared); {
			to := batchEnd(prepared, from)
			right, err := ask(ctx, s, prepared[from:to], opt)
			if err != nil {
				return nil, s.failed(err)
			}
			score.right = append(score.right, right...)
			from = to
			if told != nil {
				told(i*len(prepared)+from, len(sides)*len(prepared))
			}
		}
		score.sum()
		if i > 0 {
			score.compare(&t.Models[0])
		}
		t.Models = append(t.Models, score)
	}
	return t, nil
}

// prepared is a question as tokens: which of them are scored of each choice.
type prepared struct {
	seqs     [][]int32
	from, to []int // scored tokens
	gold     int
}

// leastAfter is how many tokens must differ for the part after the choice alone to be scored, in llama-perplexity too.
const leastAfter = 3

func prepare(q Question, toks *tokenizer.Tokenizer) prepared {
	p := prepared{gold: q.Gold}
	encode := func(s string) []int32 { return toks.Encode(s, tokenizer.Options{AddSpecial: true}) }
	for i, c := range q.Choices {
		after := ""
		if q.After != nil {
			after = q.After[i]
		}
		p.seqs = append(p.seqs, encode(q.Prompt+c+after))
	}
	common := commonPrefix(p.seqs)
	long := q.After != nil
	for _, s := range p.seqs {
		long = long && len(s)-common > leastAfter
	}
	for i, s := range p.seqs {
		from, to := common, len(s)
		if long {
			from = len(encode(q.Prompt + q.Choices[i]))
		}
		if q.After != nil && to-from > 1 {
			to-- // the last token, a full stop, is not scored
		}
		p.from, p.to = append(p.from, max(from, 1)), append(p.to, to)
	}
	return p
}

// commonPrefix is how many first tokens all sequences share; the first of them is not shorter than that in any.
func commonPrefix(seqs [][]int32) int {
	n := 0
	for ; n < len(seqs[0]); n++ {
		for _, s := range seqs[1:] {
			if n >= len(s) || s[n] != seqs[0][n] {
				return n
			}
		}
	}
	return n
}

// askTokens is about how many tokens are run together, askLogits how many logits are held at once.
const (
	askTokens = 8192
	askLogits = 8 << 20
)

func batchEnd(p []prepared, from int) int {
	tokens := 0
	for i := from; i < len(p); i++ {
		for _, s := range p[i].seqs {
			tokens += len(s)
		}
		if tokens > askTokens && i > from {
			return i
		}
	}
	return len(p)
}

// ask scores every choice of some questions and says which questions were answered right.
func ask(ctx context.Context, s Side, questions []prepared, opt model.Options) ([]bool, error) {
	var seqs [][]int32
	var from, to []int
	for _, q := range questions {
		seqs, from, to = append(seqs, q.seqs...), append(from, q.from...), append(to, q.to...)
	}
	states, err := s.Model.States(ctx, seqs, func(seq, pos int) bool { return pos+1 >= from[seq] && pos+1 < to[seq] }, opt)
	if err != nil {
		return nil, err
	}
	total := make([]float64, len(seqs))
	rows := max(1, min(askLogits/s.Vocab, len(states.Pos)))
	logits := make([]float32, rows*s.Vocab)
	for at := 0; at < len(states.Pos); at += rows {
		end := min(at+rows, len(states.Pos))
		if err := s.Model.Logits(logits[:(end-at)*s.Vocab], states, at, end, opt); err != nil {
			return nil, err
		}
		for i := at; i < end; i++ {
			row := logits[(i-at)*s.Vocab:][:s.Vocab]
			seq := states.Seq[i]
			total[seq] += float64(row[seqs[seq][states.Pos[i]+1]]) - kernel.LogSumExp(row)
		}
	}
	right := make([]bool, len(questions))
	seq := 0
	for i, q := range questions {
		best, at := math.Inf(-1), -1
		for c := range q.seqs {
			if v := total[seq] / float64(max(1, to[seq]-from[seq])); v > best {
				best, at = v, c
			}
			seq++
		}
		right[i] = at == q.gold
	}
	return right, nil
}

// sum counts, with Wilson's interval (Probable inference, Journal of the American Statistical Association 22, 1927).
func (s *TaskScore) sum() {
	n := float64(len(s.right))
	for _, r := range s.right {
		if r {
			s.Correct++
		}
	}
	s.Accuracy = share(s.Correct, len(s.right))
	const z = 1.959963984540054
	p, zn := s.Accuracy.Value, z*z/n
	half := z * math.Sqrt(p*(1-p)/n+zn/(4*n))
	s.Accuracy.Low, s.Accuracy.High = (p+zn/2-half)/(1+zn), (p+zn/2+half)/(1+zn)
}

func (s *TaskScore) compare(base *TaskScore) {
	for i, r := range s.right {
		switch {
		case r && !base.right[i]:
			s.Gained++
		case !r && base.right[i]:
			s.Lost++
		}
	}
	n, g, l := float64(len(s.right)), float64(s.Gained), float64(s.Lost)
	d := (g - l) / n
	se := math.Sqrt(max(0, (g+l)/n-d*d) / n)
	half := studentQuantile((1-confidence)/2, max(1, n-1)) * se
	s.Change = &Estimate{d, se, d - half, d + half}
	s.P = 1
	if g+l > 0 {
		k := min(g, l)
		s.P = Number(min(1, 2*betaInc(g+l-k, k+1, 0.5))) // of at most k heads
	}
}
