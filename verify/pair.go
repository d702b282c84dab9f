package verify

import "math"

// A Pair compares two quantizations with each other on the same predictions: differences are A − B, so that a negative
// divergence speaks for A. P is the probability of a difference in divergence at least this large between equals
// (Student's paired test over chunks); pairs are not corrected for their number.
type Pair struct {
	A       string   `json:"a"`
	B       string   `json:"b"`
	KLD     Estimate `json:"kld"`
	LogPPL  Estimate `json:"log_ppl"`
	SameTop Estimate `json:"same_top"`
	P       Number   `json:"p_value"`
	Better  string   `json:"better,omitempty"` // the name, where the interval of the divergence excludes zero
	Needed  int      `json:"chunks_needed,omitempty"`
}

// pairs compares every two models that are not the base.
func (r *run) pairs(b *bootstrap, n int) []Pair {
	var out []Pair
	for i := 1; i < len(r.tracks); i++ {
		for j := i + 1; j < len(r.tracks); j++ {
			p := pair(r.tracks[i].first(n), r.tracks[j].first(n), r.tracks[0].first(n), b)
			p.A, p.B = r.sides[i].Name, r.sides[j].Name
			p.decide(b.chunks)
			out = append(out, p)
		}
	}
	return out
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
	switch {
	case p.KLD.High < 0:
		p.Better = p.A
	case p.KLD.Low > 0:
		p.Better = p.B
	default:
		p.Needed = moreChunks(chunks, (p.KLD.High-p.KLD.Low)/2, math.Abs(p.KLD.Value))
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
