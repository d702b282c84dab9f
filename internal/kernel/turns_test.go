package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

func anyTurns(r *rand.Rand) (*Grid, *GridTurns, []bool) {
	is := make([]bool, 6561)
	for n := range is {
		is[n] = r.Intn(5) == 0
	}
	return anyGrid(r, 8, 2, 4), NewGridTurns(func(n int) bool { return is[n] }), is
}

func TestGridTurns(t *testing.T) {
	r := rand.New(rand.NewSource(31))
	g, turns, _ := anyTurns(r)
	found := 0
	each(t, gridTurns, func(t *testing.T, f, portable func(*GridTurns, []GridTurn, *GridPoints, *Grid, []float32, []float32)) {
		for points := 1; points < 200; points++ {
			x, w := anyPoints(r, 8*points)
			for i := range x {
				x[i] /= 20
			}
			room := NewGridPoints(points)
			g.Fill(room, x, w)
			got, want := make([]GridTurn, points+1), make([]GridTurn, points+1)
			for i := range got {
				got[i] = GridTurn{Scale: r.Float32() * 2, Found: uint32(r.Intn(GridSet))}
			}
			for i := range points / 2 { // what is known is mostly as good as it gets
				got[i].Found = mostGain(&room, i, got[i].Scale)
			}
			copy(want, got)
			f(turns, got[:points], &room, g, x, w)
			portable(turns, want[:points], &room, g, x, w)
			if !slices.Equal(got, want) {
				t.Fatalf("%d points: %+v, want %+v", points, got, want)
			}
			for i, k := range got[:points] {
				if p, q := room.Sums(i, int(k.Found)); p != k.LX || q != k.L2 {
					found++
				}
			}
		}
	})
	if found < 1000 {
		t.Errorf("only %d turns were found", found)
	}
}

// mostGain is the candidate of a point that gains most at a scale.
func mostGain(room *GridPoints, point int, scale float32) (best uint32) {
	most := float32(math.Inf(-1))
	for j := range GridSet {
		if p, q := room.Sums(point, j); p-scale*q > most {
			most, best = p-scale*q, uint32(j)
		}
	}
	return best
}

// Of all 256 ways to turn weights to their second nearest level it is the one that loses least, as far as steps tell.
func TestGridTurnByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(32))
	g, turns, is := anyTurns(r)
	value := []float64{-1.125, -0.125, 0.875} // the second set
	for range 500 {
		x, w := anyPoints(r, 8)
		const s = 0.9
		var level, other [8]int
		var loss [8]float64
		for i := range x {
			x[i], w[i] = x[i]/20, absolute(w[i])
			lost := func(l int) float64 { e := float64(x[i]) - s*value[l]; return float64(w[i]) * e * e }
			level[i], other[i] = 0, 1
			for l := range 3 {
				if math.Abs(float64(x[i])-s*value[l]) < math.Abs(float64(x[i])-s*value[level[i]]) {
					level[i] = l
				}
			}
			if level[i] == 1 && lost(2) < lost(0) {
				other[i] = 2
			} else if level[i] == 1 {
				other[i] = 0
			}
			loss[i] = lost(other[i]) - lost(level[i])
		}
		number := func(turn int) (n int, sum float64) {
			for i, place := 0, 1; i < 8; i, place = i+1, place*3 {
				if turn>>i&1 != 0 {
					n, sum = n+place*other[i], sum+loss[i]
				} else {
					n += place * level[i]
				}
			}
			return n, sum
		}
		least := math.Inf(1)
		for turn := range 256 {
			if n, sum := number(turn); is[n] {
				least = min(least, sum)
			}
		}
		lost, gain := max(least, slices.Min(loss[:]))*1.5+0.01, 0.0 // what is known is worse than the next best to the nearest levels
		for i, l := range level {
			gain += float64(w[i]) * s * value[l] * (2*float64(x[i]) - s*value[l])
		}
		const set = 1
		room := NewGridPoints(1)
		room.Step[0] = absolute(float32((gain-lost)/s)) / gridWord
		room.Pair[set*GridSet/2] = gridWord
		if gain < lost {
			room.Pair[set*GridSet/2] = 1<<16 - gridWord
		}
		k := []GridTurn{{Scale: s, Found: set * GridSet / 2}}
		turns.Find(k, &room, g, x, w)
		n := int(k[0].Place / GridNear)
		if k[0].L2 == 0 { // of the candidate it is
			t.Fatalf("nothing was found where %g is lost", least)
		}
		if !is[n] {
			t.Fatalf("%d is no member", n)
		}
		var lx, l2 float64
		for i, v := range x {
			l := value[g.Near[k[0].Place]>>(2*i)&3]
			lx, l2 = lx+float64(w[i])*2*float64(v)*l, l2+float64(w[i])*l*l
		}
		if math.Abs(lx-float64(k[0].LX)) > 1e-4 || math.Abs(l2-float64(k[0].L2)) > 1e-5*l2 {
			t.Fatalf("sums of %v and %v, want %v and %v", k[0].LX, k[0].L2, lx, l2)
		}
		found := 0.0
		for i, v := range x {
			l := n / int(math.Pow(3, float64(i))) % 3
			d, e := float64(v)-s*value[l], float64(v)-s*value[level[i]]
			found += float64(w[i]) * (d*d - e*e)
		}
		if found > least+lost*10/turnSteps {
			t.Fatalf("a member loses %g, the best %g", found, least)
		}
	}
}
