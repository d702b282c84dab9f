package verify

import (
	"math"
	"sort"
)

// A Pair compares two quantizations with each other on the same predictions: differences are A − B, so that a negative
// divergence speaks for A. P is the probability of a difference in divergence at least this large between equals
// (Student's paired test over chunks), Adjusted the same for the largest of all differences of a run: with Holm's
// correction for the number of pairs (Scandinavian Journal of Statistics 6, 1979).
type Pair struct {
	A        string   `json:"a"`
	B        string   `json:"b"`
	KLD      Estimate `json:"kld"`
	LogPPL   Estimate `json:"log_ppl"`
	SameTop  Estimate `json:"same_top"`
	P        Number   `json:"p_value"`
	Adjusted Number   `json:"p_adjusted"`
	Better   string   `json:"better,omitempty"` // the name, where the interval of the divergence excludes zero and p_adjusted is below 0.05
	Needed   int      `json:"chunks_needed,omitempty"`
}

// pairs compares every two models that are not the base.
func (r *run) pairs(b *bootstrap, n int) []Pair {
	var out []Pair
	for i := 1; i < len(r.tracks); i++ {
		for j := i + 1; j < len(r.tracks); j++ {
			p := pair(r.tracks[i].first(n), r.tracks[j].first(n), r.tracks[0].first(n), b)
			p.A, p.B = r.sides[i].Name, r.sides[j].Name
			out = append(out, p)
		}
	}
	holm(out)
	for i := range out {
		out[i].decide(b.chunks)
	}
	return out
}

// holm adjusts the probabilities of pairs: the smallest is multiplied by their number, the next by one less, and none gets below
// the one before it. Where a pair has no probability, none of its differences is proved either.
func holm(pairs []Pair) {
	order := make([]int, len(pairs))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := float64(pairs[order[i]].P), float64(pairs[order[j]].P)
		return a < b || math.IsNaN(b) && !math.IsNaN(a)
	})
	least, left := 0.0, len(pairs)
	for _, i := range order {
		p := &pairs[i]
		p.Adjusted = p.P
		if math.IsNaN(float64(p.P)) {
			continue
		}
		least = max(least, min(1, float64(left)*float64(p.P)))
		p.Adjusted = Number(least)
		left--
	}
}

func pair(a, o, base *track, b *bootstrap) Pair {
	diff := func(x, y []float64) Estimate {
		d := make([]float64, len(x))
		for i := range d {
			d[i] = x[i] - y[i]
		}
		return b.mean(mean(d), d, same)
	}
	p := Pair{KLD: diff(a.kld, o.kld), LogPPL: diff(a.nll, o.nll), P: Number(math.NaN()),
		SameTop: diff(indicator(a.sameTop(base)), indicator(o.sameTop(base)))}
	per := len(a.kld) / b.chunks
	x, y := perChunk(a.kld, per), perChunk(o.kld, per)
	for i := range x {
		x[i] -= y[i]
	}
	if m := mean(x); m.Error > 0 {
		p.P = Number(2 * studentTail(math.Abs(m.Value)/m.Error, float64(b.chunks-1)))
	}
	return p
}

// decide names the better one, or says how many chunks more would probably tell.
func (p *Pair) decide(chunks int) {
	proved := p.Adjusted < 1-confidence
	switch {
	case p.KLD.High < 0 && proved:
		p.Better = p.A
	case p.KLD.Low > 0 && proved:
		p.Better = p.B
	default:
		tail := (1 - confidence) / 2
		wider := studentQuantile(tail*float64(p.P/p.Adjusted), float64(chunks-1)) / studentQuantile(tail, float64(chunks-1)) // for the other pairs' sake
		p.Needed = moreChunks(chunks, wider*(p.KLD.High-p.KLD.Low)/2, math.Abs(p.KLD.Value))
	}
}

// moreChunks is how many chunks beyond n should bring an interval of half width half down to the distance that has to be
// told apart: widths shrink with the root of the number. 0 when no number will do.
func moreChunks(n int, half, distance float64) int {
	f := half / distance
	if !(f > 0) || math.IsInf(f, 0) || f > 1e3 {
		return 0
	}
	return max(1, int(math.Ceil(float64(n)*f*f))-n)
}
