package kernel

import "math"

// GroupLanes is the number of groups that are fitted side by side.
const GroupLanes = 32

// MaxGroup is the largest number of weights in a group.
const MaxGroup = 32

// Groups are up to 32 groups of 16 or 32 weights, one in each lane, under a search for scales: what block encoders spend
// their time on. Element i of all groups lies side by side, so that one instruction works on many groups, while each group's
// sums are added in the order of its elements, whatever the width of the registers. Weights are finite, and W is not negative.
// Lanes without a group hold zeros. The assembly knows this layout.
type Groups struct {
	X    [MaxGroup * GroupLanes]float32
	_    [336]float32 // a store must not have the low address bits of the loads after it: they would wait for it
	W    [MaxGroup * GroupLanes]float32
	_    [336]float32
	Code [MaxGroup * GroupLanes]float32

	Scale, Min, Loss, D, DMin          [GroupLanes]float32
	SumW, SumWX, SumWQ, SumWQQ, SumWQX [GroupLanes]float32
	top, _, inv, best                  [GroupLanes]float32 // T0… of the programs
	AtScale, AtMin                     [GroupLanes]float32
	_, _, _                            [GroupLanes]float32 // what the programs have no register for
	params, first                      [5]float32
}

// LoadX takes up to 32 groups of n weights each, one after the other.
func (g *Groups) LoadX(x []float32, n int) { PackF32(g.X[:n*GroupLanes], x, len(x)/n, n) }

// LoadW takes the weights of squared errors likewise.
func (g *Groups) LoadW(w []float32, n int) { PackF32(g.W[:n*GroupLanes], w, len(w)/n, n) }

// A laneKernel works on the n elements of all groups; the table's meaning is each kernel's own.
type laneKernel func(g *Groups, n int, table []float32)

// laneBodies begins the list of bodies of a kernel with the portable one, which works on one lane after the other.
func laneBodies(f func(l *lane, table []float32)) *bodies[laneKernel] {
	return portable(laneKernel(func(g *Groups, n int, table []float32) {
		for i := range GroupLanes {
			l := lane{g: g, i: i, n: n}
			for e := range n {
				l.x[e], l.w[e] = g.X[e*GroupLanes+i], g.W[e*GroupLanes+i]
			}
			f(&l, table)
		}
	}))
}

// lanesOf makes a body of an assembly function; entries of its table have so many numbers.
func lanesOf(f func(g *Groups, n uintptr, table *float32, steps uintptr, params *float32), numbers int) laneKernel {
	return func(g *Groups, n int, table []float32) {
		var first *float32
		if len(table) > 0 {
			first = &table[0]
		}
		f(g, uintptr(n), first, uintptr(len(table)/numbers), &g.params[0])
	}
}

// A lane is one group, for the portable bodies.
type lane struct {
	g    *Groups
	i, n int
	x, w [MaxGroup]float32
	q    [MaxGroup]float32
}

var (
	sweepMin     = laneBodies(func(l *lane, t []float32) { l.sweepMin(t, false) })
	sweepMinAbs  = laneBodies(func(l *lane, t []float32) { l.sweepMin(t, true) })
	weighAbs     = laneBodies((*lane).weighAbs)
	weighSquares = laneBodies((*lane).weighSquares)
	weighBy      = laneBodies((*lane).weighBy)
	weighPlus    = laneBodies((*lane).weighPlus)
	sums         = laneBodies((*lane).sums)
	squares      = laneBodies((*lane).squares)
	sweepSym     = laneBodies((*lane).sweepSym)
	descendSym   = laneBodies((*lane).descendSym)
	walkMin      = laneBodies((*lane).walkMin)
	walkSym      = laneBodies((*lane).walkSym)
	takeMin      = laneBodies((*lane).takeMin)
	takeSym      = laneBodies((*lane).takeSym)
	scanSym      = laneBodies((*lane).scanSym)
	scanMin      = laneBodies((*lane).scanMin)
)

// levelZero is 1.5·2²³: adding it leaves no room for a fraction, so that taking it away again leaves an integer, rounded to even.
// Numbers of more than 22 bits come out wrong, and too large all the same.
const levelZero = 12582912

// level rounds to a level between two.
func level(u, lo, hi float32) float32 { return min(max(u+levelZero-levelZero, lo), hi) }

// levelBy is y·inv rounded once to a level between two that lo and hi are levelZero more than.
func levelBy(y, inv, lo, hi float32) float32 {
	return min(max(fma(y, inv, levelZero), lo), hi) - levelZero
}

// orZero replaces what is infinite or not a number by zero.
func orZero(v float32) float32 {
	if v <= math.MaxFloat32 {
		return v
	}
	return 0
}

// inverseOf is zero where the inverse is not finite.
func inverseOf(s float32) float32 {
	if inv := 1 / s; inv <= math.MaxFloat32 && inv >= -math.MaxFloat32 {
		return inv
	}
	return 0
}

// SweepMin fits each group by levels 0…top, a scale and a minimum that is not above zero: ggml's make_qkx2_quants and
// make_qkx3_quants. It takes levels at inverse scales of table/(largest - minimum), refits scale and minimum to each by
// weighted least squares, and keeps the least error, of squares or (abs) magnitudes; levels are counted from the best minimum so
// far, so the order of the table matters. Scale, Min and Loss receive the result.
func (g *Groups) SweepMin(n, top int, abs bool, table []float32) {
	g.params = [5]float32{float32(top)}
	if abs {
		sweepMinAbs.best(g, n, table)
	} else {
		sweepMin.best(g, n, table)
	}
}

// LevelMin is the level of a weight that the last SweepMin of a group liked best.
func (g *Groups) LevelMin(i int, x float32) int {
	return int(level(float32((x-g.best[i])*g.inv[i]), 0, g.params[0]))
}

// SweepSym fits each group by levels lo…hi and a scale of either sign: ggml's make_qx_quants. It takes levels at inverse
// scales of table/(the first weight of the largest magnitude) and keeps the scale that explains most. Scale receives
// it, SumWQQ what an error in it costs, SumW the sum of the weights. Without weighted, W counts as one everywhere.
func (g *Groups) SweepSym(n, lo, hi int, weighted bool, table []float32) {
	g.params = [5]float32{float32(lo), float32(hi), flag(weighted)}
	sweepSym.best(g, n, table)
}

// Inverse and From are the inverse scales of the levels that the last sweep liked best, and what SweepMin counted those from.
func (g *Groups) Inverse() *[GroupLanes]float32 { return &g.inv }
func (g *Groups) From() *[GroupLanes]float32    { return &g.best }

// Top is the first weight of the largest magnitude of each group, as the last SweepSym or ScanSym found it; one where all are about zero.
func (g *Groups) Top() *[GroupLanes]float32 { return &g.top }

// LevelSym is the level of a weight that the last SweepSym of a group liked best.
func (g *Groups) LevelSym(i int, x float32) int {
	return int(level(float32(x*g.inv[i]), g.params[0], g.params[1]))
}

// DescendSym fits each group as ggml's make_q3_quants: the scale that takes the largest magnitude to -zero, then up to five
// rounds in which single levels move to where the others want them. Scale receives the result, Code the levels.
func (g *Groups) DescendSym(n, zero int) {
	g.params = [5]float32{float32(-zero), float32(zero - 1), 1}
	g.first = [5]float32{float32(-zero)}
	descendSym.best(g, n, g.first[:])
}

// WalkMin moves the integer scale and minimum of each group (Scale and Min, in units of D and DMin, from 0 to most) to the best
// of the table's steps from AtScale and AtMin, if that is better than Loss. An entry of the table is a step of the scale, one of the
// minimum, and one of the minimum in units of D/DMin, which is rounded. Without weighted, W counts as one everywhere.
func (g *Groups) WalkMin(n, top, most int, weighted bool, table []float32) {
	g.params = [5]float32{levelZero + float32(top), float32(most), flag(weighted)}
	walkMin.best(g, n, table)
}

// WalkSym does so with integer scales from least to most.
func (g *Groups) WalkSym(n, zero, least, most int, weighted bool, table []float32) {
	g.params = [5]float32{levelZero + float32(-zero), levelZero + float32(zero-1), flag(weighted), float32(least), float32(most)}
	walkSym.best(g, n, table)
}

func flag(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// TakeMin takes levels 0…top for value = Scale·level - Min and adds up what a refit needs: SumW, SumWX, SumWQ, SumWQQ and
// SumWQX; Loss is the weighted squared error of the decoded values.
func (g *Groups) TakeMin(n, top int, weighted bool) {
	g.params = [5]float32{levelZero + float32(top), 0, flag(weighted)}
	takeMin.best(g, n, nil)
}

// TakeSym does so for value = Scale·level, levels lo…hi, with SumWQQ and SumWQX.
func (g *Groups) TakeSym(n, lo, hi int, weighted bool) {
	g.params = [5]float32{levelZero + float32(lo), levelZero + float32(hi), flag(weighted)}
	takeSym.best(g, n, nil)
}

// ScanSym does what SweepSym does with sums that are rounded once for each weight, and without what llama-quantize's bytes depend on: Scale
// is the scale that explains most of all the table's, which refits find for levels at inverse scales of table/(the first weight of the
// largest magnitude), SumWQQ what an error in it costs.
func (g *Groups) ScanSym(n, lo, hi int, weighted bool, table []float32) {
	g.params = [5]float32{levelZero + float32(lo), levelZero + float32(hi), flag(weighted)}
	scanSym.best(g, n, table)
}

// ScanMin does what SweepMin does by sums alone: what a refit explains. Scale and Min receive the best, SumW and SumWX the sums. Without
// weighted, W counts as one everywhere.
func (g *Groups) ScanMin(n, top int, weighted bool, table []float32) {
	g.params = [5]float32{levelZero + float32(top), float32(top), flag(weighted)}
	scanMin.best(g, n, table)
}

// WeighAbs makes the weights |x|, plus the root mean square of the group if that is wanted.
func (g *Groups) WeighAbs(n int, mean bool) {
	g.params = [5]float32{float32(n), flag(mean)}
	weighAbs.best(g, n, nil)
}

// WeighSquares makes the weights x².
func (g *Groups) WeighSquares(n int) { weighSquares.best(g, n, nil) }

// WeighPlus adds DMin to the weights.
func (g *Groups) WeighPlus(n int) { weighPlus.best(g, n, nil) }

// Sums sets SumW to the sum of each group's weights, SumWX to that of its squares.
func (g *Groups) Sums(n int) { sums.best(g, n, nil) }

// Squares is the sum of squares of numbers, a multiple of 32 of them, not none; SumWX is written over.
func (g *Groups) Squares(x []float32) (sum float64) {
	squares.best(g, 0, x)
	for _, v := range g.SumWX {
		sum += float64(v)
	}
	return sum
}

// WeighBy makes weights of importance: DMin is added, and the sum multiplied by √(D + x²).
func (g *Groups) WeighBy(n int) { weighBy.best(g, n, nil) }
