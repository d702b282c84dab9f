package verify

import "slices"

// Sequential decisions look at the chunks several times and stop at the first look that is certain. Looking often makes
// chance more likely to show what is not there; what each look may err is therefore a part of the whole: alpha is spent as
// in Lan and DeMets, Discrete Sequential Boundaries for Clinical Trials, Biometrika 70 (1983), but the parts are
// simply added up. By Boole's inequality the probability that any look's interval misses the truth is at most the sum of
// theirs, whatever the looks have to do with each other. Looks come at doubled numbers of chunks, so there are few of them:
// the last one, which often has to decide, gets most of alpha, the others share the rest.

// firstLook is how many chunks are seen before anything is decided early: with fewer, the means of skewed losses are
// too far from normal.
const firstLook = 8

const (
	lastPart = 0.75 // what the last look gets
	kept     = 0.8  // what is spent at all: the rest pays for losses that are not quite normal, as the simulation shows
)

// looks are the numbers of chunks at which a run of total chunks may be decided.
func looks(total int) []int {
	var out []int
	for n := firstLook; n < total; n *= 2 {
		out = append(out, n)
	}
	return append(out, total)
}

// spend is the part of alpha that belongs to look k of n.
func spend(alpha float64, k, n int) float64 {
	switch {
	case n == 1:
		return kept * alpha
	case k == n-1:
		return kept * alpha * lastPart
	}
	return kept * alpha * (1 - lastPart) / float64(n-1)
}

// nextLook is the number of chunks at which a run that has finished some may be decided next.
func (r *run) nextLook(chunks int) int {
	if g := r.opt.Gates; g != nil && g.Sequential {
		for _, n := range looks(r.total) {
			if n > chunks {
				return n
			}
		}
	}
	return r.total
}

// decided records that chunks are finished and, in a sequential run, whether that is enough for all verdicts.
func (r *run) decided(chunks int) bool {
	r.chunks = chunks
	g := r.opt.Gates
	if g == nil || !g.Sequential || len(r.sides) < 2 {
		return false
	}
	all := looks(r.total)
	for r.look < len(all)-1 && all[r.look+1] <= chunks {
		r.look++ // several were passed at once: the last of them counts
	}
	k := r.look
	if k >= len(all) || all[k] > chunks {
		return false
	}
	r.look++
	r.verdicts = r.judge(g.risk(spend(g.alpha(), k, len(all)), len(r.sides)-1), r.verdicts)
	return g.settled(r.verdicts, len(r.sides)-1)
}

// risk divides alpha among the gates of all models, so that alpha is the probability of any wrong decision about any model. A
// model passes when all of its gates do; where it should not, one gate has to pass wrongly, and which one does not matter: so
// wrong passes are divided by models only (an intersection-union test: Berger, Technometrics 24, 1982). A wrong failure
// of any gate fails a model: those are divided by all gates of all models (Bonferroni). Upper ends of intervals of skewed losses
// are missed more often than they should the rarer that is to be, so each further model counts one and a half times.
func (g *Gates) risk(alpha float64, models int) risk {
	return risk{pass: alpha / 2 / (1.5*float64(models) - 0.5), fail: alpha / 2 / float64(models*len(g.Limits))}
}

// judge checks all limits on the chunks that are finished; what was decided before stays.
func (r *run) judge(each risk, before []Verdict) []Verdict {
	g := r.opt.Gates
	n := r.chunks * r.perChunk
	base := r.tracks[0].first(n)
	var out []Verdict
	for i, t := range r.tracks[1:] {
		for j, l := range g.Limits {
			if k := i*len(g.Limits) + j; k < len(before) && before[k].Outcome != Inconclusive {
				out = append(out, before[k])
				continue
			}
			decide := g.Decide
			if g.Sequential && r.chunks < r.total {
				decide = Upper // what is in doubt is not settled yet
			}
			v := l.check(t.first(n), base, r.perChunk, decide, each)
			v.Model, v.Decide = r.sides[i+1].Name, g.Decide
			out = append(out, v)
		}
	}
	return out
}

// settled says that more chunks cannot change what becomes of any model: one of its gates failed, or all passed.
func (g *Gates) settled(verdicts []Verdict, models int) bool {
	per := len(g.Limits)
	for m := range models {
		mine := verdicts[m*per : (m+1)*per]
		if slices.ContainsFunc(mine, func(v Verdict) bool { return v.Outcome == Fail }) {
			continue
		}
		if slices.ContainsFunc(mine, func(v Verdict) bool { return v.Outcome == Inconclusive }) {
			return false
		}
	}
	return true
}

func (g *Gates) alpha() float64 {
	if g.Alpha == 0 {
		return DefaultAlpha
	}
	return g.Alpha
}

// verdictsOf are the verdicts of a finished run.
func (r *run) verdictsOf() []Verdict {
	g := r.opt.Gates
	if g == nil || len(r.sides) < 2 {
		return nil
	}
	if g.Sequential {
		return r.verdicts
	}
	return r.judge(g.risk(spend(g.alpha(), 0, 1), len(r.sides)-1), nil)
}
