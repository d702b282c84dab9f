package kernel

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"
	"time"
)

// groupsOf fills groups with numbers of many kinds: normal, tiny, huge, equal, one-sided, zeros and negative zeros.
func groupsOf(r *rand.Rand, n int) *Groups {
	g := &Groups{}
	for i := range GroupLanes {
		size, shift := math.Exp(r.NormFloat64()*8), float32(0)
		if i%5 == 1 {
			shift = float32(size * 3)
		}
		for e := range n {
			x := float32(r.NormFloat64()*size) + shift
			switch {
			case i%7 == 3:
				x = float32(size)
			case i%11 == 4:
				x = 0
			case i%11 == 5:
				x = float32(math.Copysign(0, -1))
			case r.Intn(8) == 0:
				x = float32(r.Intn(3) - 1)
			}
			g.X[e*GroupLanes+i], g.W[e*GroupLanes+i] = x, float32(r.ExpFloat64())
			if r.Intn(16) == 0 {
				g.W[e*GroupLanes+i] = 0
			}
		}
		g.D[i], g.DMin[i] = F16Value(F16(float32(size/50))), F16Value(F16(float32(size/60)))
		if i%6 == 0 {
			g.DMin[i] = 0
		}
		g.Scale[i], g.Min[i] = float32(r.Intn(20)), float32(r.Intn(20))
		g.AtScale[i], g.AtMin[i] = float32(r.Intn(20)), float32(r.Intn(20))
		g.Loss[i] = float32(math.Inf(1))
	}
	return g
}

func (g *Groups) results() map[string]*[GroupLanes]float32 {
	return map[string]*[GroupLanes]float32{"Scale": &g.Scale, "Min": &g.Min, "Loss": &g.Loss, "SumW": &g.SumW, "SumWX": &g.SumWX,
		"SumWQ": &g.SumWQ, "SumWQQ": &g.SumWQQ, "SumWQX": &g.SumWQX}
}

func sweepTable(from, step float32, n int, top float32) (t []float32) {
	for k := range n {
		t = append(t, from+float32(step*float32(k))+top)
	}
	return t
}

var bothTable = []float32{-8, 8, -7, 7, -5, 5, 11, -11}

var walkTable = []float32{0, 0, 0, -4, 0, -30, 4, 0, 30, 2, 0, 0, 1, 1, 0, -1, -1, 0, 0, 1, 0}

// Every body of every kernel gives what the portable one gives.
func TestLanes(t *testing.T) {
	for _, k := range []struct {
		name   string
		bodies *bodies[laneKernel]
		params [5]float32
		table  []float32
	}{
		{"sweepMin", sweepMin, [5]float32{15}, sweepTable(-1, 0.1, 21, 15)},
		{"sweepMinAbs", sweepMinAbs, [5]float32{3}, sweepTable(-0.5, 0.1, 16, 3)},
		{"sweepSym", sweepSym, [5]float32{-32, 31}, sweepTable(-0.9, 0.1, 19, -32)},
		{"sweepSymWeighted", sweepSym, [5]float32{-32, 31, 1}, sweepTable(-0.9, 0.1, 19, -32)},
		{"descendSym", descendSym, [5]float32{-4, 3, 1}, []float32{-4, 0, 0, 0, 0}},
		{"walkMin", walkMin, [5]float32{levelZero + 15, 63}, walkTable},
		{"walkMinWeighted", walkMin, [5]float32{levelZero + 3, 15, 1}, walkTable},
		{"walkSym", walkSym, [5]float32{levelZero - 32, levelZero + 31, 0, -128, 127}, []float32{0, -4, 3, -200, 1}},
		{"walkSymWeighted", walkSym, [5]float32{levelZero - 4, levelZero + 3, 1, -32, 31}, []float32{0, -4, 3, -20, 20}},
		{"takeMin", takeMin, [5]float32{levelZero + 15}, nil},
		{"takeMinWeighted", takeMin, [5]float32{levelZero + 15, 0, 1}, nil},
		{"takeSym", takeSym, [5]float32{levelZero - 4, levelZero + 3}, nil},
		{"takeSymWeighted", takeSym, [5]float32{levelZero - 4, levelZero + 3, 1}, nil},
		{"scanSym", scanSym, [5]float32{levelZero - 8, levelZero + 7}, bothTable},
		{"scanSymWeighted", scanSym, [5]float32{levelZero - 32, levelZero + 31, 1}, sweepTable(-0.9, 0.1, 19, -32)},
		{"scanMin", scanMin, [5]float32{levelZero + 15, 15}, sweepTable(-1, 0.1, 21, 15)},
		{"scanMinWeighted", scanMin, [5]float32{levelZero + 3, 3, 1}, sweepTable(-1, 0.1, 21, 3)},
		{"weighAbs", weighAbs, [5]float32{32, 1}, nil},
		{"weighSquares", weighSquares, [5]float32{}, nil},
		{"weighBy", weighBy, [5]float32{}, nil},
		{"weighPlus", weighPlus, [5]float32{}, nil},
		{"sums", sums, [5]float32{}, nil},
		{"squares", squares, [5]float32{}, sweepTable(-3, 0.7, 96, 0)},
	} {
		t.Run(k.name, func(t *testing.T) {
			each(t, k.bodies, func(t *testing.T, f, portable laneKernel) {
				r := rand.New(rand.NewSource(4))
				for round := range 40 {
					n := 16 << (round % 2)
					got := groupsOf(r, n)
					got.params = k.params
					want, before := *got, *got
					f(got, n, k.table)
					portable(&want, n, k.table)
					if !strings.HasPrefix(k.name, "weigh") && got.W != before.W {
						t.Fatal("the weights were written over")
					}
					if err := got.equal(&want); err != "" {
						t.Fatalf("round %d: %s", round, err)
					}
				}
			})
		})
	}
}

func (g *Groups) equal(want *Groups) string {
	other := want.results()
	for name, row := range g.results() {
		for i, v := range row {
			if math.Float32bits(v) != math.Float32bits(other[name][i]) && (v == v || other[name][i] == other[name][i]) {
				return fmt.Sprintf("%s of group %d is %g, portable %g", name, i, v, other[name][i])
			}
		}
	}
	if g.X != want.X || !sameNumbers(g.W[:], want.W[:]) || g.D != want.D || g.DMin != want.DMin || g.params != want.params {
		return "the inputs were written over"
	}
	return ""
}

func BenchmarkLanes(b *testing.B) {
	g := groupsOf(rand.New(rand.NewSource(1)), 32)
	for _, k := range []struct {
		name   string
		bodies *bodies[laneKernel]
		params [5]float32
		table  []float32
	}{
		{"sweepMin", sweepMin, [5]float32{15}, sweepTable(-1, 0.1, 21, 15)},
		{"sweepSym", sweepSym, [5]float32{-32, 31}, sweepTable(-0.9, 0.1, 19, -32)},
		{"sweepSymWeighted", sweepSym, [5]float32{-32, 31, 1}, sweepTable(-0.9, 0.1, 19, -32)},
		{"descendSym", descendSym, [5]float32{-4, 3, 1}, []float32{-4, 0, 0, 0, 0}},
		{"walkMin", walkMin, [5]float32{levelZero + 15, 63}, walkTable},
		{"walkSym", walkSym, [5]float32{levelZero - 32, levelZero + 31, 0, -128, 127}, sweepTable(-9, 1, 19, 0)},
		{"takeMin", takeMin, [5]float32{levelZero + 15}, nil},
		{"takeSym", takeSym, [5]float32{levelZero - 4, levelZero + 3}, nil},
		{"scanMin", scanMin, [5]float32{levelZero + 15, 15}, sweepTable(-1, 0.1, 21, 15)},
		{"scanMinWeighted", scanMin, [5]float32{levelZero + 3, 3, 1}, sweepTable(-1, 0.1, 21, 3)},
		{"scanSym", scanSym, [5]float32{levelZero - 32, levelZero + 31}, sweepTable(-0.9, 0.1, 19, -32)},
		{"scanSymWeighted", scanSym, [5]float32{levelZero - 32, levelZero + 31, 1}, sweepTable(-0.9, 0.1, 19, -32)},
	} {
		for _, o := range k.bodies.all {
			b.Run(k.name+"/"+o.feature, func(b *testing.B) {
				g.params = k.params
				best := time.Hour
				for range b.N {
					began := time.Now()
					o.f(g, 32, k.table)
					best = min(best, time.Since(began))
				}
				b.ReportMetric(1024/best.Seconds()/1e6, "best-Mw/s")
			})
		}
	}
}

// sameNumbers compares numbers; one that is not a number equals another.
func sameNumbers(a, b []float32) bool {
	for i, v := range a {
		if v != b[i] && (v == v || b[i] == b[i]) {
			return false
		}
	}
	return true
}

func TestLevels(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for _, b := range []*bodies[levelsBody]{levelsMul, levelsDiv} {
		each(t, b, func(t *testing.T, f, portable levelsBody) {
			for _, n := range []int{16, 32} {
				for groups := 1; groups < 40; groups++ {
					x, factor, low := make([]float32, n*groups), make([]float32, groups), make([]float32, groups)
					for i := range x {
						x[i] = float32(r.NormFloat64() * math.Exp(10*r.NormFloat64()))
					}
					for i := range factor {
						factor[i], low[i] = float32(math.Exp(8*r.NormFloat64())), float32(r.NormFloat64())
					}
					got, want := make([]uint8, n*groups+64), make([]uint8, n*groups)
					for i := range got {
						got[i] = 0xa5
					}
					f(got[32:32+n*groups], x, factor, low, n, -4, 11)
					portable(want, x, factor, low, n, -4, 11)
					for i, v := range got {
						if in := i >= 32 && i < 32+len(want); in && v != want[i-32] || !in && v != 0xa5 {
							t.Fatalf("%d groups of %d: byte %d is %d", groups, n, i-32, v)
						}
					}
				}
			}
		})
	}
}
