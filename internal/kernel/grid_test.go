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
	return NewGrid(dims, value, near, []float32{3.3, 2.2, 1.7, 1.4, 1.2, 0.8})
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
				round := points % 2 * 2
				copy(want.Sum, sum)
				f(sum, number[:points*GridRounds], round, x, w, g)
				portable(want.Sum, want.Number, round, x, w, g)
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
		g.Fill(to, 1, x, w)
		for round, inverse := range []float32{3.3, 2.2, 1.7, 1.4, 1.2, 0.8} {
			round++
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
	for _, wide := range []bool{false, true} {
		body := gridPick
		if wide {
			body = gridPickWide
		}
		r := rand.New(rand.NewSource(13))
		each(t, body, func(t *testing.T, f, portable gridPickBody) {
			for groups := 1; groups <= GridGroups; groups += 3 {
				for points := groups; points < 6*groups; points += groups {
					for fours := 1; fours < 4; fours++ {
						samePick(t, r, f, portable, points, groups, fours, wide)
					}
				}
			}
		})
	}
}

func samePick(t *testing.T, r *rand.Rand, f, portable gridPickBody, points, groups, fours int, wide bool) {
	t.Helper()
	sum := make([]float32, points*2*GridSet)
	for i := range sum {
		if sum[i] = float32(r.NormFloat64() * 30); i%(2*GridSet) >= GridSet {
			sum[i] = absolute(sum[i])
		}
		if r.Intn(10) == 0 {
			sum[i] = 0
		}
	}
	got, want := NewGridPick(points, groups, fours, wide), NewGridPick(points, groups, fours, wide)
	for i := range got.Scale {
		if got.Scale[i] = r.Float32() * 2; !wide {
			got.First[i] = uint32(r.Intn(5) * GridNear)
		}
	}
	got.Aim()
	want.Scale, want.First, want.times = got.Scale, got.First, got.times
	pair := make([]uint32, points*GridSet)
	gridPairsPortable(pair, sum, GridSet)
	lx, checkX := guarded(len(got.LX))
	l2, check2 := guarded(len(got.L2))
	copy(want.LX, lx)
	copy(want.L2, l2)
	got.LX, got.L2 = lx, l2
	got.Found, want.Found = append(got.Found, 77)[:len(got.Found)], append(want.Found, 77)[:len(got.Found)]
	f(&got, sum, pair)
	portable(&want, sum, pair)
	checkX()
	check2()
	n := len(got.Found)
	if !slices.Equal(got.Found[:n+1], want.Found[:n+1]) || !slices.Equal(lx, want.LX) || !slices.Equal(l2, want.L2) {
		t.Fatalf("%d points in %d groups, %d scales: %v, want %v", points, groups, 4*fours, got.Found, want.Found)
	}
}

func TestGridPairs(t *testing.T) {
	r := rand.New(rand.NewSource(32))
	each(t, gridPairs, func(t *testing.T, f, portable func(pair []uint32, sum []float32, candidates int)) {
		for points := 1; points < 9; points++ {
			for candidates := 8; candidates <= GridSet; candidates += 8 {
				sum, _ := anyPoints(r, points*2*GridSet)
				for i, v := range sum {
					if i%(2*GridSet) >= GridSet {
						sum[i] = absolute(v)
					}
				}
				clear(sum[(points-1)*2*GridSet:][:points%2*2*GridSet])
				got, want := make([]uint32, points*GridSet+1), make([]uint32, points*GridSet+1)
				got[points*GridSet], want[points*GridSet] = 77, 77
				f(got[:points*GridSet], sum, candidates)
				portable(want[:points*GridSet], sum, candidates)
				if !slices.Equal(got, want) {
					t.Fatalf("%d points, %d candidates: %x, want %x", points, candidates, got, want)
				}
			}
		}
	})
}

func TestGridAim(t *testing.T) {
	r := rand.New(rand.NewSource(33))
	each(t, gridAim, func(t *testing.T, f, portable func(times []uint32, scale []float32, window int)) {
		for n := 16; n < 80; n += 16 {
			for _, window := range []int{GridWindow, GridSet} {
				scale := make([]float32, n)
				for i := range scale {
					scale[i] = float32(r.ExpFloat64())
				}
				scale[0], scale[1], scale[2] = 0, 1, 100
				got, want := make([]uint32, n), make([]uint32, n)
				f(got, scale, window)
				portable(want, scale, window)
				if !slices.Equal(got, want) {
					t.Fatalf("%v: %x, want %x", scale, got, want)
				}
			}
		}
	})
}

// What is picked gains nearly the most that there is to gain.
func TestGridPickByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(34))
	for _, wide := range []bool{false, true} {
		room := NewGridPoints(16)
		for i := range room.Sum {
			if room.Sum[i] = float32(r.NormFloat64()); i%(2*GridSet) >= GridSet {
				room.Sum[i] = absolute(room.Sum[i])
			}
		}
		room.Close(GridSet)
		p := NewGridPick(16, 16, 1, wide)
		for i := range p.Scale {
			p.Scale[i] = 0.3 + r.Float32()*2
		}
		p.Aim()
		PickGrid(&p, room)
		for n, s := range p.Scale {
			g := n % GridGroups
			sum := room.Sum[g*2*GridSet:]
			best := math.Inf(-1)
			for j := range p.window() {
				best = max(best, float64(sum[j]-s*sum[GridSet+j]))
			}
			if got := float64(p.LX[n] - s*p.L2[n]); got < best-0.01 {
				t.Errorf("scale %v of group %d gains %v, want %v", s, g, got, best)
			}
		}
	}
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
