package verify

import (
	"math"

	"quern/internal/kernel"
)

// TopK is how many of the most likely tokens are compared between two models.
const TopK = 10

// Analysis says what is made of the measurements beyond the protocol; the zero value is good.
type Analysis struct {
	Domains []Domain              // parts of the text, in order; none: one part
	Worst   int                   // worst predictions to show of each model
	Piece   func(id int32) string // the text of a token, for the worst predictions; nil: none are shown
	Gates   *Gates                // limits to decide; nil: none
}

// A Domain is a part of the text: Chunks chunks that follow those of the domains before it.
type Domain struct {
	Name   string
	Chunks int
}

// run is the state of one call of Run.
type run struct {
	opt       Options
	sides     []Side
	tracks    []*track
	number    *numbering
	perChunk  int
	total     int // chunks of the text
	sequences int // that go through the models: chunks, or conversations
	chunks    int // finished
	look      int // next one, of a sequential run
	verdicts  []Verdict
	ref       reference // how rows of the base are read

	blockFloats int         // logits held at once, for each model
	logits      [][]float32 // of each model
}

func newRun(sides []Side, opt Options, chunks int) *run {
	r := &run{opt: opt, sides: sides, perChunk: opt.PerChunk(), total: chunks, ref: referenceOf(sides[0].Model), logits: make([][]float32, len(sides))}
	r.divide()
	for range sides {
		r.tracks = append(r.tracks, newTrack(chunks*r.perChunk))
	}
	return r
}

// track collects a model's predictions in the order of the text.
type track struct {
	nll, p, kld []float64
	overlap     []float64 // share of the base's TopK tokens that are among this model's
	top         []int32
	right       []bool // the most likely token is the one that followed
	seconds     float64
}

func newTrack(n int) *track {
	return &track{nll: make([]float64, n), p: make([]float64, n), kld: make([]float64, n), overlap: make([]float64, n),
		top: make([]int32, n), right: make([]bool, n)}
}

// first is the track of the first n predictions.
func (t *track) first(n int) *track {
	return &track{t.nll[:n], t.p[:n], t.kld[:n], t.overlap[:n], t.top[:n], t.right[:n], t.seconds}
}

// scratch is what scoring a prediction needs, one for each worker.
type scratch struct {
	exp        []float32
	base, best []int32 // the TopK tokens of the base and of a model
}

func newScratch(vocab int) *scratch { return &scratch{exp: make([]float32, vocab)} }

// score records prediction number at of every model.
func (r *run) score(at int, next int32, logits [][]float32, off, vocab int, s *scratch) {
	base := logits[0][off : off+vocab]
	var baseLSE float64
	for i, t := range r.tracks {
		row := logits[i][off : off+vocab]
		ref := r.ref
		if i > 0 {
			ref = asLogits{}
		}
		p, lse := ref.predict(row, next)
		t.nll[at], t.p[at], t.top[at], t.right[at] = p.nll, p.p, int32(p.top), p.top == int(next)
		if i == 0 {
			baseLSE = lse
			if len(r.tracks) > 1 {
				s.base = r.ref.best(s.base[:0], row)
			}
			continue
		}
		t.kld[at] = r.ref.divergence(base, row, s.exp, baseLSE, lse)
		s.best = largest(s.best[:0], row, TopK)
		t.overlap[at] = overlap(s.base, s.best)
	}
}

// prediction is what one row of logits says about the token that followed.
type prediction struct {
	nll float64 // -log p(next)
	p   float64 // p(next)
	top int     // most likely token, the first of equals
}

// predict reads a row of logits. lse is its log-sum-exp.
func predict(logits []float32, next int32) (p prediction, lse float64) {
	lse = kernel.LogSumExp(logits)
	p.nll = lse - float64(logits[next])
	p.p = math.Exp(-p.nll)
	p.top = argmax(logits)
	return p, lse
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// divergence is the Kullback–Leibler divergence Σ p·(log p − log q) of two rows of logits, in nats, from their
// log-sum-exps. exp is scratch of the same length.
func divergence(base, quant, exp []float32, lseBase, lseQuant float64) float64 {
	top := kernel.Max(base)
	total := kernel.ExpSum(exp, base, top)
	s := 0.0
	for i, e := range exp {
		s += float64(e) * (float64(base[i]) - float64(quant[i]))
	}
	return s/total - lseBase + lseQuant
}

// largest appends the indices of the k largest elements of x to dst, largest first; the earlier of equals goes first.
func largest(dst []int32, x []float32, k int) []int32 {
	for i, v := range x {
		if len(dst) == k && !(v > x[dst[k-1]]) {
			continue
		}
		if len(dst) < k {
			dst = append(dst, 0)
		}
		j := len(dst) - 1
		for ; j > 0 && v > x[dst[j-1]]; j-- {
			dst[j] = dst[j-1]
		}
		dst[j] = int32(i)
	}
	return dst
}

// overlap is the share of the tokens in a that are in b.
func overlap(a, b []int32) float64 {
	n := 0
	for _, t := range a {
		for _, u := range b {
			if t == u {
				n++
			}
		}
	}
	return float64(n) / float64(len(a))
}
