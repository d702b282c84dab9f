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
	return anyGrid(r, 8, 1, 6), NewGridTurns(func(n int) bool { return is[n] }), is
}

func TestGridTurns(t *testing.T) {
	r := rand.New(rand.NewSource(31))
	_, turns, _ := anyTurns(r)
	each(t, gridTurns, func(t *testing.T, f, portable func(*GridTurns, []GridTurn, []float32, []float32)) {
		for points := 1; points < 200; points++ {
			x, w := anyPoints(r, 8*points)
			got, want := make([]GridTurn, points+1), make([]GridTurn, points+1)
			for i := range x {
				x[i] /= 20
			}
			for i := range got {
				got[i] = GridTurn{Aimed: GridAimed{sum: [2]float32{-0.75, 1.25}, gap: [2]float32{1, 1}, middle: 0.125}, Gain: r.Float32() * 6}
			}
			copy(want, got)
			f(turns, got[:points], x, w)
			portable(turns, want[:points], x, w)
			if !slices.Equal(got, want) {
				t.Fatalf("%d points: %+v, want %+v", points, got, want)
			}
		}
	})
}

// Of all 256 ways to turn weights to their second nearest level it is the one that loses least, as far as steps tell.
func TestGridTurnByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(32))
	g, turns, is := anyTurns(r)
	value := []float64{-0.875, 0.125, 1.125}
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
		lost, gain := least*1.5+0.01, 0.0
		for i, l := range level {
			gain += float64(w[i]) * s * value[l] * (2*float64(x[i]) - s*value[l])
		}
		k := []GridTurn{{Aimed: g.Aim(0, s), Gain: float32(gain - lost)}}
		turns.Find(k, x, w)
		n, ok := turns.Number(&k[0])
		if !ok {
			t.Fatalf("nothing was found where %g is lost", least)
		}
		if !is[n] {
			t.Fatalf("%d is no member", n)
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
