package kernel

import "math"

// Codebook types: four or eight weights, a point, become a member of a codebook. Around the points that the weights round to at
// several scales lie members; what each of them adds up to, Σ w·x·code and Σ w·code², tells what it gains at any scale.

const (
	GridRounds = 8                     // scales at which a point may be rounded
	GridNear   = 8                     // members around what it rounds to
	GridSet    = GridRounds * GridNear // room for the candidates of a point
	GridWindow = 4 * GridNear          // of them, those of four rounds, are looked at for a scale
	GridScales = 4                     // scales go in fours
	GridGroups = 16                    // room for the groups of a super-block
)

// A Grid is a codebook with the values of its levels.
type Grid struct {
	Dims int      // 4 dimensions of up to eight levels, or 8 of three
	Near []uint16 // of each point: the members around it as their levels, a nibble each, or with eight dimensions two bits

	rounds int // an even number
	table  []float32
	p, q   [64]float32 // what nibbles of members add: room for Sums
}

// The parts of a Grid's table, by their first element.
const (
	gridMiddle  = 0   // eight: between levels, +Inf behind the last
	gridValue   = 8   // sixteen: by the lower two bits of a nibble, or by a whole nibble
	gridUpper   = 24  // sixteen: by the upper two bits
	gridSquare  = 40  // the squares of both
	gridUpper2  = 56  //
	gridInverse = 72  // 64: of each round's scale, for every dimension
	gridPlace   = 136 // sixteen integers: what a level of each dimension adds to a point's number
	gridTable   = 152
)

// NewGrid makes a Grid of a codebook, for one user at a time. Its points are rounded at an even number of scales, of which the inverse are given.
func NewGrid(dims int, value []float32, near []uint16, inverse []float32) *Grid {
	g := &Grid{Dims: dims, Near: near, rounds: len(inverse), table: make([]float32, gridTable)}
	t := g.table
	for i := range 8 {
		t[gridMiddle+i] = float32(math.Inf(1))
		if i+1 < len(value) {
			t[gridMiddle+i] = (value[i] + value[i+1]) / 2
		}
	}
	for i := range 16 {
		low, high := i&7, i&7
		if dims == 8 {
			low, high = i&3, i>>2
		}
		if low < len(value) {
			t[gridValue+i], t[gridSquare+i] = value[low], float32(value[low]*value[low])
		}
		if high < len(value) {
			t[gridUpper+i], t[gridUpper2+i] = value[high], float32(value[high]*value[high])
		}
		place := uint32(1)
		for range i % dims {
			place *= uint32(len(value))
		}
		t[gridPlace+i] = math.Float32frombits(place)
	}
	for r, v := range inverse {
		for i := range dims {
			t[gridInverse+r*dims+i] = v
		}
	}
	return g
}

// GridPoints is room for the candidates of points.
type GridPoints struct {
	Sum    []float32 // of each point GridSet times 2·Σ w·x·code, then as often Σ w·code²
	Number []uint32  // the GridRounds points of the grid that it rounds to
	Pair   []uint32  // of each candidate both sums in words, in units of the point
}

// NewGridPoints makes room for n points.
func NewGridPoints(n int) GridPoints {
	return GridPoints{make([]float32, n*2*GridSet), make([]uint32, n*GridRounds), make([]uint32, n*GridSet)}
}

// Fill finds the candidates of points, from weights x and what their squared errors count for, w. Both are finite. They are those of rounds
// from the given one on: where points have several values of levels, each has its own rounds.
func (g *Grid) Fill(to GridPoints, round int, x, w []float32) {
	if n := len(x) / g.Dims; n > 0 {
		fill := gridFill4.best
		if g.Dims == 8 {
			fill = gridFill8.best
		}
		fill(to.Sum[:n*2*GridSet], to.Number[:n*GridRounds], round, x[:n*g.Dims], w[:n*g.Dims], g)
	}
}

// Close makes pairs of the sums of so many candidates of each point, a multiple of eight, when all of them are there.
func (to GridPoints) Close(candidates int) {
	gridPairs.best(to.Pair, to.Sum[:2*len(to.Pair)], candidates)
}

// A GridPick is what PickGrid is asked and what it answers about the groups of a super-block. Scales go in fours, of which Fours are looked at.
type GridPick struct {
	Points, Groups, Fours int
	Wide                  bool      // all that there is room for is looked at, not a window
	Scale                 []float32 // of GridGroups groups, one after the other; none is negative
	First                 []uint32  // where the window of each of them begins
	LX, L2                []float32 // of each scale, for GridGroups groups: 2·Σ w·x·code and Σ w·code² of what was chosen
	times                 []uint32  // what pairs are multiplied by for each scale: a word for either sum
	Found                 []uint32  // of each group, for four scales after the other, point by point, the candidates that these are
}

// NewGridPick makes room for so many points.
func NewGridPick(points, groups, fours int, wide bool) GridPick {
	n := GridGroups * fours * GridScales
	return GridPick{
		points / groups, groups, fours, wide, make([]float32, n), make([]uint32, n), make([]float32, n), make([]float32, n),
		make([]uint32, n), make([]uint32, points*fours*GridScales),
	}
}

// Aim sees to scales that were changed.
func (p *GridPick) Aim() { gridAim.best(p.times, p.Scale[:len(p.times)], p.window()) }

// window is how many candidates are looked at.
func (p *GridPick) window() int {
	if p.Wide {
		return GridSet
	}
	return GridWindow
}

// PickGrid chooses for each scale the candidate of every point of a group that gains most at it, 2·s·p - s²·q where p and q are its sums, among
// a window, and adds up what the chosen have. Gains are compared by pairs.
func PickGrid(p *GridPick, from GridPoints) {
	pick := gridPick.best
	if p.Wide {
		pick = gridPickWide.best
	}
	n := p.Groups * p.Points
	pick(p, from.Sum[:n*2*GridSet], from.Pair[:n*GridSet])
}

type (
	gridFillBody func(sum []float32, number []uint32, round int, x, w []float32, g *Grid)
	gridPickBody func(p *GridPick, sum []float32, pair []uint32)
)

var (
	gridFill4 = portable(gridFillBody(gridFillPortable))
	gridFill8 = portable(gridFillBody(gridFillPortable))

	gridPairs    = portable(gridPairsPortable)
	gridAim      = portable(gridAimPortable)
	gridPick     = portable(gridPickBody(gridPickPortable))
	gridPickWide = portable(gridPickBody(gridPickPortable))
)

func gridFillPortable(sum []float32, number []uint32, round int, x, w []float32, g *Grid) {
	var tp, tq [64]float32
	for d := g.Dims; len(x) > 0; x, w, sum, number = x[d:], w[d:], sum[2*GridSet:], number[GridRounds:] {
		g.slots(&tp, &tq, x, w)
		for r := range g.rounds {
			at := g.round(x, g.table[gridInverse+r*d])
			number[round+r] = at
			to := sum[(round+r)*GridNear:]
			for j, m := range g.Near[at*GridNear:][:GridNear] {
				to[j], to[GridSet+j] = slotSum(&tp, m), slotSum(&tq, m)
			}
		}
	}
}

// slots are what nibbles of members add to both sums: sixteen for each of four.
func (g *Grid) slots(tp, tq *[64]float32, x, w []float32) {
	value, upper, square, upper2 := g.table[gridValue:][:16], g.table[gridUpper:][:16], g.table[gridSquare:][:16], g.table[gridUpper2:][:16]
	for k := range 4 {
		if g.Dims == 4 {
			wx := float32(w[k]*x[k]) * 2
			for i := range 16 {
				tp[16*k+i], tq[16*k+i] = wx*value[i], w[k]*square[i]
			}
			continue
		}
		a, b := float32(w[2*k]*x[2*k])*2, float32(w[2*k+1]*x[2*k+1])*2
		for i := range 16 {
			tp[16*k+i] = float32(a*value[i]) + float32(b*upper[i])
			tq[16*k+i] = float32(w[2*k]*square[i]) + float32(w[2*k+1]*upper2[i])
		}
	}
}

func slotSum(t *[64]float32, m uint16) float32 {
	return (t[m&15] + t[16+m>>4&15]) + (t[32+m>>8&15] + t[48+m>>12])
}

// round takes the nearest level of each weight.
func (g *Grid) round(x []float32, inverse float32) (number uint32) {
	for i, v := range x[:g.Dims] {
		u := float32(v * inverse)
		for _, m := range g.table[gridMiddle:][:8] {
			if u > m {
				number += math.Float32bits(g.table[gridPlace+i])
			}
		}
	}
	return number
}

func gridPairsPortable(pair []uint32, sum []float32, candidates int) {
	for ; len(pair) > 0; pair, sum = pair[GridSet:], sum[2*GridSet:] {
		most := float32(1e-30)
		for j := range candidates {
			p, q := sum[j], sum[GridSet+j]
			most = max(most, p, -p, q)
		}
		unit := math.MaxInt16 / most
		for j := range candidates {
			p, q := math.RoundToEven(float64(sum[j]*unit)), math.RoundToEven(float64(sum[GridSet+j]*unit))
			pair[j] = uint32(uint16(int16(p))) | uint32(int16(q))<<16
		}
	}
}

// Both words are multiples of the window, which leaves room for a candidate's place below every gain. The larger one is as large as that allows.
func gridAimPortable(times []uint32, scale []float32, window int) {
	top := float32(1<<15/window - 1)
	for i, s := range scale {
		unit := top / max(s, 1)
		p, q := math.RoundToEven(float64(unit)), math.RoundToEven(float64(s*unit))
		times[i] = uint32(uint16(int16(p)*int16(window))) | uint32(-int16(q)*int16(window))<<16
	}
}

// Gains are compared with the candidate's place in their lowest bits, so that no two are equal and the largest tells its place.
func gridPickPortable(p *GridPick, sum []float32, pair []uint32) {
	window := uint32(p.window())
	for n, times := range p.times {
		t, g := n/GridGroups, n%GridGroups
		if g >= p.Groups {
			continue
		}
		var lx, l2 float32
		for k := range p.Points {
			at := g*p.Points + k
			best := int32(math.MinInt32)
			for j, v := range pair[at*GridSet+int(p.First[n]):][:window] {
				gain := int32(int16(v))*int32(int16(times)) + int32(int16(v>>16))*int32(int16(times>>16))
				best = max(best, gain|int32(j))
			}
			j := uint32(best) & (window - 1)
			of := sum[at*2*GridSet+int(p.First[n]+j):]
			lx, l2 = lx+of[0], l2+of[GridSet]
			p.Found[((g*p.Fours+t/GridScales)*p.Points+k)*GridScales+t%GridScales] = p.First[n] + j
		}
		p.LX[n], p.L2[n] = lx, l2
	}
}

// Sums writes the sums of members of one point, as Fill has them; their number is a multiple of sixteen.
func (g *Grid) Sums(p, q []float32, member []uint16, x, w []float32) {
	g.slots(&g.p, &g.q, x, w)
	gridSums.best(p[:len(member)], q[:len(member)], member, &g.p, &g.q)
}

// MostGain is the place of what gains most at scale s, the first one where several do. There are fewer than 65536, a multiple of sixteen.
func MostGain(p, q []float32, s float32) int { return gridMost.best(p, q[:len(p)], s) }

var (
	gridSums = portable(func(p, q []float32, member []uint16, tp, tq *[64]float32) {
		for i, m := range member {
			p[i], q[i] = slotSum(tp, m), slotSum(tq, m)
		}
	})
	gridMost = portable(func(p, q []float32, s float32) (at int) {
		most := float32(math.Inf(-1))
		for i, v := range p {
			if gain := v - float32(s*q[i]); gain > most {
				most, at = gain, i
			}
		}
		return at
	})
)

// Free writes what points gain at scale s with the nearest level of each weight, whether that makes a member or not: no member gains
// more. Points of four dimensions come in pairs.
func (g *Grid) Free(gain, x, w []float32, s float32) {
	if n := len(x) / g.Dims; n > 0 {
		free := gridFree4.best
		if g.Dims == 8 {
			free = gridFree8.best
		}
		free(gain[:n], x, w[:len(x)], g, s)
	}
}

type gridFreeBody func(gain, x, w []float32, g *Grid, s float32)

var (
	gridFree4 = portable(gridFreeBody(gridFreePortable))
	gridFree8 = portable(gridFreeBody(gridFreePortable))
)

// Sums are added as vectors add them: weights four apart, then two and one.
func gridFreePortable(gain, x, w []float32, g *Grid, s float32) {
	levels := map[int]int{4: 8, 8: 3}[g.Dims]
	for p := range gain {
		var sum [8]float32
		for i, v := range x[p*g.Dims:][:g.Dims] {
			level := float32(s * g.table[gridValue])
			for _, l := range g.table[gridValue+1:][:levels-1] {
				if next := float32(s * l); next-v < v-level {
					level = next
				}
			}
			sum[i] = float32(w[p*g.Dims+i] * float32(level*((v+v)-level)))
		}
		if g.Dims == 8 {
			for i := range 4 {
				sum[i] += sum[i+4]
			}
		}
		gain[p] = (sum[0] + sum[2]) + (sum[1] + sum[3])
	}
}
