package verify

import (
	"fmt"
	"math"
	"sort"
	"strings"
)

// A Bin counts the predictions whose divergence is in a range.
type Bin struct {
	From  float64 `json:"from"` // nats
	To    float64 `json:"to"`
	Count int     `json:"count"`
}

// The histogram has binsPerDecade bins of equal width in the logarithm; its first and last bin take what is beyond.
const (
	firstDecade, lastDecade = -6, 2
	binsPerDecade           = 4
)

func histogram(kld []float64) []Bin {
	const n = (lastDecade - firstDecade) * binsPerDecade
	edge := func(i int) float64 { return math.Pow(10, firstDecade+float64(i)/binsPerDecade) }
	bins := make([]Bin, n)
	for i := range bins {
		bins[i] = Bin{From: edge(i), To: edge(i + 1)}
	}
	bins[0].From = 0
	for _, v := range kld {
		i := 0
		if v > bins[0].To { // NaN goes to the first bin
			i = min(n-1, int((math.Log10(v)-firstDecade)*binsPerDecade))
		}
		bins[max(0, i)].Count++
	}
	return bins
}

// positionBins is how many parts the scored positions of a chunk are cut into.
const positionBins = 8

// positions shows whether losses grow with the length of the context.
func (r *run) positions(t, base *track, b *bootstrap) []Part {
	out := []Part{}
	if r.number.begin != nil {
		return out // a conversation's answers are anywhere
	}
	bins := min(positionBins, r.perChunk)
	for i := range bins {
		from, to := i*r.perChunk/bins, (i+1)*r.perChunk/bins
		part := t.pick(r.perChunk, func(_, pos int) bool { return pos >= from && pos < to })
		first := r.opt.Ctx / 2
		p := part.describe(base.pick(r.perChunk, func(_, pos int) bool { return pos >= from && pos < to }), b)
		p.Name = fmt.Sprintf("%d–%d", first+from+1, first+to)
		out = append(out, p)
	}
	return out
}

// domains shows each part of the text by itself; nil when the text has one.
func (r *run) domains(t, base *track, versus bool) []Part {
	var out []Part
	begin := 0
	for _, d := range r.opt.Domains {
		end := min(begin+d.Chunks, r.chunks)
		if end <= begin {
			break
		}
		in := func(chunk, _ int) bool { return chunk >= begin && chunk < end }
		var other *track
		if versus {
			other = base.pick(r.perChunk, in)
		}
		p := t.pick(r.perChunk, in).describe(other, newBootstrap(end-begin))
		p.Name = d.Name
		out = append(out, p)
		begin = end
	}
	if len(r.opt.Domains) < 2 {
		return nil
	}
	return out
}

// pick is the track of some of the predictions.
func (t *track) pick(perChunk int, want func(chunk, pos int) bool) *track {
	out := &track{}
	for i := range t.nll {
		if want(i/perChunk, i%perChunk) {
			out.nll, out.kld, out.top = append(out.nll, t.nll[i]), append(out.kld, t.kld[i]), append(out.top, t.top[i])
		}
	}
	return out
}

func (t *track) describe(base *track, b *bootstrap) Part {
	p := Part{Scored: len(t.nll), Perplexity: b.perplexity(t.nll)}
	if base != nil {
		kld, top := b.mean(mean(t.kld), t.kld, same), b.share(t.sameTop(base))
		p.KLD, p.SameTop = &kld, &top
	}
	return p
}

func (r *run) chunkMeans(t, base *track) []Chunk {
	same, flips := indicator(t.sameTop(base)), indicator(t.flips(base))
	out := make([]Chunk, r.chunks)
	for c := range out {
		lo, hi := c*r.perChunk, (c+1)*r.perChunk
		n := float64(r.perChunk)
		sq := 0.0
		for i := lo; i < hi; i++ {
			d := t.p[i] - base.p[i]
			sq += d * d
		}
		out[c] = Chunk{NLL: Number(sum(t.nll[lo:hi]) / n), KLD: Number(sum(t.kld[lo:hi]) / n), SameTop: Number(sum(same[lo:hi]) / n),
			Flips: Number(sum(flips[lo:hi]) / n), DeltaP2: Number(sq / n)}
	}
	return out
}

// A Token is a prediction that the model got most wrong, with the text before it.
type Token struct {
	Chunk   int    `json:"chunk"`
	Pos     int    `json:"position"` // of the token in its chunk
	Before  string `json:"before"`
	Token   string `json:"token"`
	KLD     Number `json:"kld"`
	Base    Number `json:"p_base"`
	Model   Number `json:"p_model"`
	TopBase string `json:"top_base"` // what the base expected
	Top     string `json:"top_model"`
}

// before is how many tokens of context are shown.
const before = 24

// worst lists the predictions that diverge most.
func (r *run) worst(t *track, text [][]int32) []Token {
	if r.opt.Piece == nil {
		return nil
	}
	order := make([]int, len(t.kld))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return t.kld[order[i]] > t.kld[order[j]] })
	var out []Token
	for _, i := range order[:min(r.opt.Worst, len(order))] {
		chunk, pos := r.number.place(i)
		pos++
		var context strings.Builder
		for _, id := range text[chunk][max(0, pos-before):pos] {
			context.WriteString(r.opt.Piece(id))
		}
		out = append(out, Token{Chunk: chunk, Pos: pos, Before: context.String(), Token: r.opt.Piece(text[chunk][pos]), KLD: Number(t.kld[i]),
			Base: Number(r.tracks[0].p[i]), Model: Number(t.p[i]), TopBase: r.opt.Piece(r.tracks[0].top[i]), Top: r.opt.Piece(t.top[i])})
	}
	return out
}
