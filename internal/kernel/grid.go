package kernel

import "math"

// Codebook types: four or eight weights, a point, become a member of a codebook. Around the points that the weights round to at
// several scales lie members; what each of them adds up to, Σ w·x·code and Σ w·code², tells what it gains at any scale.

const (
	GridRounds = 8                     // scales at which a point may be rounded
	GridNear   = 8                     // members around what it rounds to
	GridSet    = GridRounds * GridNear // room for the candidates of a point
	GridWindow = 4 * GridNear          // of them, those of four rounds, are looked at for a scale, or all
	GridScales = 4                     // scales go in fours
	GridGroups = 16                    // room for the groups of a super-block
)

// A Grid is a codebook with the values of its levels, of which there may be several sets.
type Grid struct {
	Dims int      // 4 dimensions of up to eight levels, or 8 of three
	Near []uint16 // of each point: the members around it as their levels, a nibble each, or with eight dimensions two bits

	sets, rounds int
	table        []float32   // of each set
	p, q         [64]float32 // what nibbles of members add: room for Sums
}

// The parts of a Grid's table, by their first element.
const (
	gridValue   = 0                              // sixteen: by the lower two bits of a nibble, or by a whole nibble
	gridUpper   = 16                             // sixteen: by the upper two bits
	gridSquare  = 32                             // the squares of both
	gridUpper2  = 48                             //
	gridTop     = 64                             // the largest magnitude of all sets, twice, and its square, twice
	gridAims    = 72                             // what turns measure from: the sums of the lower two values and of the upper two, their differences, the middle one
	gridBetween = 80                             // between levels, as each round scales them, so many vectors for each level: of a round, or with four dimensions of two of them
	gridLevel   = gridBetween + 8*7*GridRounds/2 // with eight dimensions, vectors of each value and then of each square
	gridTable   = gridLevel + 8*6

	gridWord = 32760 // what a point's sums may add up to in words, and less than it may be wrong by roundings
)

// NewGrid makes a Grid of a codebook, for one user at a time. For each set of values points are rounded at the same scales, of which there
// are an even number, for all sets at most GridRounds.
func NewGrid(dims int, values [][]float32, near []uint16, scale []float32) *Grid {
	g := &Grid{Dims: dims, Near: near, sets: len(values), rounds: len(scale), table: make([]float32, gridTable*len(values))}
	top := float32(0)
	for _, value := range values {
		for _, v := range value {
			top = max(top, v, -v)
		}
	}
	for set, value := range values {
		t := g.table[set*gridTable:][:gridTable]
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
		}
		if dims == 8 {
			for l, v := range value {
				for i := range dims {
					t[gridLevel+8*l+i], t[gridLevel+8*(3+l)+i] = v, float32(v*v)
				}
			}
			copy(t[gridAims:], []float32{value[0] + value[1], value[1] + value[2], value[1] - value[0], value[2] - value[1], value[1]})
		}
		t[gridTop], t[gridTop+1], t[gridTop+2], t[gridTop+3] = top, top, float32(top*top), float32(top*top)
		for r, s := range scale {
			for l := range g.levels() - 1 {
				v := float32(math.Inf(1))
				if l+1 < len(value) {
					v = (value[l] + value[l+1]) / 2 * s
				}
				to := t[g.between(r, l):]
				for i := range dims {
					to[i] = v
				}
			}
		}
	}
	return g
}

func (g *Grid) levels() int { return map[int]int{4: 8, 8: 3}[g.Dims] }

// between is where what is between a level and the next one is.
func (g *Grid) between(round, level int) int {
	if g.Dims == 8 {
		return gridBetween + 8*(GridRounds*level+round)
	}
	return gridBetween + 8*(GridRounds/2*level+round/2) + 4*(round%2)
}

// GridPoints is room for the candidates of points.
type GridPoints struct {
	Pair  []uint32  // of each point GridSet times 2·Σ w·x·code and, in the upper word, Σ w·code²
	Step  []float32 // of each point, what one is of these
	unit  []float32 // and the other way round
	Place []uint32  // of each point for GridRounds points of the grid that it rounds to where in Near the members around them begin
}

// NewGridPoints makes room for n points.
func NewGridPoints(n int) GridPoints {
	return GridPoints{make([]uint32, n*GridSet), make([]float32, n), make([]float32, n), make([]uint32, n*GridRounds)}
}

// Sums are those of a candidate of a point.
func (to *GridPoints) Sums(point, candidate int) (p, q float32) {
	v, step := to.Pair[point*GridSet+candidate], to.Step[point]
	return float32(int16(v)) * step, float32(int32(v)>>16) * step
}

// Fill finds the candidates of points, from weights x and what their squared errors count for, w. Both are finite. Rounds follow each other, those
// of one set of values after those of the one before.
func (g *Grid) Fill(to GridPoints, x, w []float32) {
	if n := len(x) / g.Dims; n > 0 {
		fill := gridFill4.best
		if g.Dims == 8 {
			fill = gridFill8.best
		}
		fill(GridPoints{to.Pair[:n*GridSet], to.Step[:n], to.unit[:n], to.Place[:n*GridRounds]}, x[:n*g.Dims], w[:n*g.Dims], g)
	}
}

// A GridPick is what PickGrid is asked and what it answers about the groups of a super-block. Scales go in fours, of which Fours are looked at.
type GridPick struct {
	Points, Groups, Fours int
	Wide                  bool      // all that there is room for is looked at, not a window
	Scale                 []float32 // of GridGroups groups, one after the other; none is negative
	First                 []uint32  // where the window of each of them begins, if there is one
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
	n := p.Groups * p.Points
	pick := gridPick.best
	if p.Wide {
		pick = gridPickWide.best
	}
	pick(p, from.Pair[:n*GridSet], from.Step[:n])
}

type (
	gridFillBody func(to GridPoints, x, w []float32, g *Grid)
	gridPickBody func(p *GridPick, pair []uint32, step []float32)
)

var (
	gridFill4 = portable(gridFillBody(gridFillPortable))
	gridFill8 = portable(gridFillBody(gridFillPortable))

	gridAim      = portable(gridAimPortable)
	gridPick     = portable(gridPickBody(gridPickPortable))
	gridPickWide = portable(gridPickBody(gridPickPortable))
)

func gridFillPortable(to GridPoints, x, w []float32, g *Grid) {
	d := g.Dims
	for n := range to.Step {
		x, w := x[n*d:][:d], w[n*d:][:d]
		most := g.most(x, w)
		unit := gridWord / most
		to.Step[n], to.unit[n] = most*float32(1./gridWord), unit
		for set := range g.sets {
			t := g.table[set*gridTable:][:gridTable]
			var pair [8][8]uint32 // of each dimension and level
			for i := range d {
				for l := range g.levels() {
					p := math.RoundToEven(float64(float32(float32(w[i]*x[i])*2*unit) * t[gridValue+l]))
					q := math.RoundToEven(float64(float32(w[i]*unit) * t[gridSquare+l]))
					pair[i][l] = uint32(uint16(int16(p))) | uint32(int16(q))<<16
				}
			}
			for r := range g.rounds {
				place := GridNear * g.round(t, r, x)
				to.Place[n*GridRounds+set*g.rounds+r] = place
				out := to.Pair[n*GridSet+(set*g.rounds+r)*GridNear:]
				for j, m := range g.Near[place:][:GridNear] {
					var p, q uint32
					for i := range d {
						v := pair[i][m>>(16/d*i)&(1<<(16/d)-1)]
						p, q = p+v, q+v>>16
					}
					out[j] = p&0xffff | q<<16
				}
			}
		}
	}
}

// most is what no candidate's sums of a point go beyond. Sums are added as vectors add them: weights four apart, then two and one.
func (g *Grid) most(x, w []float32) float32 {
	var p, q [8]float32
	for i, v := range w {
		p[i], q[i] = absolute(float32(v*x[i])*2), v
	}
	for _, sum := range []*[8]float32{&p, &q} {
		if g.Dims == 8 {
			for i := range 4 {
				sum[i] += sum[i+4]
			}
		}
		sum[0] = (sum[0] + sum[2]) + (sum[1] + sum[3])
	}
	return max(float32(p[0]*g.table[gridTop]), float32(q[0]*g.table[gridTop+2]), 1e-30)
}

// round takes the nearest level of each weight.
func (g *Grid) round(t []float32, round int, x []float32) (number uint32) {
	place := uint32(1)
	for _, v := range x {
		for l := range g.levels() - 1 {
			if v > t[g.between(round, l)] {
				number += place
			}
		}
		place *= uint32(g.levels())
	}
	return number
}

func absolute(x float32) float32 { return max(x, -x) }

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
func gridPickPortable(p *GridPick, pair []uint32, step []float32) {
	window := uint32(p.window())
	for n, times := range p.times {
		t, g := n/GridGroups, n%GridGroups
		if g >= p.Groups {
			continue
		}
		var lx, l2 float32
		first := p.First[n]
		if p.Wide {
			first = 0
		}
		for k := range p.Points {
			at := g*p.Points + k
			best := int32(math.MinInt32)
			for j, v := range pair[at*GridSet+int(first):][:window] {
				gain := int32(int16(v))*int32(int16(times)) + int32(int16(v>>16))*int32(int16(times>>16))
				best = max(best, gain|int32(j))
			}
			j := first + uint32(best)&(window-1)
			v := pair[at*GridSet+int(j)]
			lx += float32(float32(int16(v)) * step[at])
			l2 += float32(float32(int32(v)>>16) * step[at])
			p.Found[((g*p.Fours+t/GridScales)*p.Points+k)*GridScales+t%GridScales] = j
		}
		p.LX[n], p.L2[n] = lx, l2
	}
}

// slots are what nibbles of members add to both sums: sixteen for each of four. The values are those of the first set.
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

// Sums writes the sums of members of one point, with the first set of values; their number is a multiple of sixteen.
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

// Free writes what points gain at scale s with the nearest level of each weight, whether that makes a member or not: no member of
// the first set gains more. Points of four dimensions come in pairs.
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
	for p := range gain {
		var sum [8]float32
		for i, v := range x[p*g.Dims:][:g.Dims] {
			level := float32(s * g.table[gridValue])
			for _, l := range g.table[gridValue+1:][:g.levels()-1] {
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
