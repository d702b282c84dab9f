package model

import (
	"math"

	"quern/internal/arch"
	"quern/internal/kernel"
)

// A route sends a row of a batch to an expert.
type route struct {
	row    int
	weight float32 // of what the expert makes of it
}

// A choice is one of the experts of a row.
type choice struct {
	expert int32
	weight float32
}

// route decides from the router's outputs [m][X] which rows go to which expert: routes begins[i]…begins[i+1] are those of expert i,
// rows in their order.
func (r *run) route(scores []float32, x *mixture, m int) {
	mix := &r.m.params.Mix
	n, used := mix.Count, x.used
	chosen, grouped := grow(&r.chosen, m*used), grow(&r.grouped, m*min(used, used*x.groups.n))
	r.eachRow(m, func(w *worker, row int) {
		of := chosen[row*used:][:used]
		r.choose(w, of, scores[row*n:][:n], x.bias)
		for i := 0; i < len(of) && x.outScale != nil; i++ {
			of[i].weight *= x.outScale[of[i].expert]
		}
		if len(grouped) > 0 {
			r.shareGroups(grouped[row*used:][:used], of, scores[row*n:][:n])
		}
	})
	r.send(chosen, n, used)
}

// shareGroups sends a row to the experts of the groups that those belong to which it is sent to.
func (r *run) shareGroups(grouped, chosen []choice, probs []float32) {
	mix := &r.m.params.Mix
	sum := float32(0)
	for i, c := range chosen {
		group := c.expert / int32(mix.PerGroup)
		grouped[i] = choice{group, c.weight}
		sum += probs[group]
	}
	for i := range grouped {
		if r.mode == Deploy { // runtimes take the probabilities of those experts that have the groups' numbers
			grouped[i].weight = probs[grouped[i].expert] / max(sum, 1.0/16384)
		}
		grouped[i].weight *= mix.GroupScale
	}
}

// send sorts the rows of choices, so many for each row, by which of n experts they go to.
func (r *run) send(chosen []choice, n, used int) {
	begins := grow(&r.begins, n+1)
	clear(begins)
	if r.err != nil {
		return
	}
	for _, c := range chosen {
		begins[c.expert+1]++
	}
	for i := range n {
		begins[i+1] += begins[i]
	}
	next := append(grow(&r.next, 0), begins...)
	r.next = next
	routes := grow(&r.routes, len(chosen))
	for i, c := range chosen {
		routes[next[c.expert]] = route{i / used, c.weight}
		next[c.expert]++
	}
}

// sameRow is how many of an expert's routes from the given place on are of one row, where that is the row's first; 0 at its others. A row comes several times to what experts share,
// and where a table sends a token to an expert twice; whoever has the first adds them all.
func sameRow(routes []route, at int) (n int) {
	row := routes[at].row
	if at > 0 && routes[at-1].row == row {
		return 0
	}
	for at+n < len(routes) && routes[at+n].row == row {
		n++
	}
	return n
}

// choose picks the experts of one row, those with the highest scores, the first of equal ones; scores become probabilities.
func (r *run) choose(w *worker, chosen []choice, scores, bias []float32) {
	mix := &r.m.params.Mix
	if r.m.sparse && r.mode != Deploy {
		sparseMix(chosen, scores)
		return
	}
	if r.mode != Deploy {
		capped(scores, r.m.params.Caps.Router)
	}
	prefer := append(grow(&w.prefer, 0), scores...)
	likely(scores, mix.Gate)
	if !r.m.inGate {
		copy(prefer, scores)
	}
	w.prefer = prefer
	for i := range bias {
		prefer[i] += bias[i]
	}
	if mix.Groups > 1 {
		r.dropGroups(prefer)
	}
	for i := range chosen {
		best := highest(prefer)
		chosen[i] = choice{int32(best), scores[best]}
		prefer[best] = float32(math.Inf(-1))
	}
	r.share(chosen)
}

// likely makes of what a router says how likely experts are.
func likely(scores []float32, gate int) {
	switch gate {
	case arch.GateSigmoid:
		for i, s := range scores {
			scores[i] = 1 / (1 + kernel.Exp(-s))
		}
	case arch.GateSqrtSoftplus:
		for i, s := range scores {
			scores[i] = float32(math.Sqrt(float64(softplus(s))))
		}
	default:
		kernel.Softmax(scores)
	}
}

// routeByToken is route where a table says which experts each token is given to.
func (r *run) routeByToken(scores []float32, table []int32, m int) {
	mix := &r.m.params.Mix
	chosen := grow(&r.chosen, m*mix.Used)
	r.eachRow(m, func(_ *worker, row int) {
		of, scores := chosen[row*mix.Used:][:mix.Used], scores[row*mix.Count:][:mix.Count]
		likely(scores, mix.Gate)
		for i, e := range table[int(r.tokens[row])*mix.Used:][:mix.Used] {
			of[i] = choice{e, scores[e]}
		}
		r.share(of)
	})
	r.send(chosen, mix.Count, mix.Used)
}

// share divides weights of experts by their sum, and multiplies them, where a family does that.
func (r *run) share(chosen []choice) {
	mix := &r.m.params.Mix
	sum := float32(0)
	for _, c := range chosen {
		sum += c.weight
	}
	by := mix.Scale
	if by == 0 {
		by = 1
	}
	if mix.Norm || r.m.runsSum && r.mode == Deploy {
		by /= max(sum, 1.0/16384) // as runtimes do, the least number of half precision: a sum of probabilities may vanish
	}
	if by != 1 {
		for i := range chosen {
			chosen[i].weight *= by
		}
	}
}

// sparseMix picks the best experts one after the other, and weighs each by a softmax over itself and those that come near it, as SparseMixer
// does at inference (arXiv:2409.12136, with the 0.01 that Phi's models were trained with): weights need not sum to one.
func sparseMix(chosen []choice, scores []float32) {
	const near = 2 * 0.01
	left := append([]float32(nil), scores...)
	for i := range chosen {
		best := highest(left)
		top, sum := left[best], float32(0)
		for _, s := range left {
			if math.IsInf(float64(s), -1) || (top-s)/max(abs(s), top) > near {
				continue
			}
			sum += kernel.Exp(s - top)
		}
		chosen[i] = choice{int32(best), 1 / sum}
		left[best] = float32(math.Inf(-1))
	}
}

func abs(x float32) float32 { return max(x, -x) }

// highest is the place of the greatest number, the first of equal ones.
func highest(x []float32) (best int) {
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// dropGroups leaves the scores of the best groups: those whose two best experts have the greatest sum (DeepSeek-V3), or, where
// scores are a softmax, whose best expert is the greatest (DeepSeek-V2). Runtimes know the first way only, so deploy mode does.
func (r *run) dropGroups(prefer []float32) {
	mix := &r.m.params.Mix
	size := mix.Count / mix.Groups
	var groups [1024]float32
	for g := range mix.Groups {
		first, second := float32(math.Inf(-1)), float32(math.Inf(-1))
		for _, v := range prefer[g*size:][:size] {
			if v > first {
				first, second = v, first
			} else if v > second {
				second = v
			}
		}
		groups[g] = first
		if size > 1 && (mix.Gate == arch.GateSigmoid || r.mode == Deploy) {
			groups[g] += second
		}
	}
	var keep [1024]bool
	for range mix.GroupsUsed {
		best := highest(groups[:mix.Groups])
		keep[best] = true
		groups[best] = float32(math.Inf(-1))
	}
	for g := range mix.Groups {
		for i := g * size; i < (g+1)*size && !keep[g]; i++ {
			prefer[i] = float32(math.Inf(-1))
		}
	}
}
