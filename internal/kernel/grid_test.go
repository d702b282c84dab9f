package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// anyGrid is a codebook of whatever members, with levels and points as the formats have them.
func anyGrid(r *rand.Rand, dims int) *Grid {
	value, points := []float32{4, 12, 20, 28, 36, 44, 52, 62}, 4096
	if dims == 8 {
		value, points = []float32{-0.875, 0.125, 1.125}, 6561
	}
	near := make([]uint16, points*GridNear)
	for i := range near {
		near[i] = anyMember(r, dims)
	}
	return NewGrid(dims, value, near, []float32{3.3, 2.2, 1.7, 1.4, 1.2, 1, 0.8, 0.7})
}

func anyMember(r *rand.Rand, dims int) (m uint16) {
	for i := range dims {
		if dims == 4 {
			m |= uint16(r.Intn(8)) << (4 * i)
		} else {
			m |= uint16(r.Intn(3)) << (2 * i)
		}
	}
	return m
}

func anyPoints(r *rand.Rand, n int) (x, w []float32) {
	x, w = make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * 20)
		if w[i] = float32(r.ExpFloat64()); r.Intn(9) == 0 {
			x[i], w[i] = 0, float32(math.Copysign(0, r.NormFloat64()))
		}
	}
	return x, w
}

func TestGridFill(t *testing.T) {
	r := rand.New(rand.NewSource(11))
	for dims, bodies := range map[int]*bodies[gridFillBody]{4: gridFill4, 8: gridFill8} {
		g := anyGrid(r, dims)
		each(t, bodies, func(t *testing.T, f, portable gridFillBody) {
			for points := 1; points < 20; points++ {
				x, w := anyPoints(r, points*dims)
				sum, check := guarded(points * 2 * GridSet)
				want := NewGridPoints(points)
				number := make([]uint32, points*GridRounds+1)
				number[points*GridRounds] = 77
				f(sum, number[:points*GridRounds], x, w, g)
				portable(want.Sum, want.Number, x, w, g)
				check()
				if !slices.Equal(sum, want.Sum) || !slices.Equal(number[:points*GridRounds], want.Number) || number[points*GridRounds] != 77 {
					t.Fatalf("%d points of %d dimensions differ", points, dims)
				}
			}
		})
	}
}

// Fill finds what it promises, by definition.
func TestGridFillByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	for _, dims := range []int{4, 8} {
		g := anyGrid(r, dims)
		value := []float32{4, 12, 20, 28, 36, 44, 52, 62}
		if dims == 8 {
			value = []float32{-0.875, 0.125, 1.125}
		}
		x, w := anyPoints(r, dims)
		to := NewGridPoints(1)
		g.Fill(to, x, w)
		for round, inverse := range []float32{3.3, 2.2, 1.7, 1.4, 1.2, 1, 0.8, 0.7} {
			number, place := 0, 1
			for _, v := range x {
				nearest := 0
				for l := range value {
					if math.Abs(float64(v*inverse-value[l])) < math.Abs(float64(v*inverse-value[nearest])) {
						nearest = l
					}
				}
				number += place * nearest
				place *= len(value)
			}
			if to.Number[round] != uint32(number) {
				t.Fatalf("%d dimensions, round %d: point %d, want %d", dims, round, to.Number[round], number)
			}
			for j, m := range g.Near[number*GridNear:][:GridNear] {
				var p, q float64
				for i := range dims {
					level := m >> (16 / dims * i) & (1<<(16/dims) - 1)
					p += 2 * float64(w[i]*x[i]*value[level])
					q += float64(w[i] * value[level] * value[level])
				}
				at := round*GridNear + j
				if math.Abs(p-float64(to.Sum[at])) > 1e-3*math.Abs(p)+1e-3 || math.Abs(q-float64(to.Sum[GridSet+at])) > 1e-5*q+1e-5 {
					t.Fatalf("%d dimensions, candidate %d: %v and %v, want %v and %v", dims, at, to.Sum[at], to.Sum[GridSet+at], p, q)
				}
			}
		}
	}
}

func TestGridPick(t *testing.T) {
	r := rand.New(rand.NewSource(13))
	each(t, gridPick, func(t *testing.T, f, portable gridPickBody) {
		for points := 1; points < 12; points++ {
			for scales := GridScales; scales <= 16; scales += GridScales {
				sum := make([]float32, points*2*GridSet)
				for i := range sum {
					if sum[i] = float32(r.NormFloat64() * 30); i%(2*GridSet) >= GridSet {
						sum[i] = absolute(sum[i])
					}
					if r.Intn(10) == 0 {
						sum[i] = 0
					}
				}
				scale, first := make([]float32, scales), make([]uint32, scales)
				for i := range scale {
					scale[i], first[i] = r.Float32()*2, uint32(r.Intn(5)*GridNear)
				}
				lx, checkX := guarded(scales)
				l2, check2 := guarded(scales)
				wantX, want2 := make([]float32, scales), make([]float32, scales)
				found, want := make([]uint32, points*scales+1), make([]uint32, points*scales+1)
				found[points*scales], want[points*scales] = 77, 77
				f(found[:points*scales], lx, l2, sum, scale, first)
				portable(want[:points*scales], wantX, want2, sum, scale, first)
				checkX()
				check2()
				if !slices.Equal(found, want) || !slices.Equal(lx, wantX) || !slices.Equal(l2, want2) {
					t.Fatalf("%d points, %d scales: %v, want %v", points, scales, found, want)
				}
			}
		}
	})
}

func absolute(x float32) float32 { return max(x, -x) }

func TestGridSumsAndMost(t *testing.T) {
	r := rand.New(rand.NewSource(14))
	for _, dims := range []int{4, 8} {
		g := anyGrid(r, dims)
		var tp, tq [64]float32
		x, w := anyPoints(r, dims)
		g.slots(&tp, &tq, x, w)
		each(t, gridSums, func(t *testing.T, f, portable func(p, q []float32, member []uint16, tp, tq *[64]float32)) {
			for n := 16; n < 200; n += 16 {
				member := make([]uint16, n)
				for i := range member {
					member[i] = anyMember(r, dims)
				}
				p, checkP := guarded(n)
				q, checkQ := guarded(n)
				wantP, wantQ := make([]float32, n), make([]float32, n)
				f(p, q, member, &tp, &tq)
				portable(wantP, wantQ, member, &tp, &tq)
				checkP()
				checkQ()
				if !slices.Equal(p, wantP) || !slices.Equal(q, wantQ) {
					t.Fatalf("%d members of %d dimensions differ", n, dims)
				}
			}
		})
	}
	each(t, gridMost, func(t *testing.T, f, portable func(p, q []float32, s float32) int) {
		for n := 16; n < 400; n += 16 {
			p, q := make([]float32, n), make([]float32, n)
			for i := range p {
				p[i], q[i] = float32(r.Intn(12)-6), float32(r.Intn(5)) // ties
			}
			for _, s := range []float32{0.25, 1, 3} {
				if got, want := f(p, q, s), portable(p, q, s); got != want {
					t.Fatalf("of %d the first largest is %d, want %d", n, got, want)
				}
			}
		}
	})
}
