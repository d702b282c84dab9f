package kernel

// What a sweep knows of the groups of a super-block: for each set of codes that it met, a line, Σ 2·w·x·code and Σ w·code². A group's error
// at any scale is nearly the least that one of its lines has there, less what no code changes.

// A GridFits is room for the lines of GridGroups groups, in units of each; what is not used is zeros.
type GridFits struct {
	Groups int                 // that are used
	LX, L2 []float32           // of every line, for all groups
	Ideal  [GridGroups]float32 // the scale that explains most
	Most   [GridGroups]float32 // what it explains, four times
	Step   [GridGroups]float32 // what one step of the scales is
	Weight [GridGroups]float32 // what the group's error counts for
	Number [GridGroups]uint32  // of the scale chosen last, an odd multiple of the step: 2·number+1
	lx, l2 [GridGroups]float32
}

// Settle finds the scales that explain most.
func (f *GridFits) Settle() { gridSettle.best(f) }

// Losses writes what all groups lose with steps of so many times Step, numbers at most most, and leaves the numbers for the last of
// them. Steps are not zero.
func (f *GridFits) Losses(loss, times []float32, most int) {
	body := gridLosses
	if f.Groups <= GridGroups/2 {
		body = gridLossesHalf
	}
	body.best(f, loss[:len(times)], times, most)
}

// Least says of each group which of a pick's scales loses least, the first one where several do, in Number, and what was chosen at it.
func (f *GridFits) Least(p *GridPick) (lx, l2 *[GridGroups]float32) {
	gridLeast.best(f, p)
	return &f.lx, &f.l2
}

func gridLeastPortable(f *GridFits, p *GridPick) {
	var least [GridGroups]float32
	for n, s := range p.Scale {
		t, g := n/GridGroups, n%GridGroups
		if lost := s * (float32(s*p.L2[n]) - p.LX[n]); t == 0 || lost < least[g] {
			least[g], f.Number[g], f.lx[g], f.l2[g] = lost, uint32(t), p.LX[n], p.L2[n]
		}
	}
}

var (
	gridLeast  = portable(gridLeastPortable)
	gridSettle = portable(gridSettlePortable)
	gridLosses = portable(func(f *GridFits, loss, times []float32, most int) { f.losses(loss, times, most, GridGroups) })

	gridLossesHalf = portable(func(f *GridFits, loss, times []float32, most int) { f.losses(loss, times, most, GridGroups/2) })
)

func gridSettlePortable(f *GridFits) {
	f.Ideal, f.Most = [GridGroups]float32{}, [GridGroups]float32{}
	for n, lx := range f.LX {
		g, l2 := n%GridGroups, f.L2[n]
		scale := lx / l2
		if explained := scale * lx; scale > 0 && explained > f.Most[g] {
			f.Most[g], f.Ideal[g] = explained, scale/2
		}
	}
}

func (f *GridFits) losses(loss, times []float32, most, groups int) {
	for t, by := range times {
		var sum [GridGroups]float32
		for g := range groups {
			step := f.Step[g] * by
			first := float32(int32(min(max(f.Ideal[g]/(step+step)-0.5, 0), float32(most-1))))
			low := float32((first+first)*step) + step
			high := low + (step + step)
			a, b := float32(low*f.L2[g])-f.LX[g], float32(high*f.L2[g])-f.LX[g]
			for n := g + GridGroups; n < len(f.LX); n += GridGroups {
				a = min(a, float32(low*f.L2[n])-f.LX[n])
				b = min(b, float32(high*f.L2[n])-f.LX[n])
			}
			a, b = low*a, high*b
			f.Number[g] = uint32(first)
			if b < a {
				f.Number[g]++
			}
			sum[g] = min(a, b) * f.Weight[g]
		}
		for n := GridGroups / 2; n > 0; n /= 2 {
			for g := range n {
				sum[g] += sum[g+n]
			}
		}
		loss[t] = sum[0]
	}
}
