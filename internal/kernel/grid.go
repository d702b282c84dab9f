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
}

// NewGridPoints makes room for n points.
func NewGridPoints(n int) GridPoints {
	return GridPoints{make([]float32, n*2*GridSet), make([]uint32, n*GridRounds)}
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

// A GridPick is what PickGrid is asked and what it answers about the groups of a super-block. Scales go in fours, of which Fours are looked at.
type GridPick struct {
	Points, Groups, Fours int
	Wide                  bool      // all that there is room for is looked at, not a window
	Scale                 []float32 // of GridGroups groups, one after the other
	First                 []uint32  // where the window of each of them begins
	LX, L2                []float32 // of each scale, for GridGroups groups: 2·Σ w·x·code and Σ w·code² of what was chosen
	Found                 []uint32  // of each group, for four scales after the other, point by point, the candidates that these are
}

// NewGridPick makes room for so many points.
func NewGridPick(points, groups, fours int, wide bool) GridPick {
	n := GridGroups * fours * GridScales
	return GridPick{
		points / groups, groups, fours, wide, make([]float32, n), make([]uint32, n), make([]float32, n), make([]float32, n),
		make([]uint32, points*fours*GridScales),
	}
}

// PickGrid chooses for each scale the candidate of every point of a group that gains most at it, 2·s·p - s²·q where p and q are its sums, among
// a window, and adds up what the chosen have.
func PickGrid(p *GridPick, from GridPoints) {
	pick := gridPick.best
	if p.Wide {
		pick = gridPickWide.best
	}
	pick(p, from.Sum[:p.Groups*p.Points*2*GridSet])
}

type (
	gridFillBody func(sum []float32, number []uint32, round int, x, w []float32, g *Grid)
	gridPickBody func(p *GridPick, sum []float32)
)

var (
	gridFill4 = portable(gridFillBody(gridFillPortable))
	gridFill8 = portable(gridFillBody(gridFillPortable))

	gridPick     = portable(gridPickBody(func(p *GridPick, sum []float32) { gridPickPortable(p, sum, GridWindow) }))
	gridPickWide = portable(gridPickBody(func(p *GridPick, sum []float32) { gridPickPortable(p, sum, GridSet) }))
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

// Gains are compared with the candidate's place in their lowest bits, so that no two are equal and the largest tells its place.
func gridPickPortable(p *GridPick, sum []float32, window uint32) {
	for n, s := range p.Scale {
		t, g := n/GridGroups, n%GridGroups
		if g >= p.Groups {
			continue
		}
		var lx, l2 float32
		for k := range p.Points {
			from := sum[(g*p.Points+k)*2*GridSet+int(p.First[n]):]
			p2, q1 := from[:window], from[GridSet:][:window]
			best := float32(math.Inf(-1))
			for j, v := range p2 {
				gain := v - float32(s*q1[j])
				best = max(best, math.Float32frombits(math.Float32bits(gain)&^(window-1)|uint32(j)))
			}
			j := math.Float32bits(best) & (window - 1)
			lx, l2 = lx+p2[j], l2+q1[j]
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
