package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// anyValues are the levels that formats have.
func anyValues(dims int) [][]float32 {
	if dims == 8 {
		return [][]float32{{-0.875, 0.125, 1.125}, {-1.125, -0.125, 0.875}}
	}
	return [][]float32{{4, 12, 20, 28, 36, 44, 52, 62}, {1, 3, 5, 7, 9, 11, 13, 15}}
}

// anyGrid is a codebook of whatever members, with levels and points as the formats have them, and so many rounds of each set of values.
func anyGrid(r *rand.Rand, dims, sets, rounds int) *Grid {
	points := map[int]int{4: 4096, 8: 6561}[dims]
	near := make([]uint16, points*GridNear)
	for i := range near {
		near[i] = anyMember(r, dims)
	}
	return NewGrid(dims, anyValues(dims)[:sets], near, anyScales[:rounds])
}

var anyScales = []float32{0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 1.1, 1.3}

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
		for _, c := range [][2]int{{1, 2}, {1, 6}, {1, 8}, {2, 2}, {2, 4}} {
			g := anyGrid(r, dims, c[0], c[1])
			each(t, bodies, func(t *testing.T, f, portable gridFillBody) {
				for points := 1; points < 20; points++ {
					x, w := anyPoints(r, points*dims)
					if points%5 == 0 {
						clear(w[dims:])
					}
					got, want := NewGridPoints(points+1), NewGridPoints(points+1)
					for _, p := range []GridPoints{got, want} {
						p.Pair[points*GridSet], p.Step[points], p.Place[points*GridRounds] = 77, 77, 77
					}
					f(GridPoints{got.Pair, got.Step[:points], got.unit, got.Place}, x, w, g)
					portable(GridPoints{want.Pair, want.Step[:points], want.unit, want.Place}, x, w, g)
					if !slices.Equal(got.Pair, want.Pair) || !slices.Equal(got.Step, want.Step) || !slices.Equal(got.Place, want.Place) {
						t.Fatalf("%d points of %d dimensions differ, %d sets of %d rounds", points, dims, c[0], c[1])
					}
				}
			})
		}
	}
}

// Fill finds what it promises, by definition.
func TestGridFillByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	for _, dims := range []int{4, 8} {
		g := anyGrid(r, dims, 2, 4)
		for range 50 {
			x, w := anyPoints(r, dims)
			for i, v := range w {
				w[i] = absolute(v)
			}
			to := NewGridPoints(1)
			g.Fill(to, x, w)
			for round := range GridRounds {
				value := anyValues(dims)[round/4]
				scale := anyScales[round%4]
				number, place := 0, 1
				for _, v := range x {
					nearest := 0
					for l := range value {
						if absolute(v-scale*value[l]) < absolute(v-scale*value[nearest]) {
							nearest = l
						}
					}
					number += place * nearest
					place *= len(value)
				}
				if to.Place[round] != uint32(number*GridNear) {
					t.Fatalf("%d dimensions, round %d: place %d, want %d", dims, round, to.Place[round], number*GridNear)
				}
				for j, m := range g.Near[number*GridNear:][:GridNear] {
					var p, q, most float64
					for i := range dims {
						level := m >> (16 / dims * i) & (1<<(16/dims) - 1)
						p += 2 * float64(w[i]*x[i]*value[level])
						q += float64(w[i] * value[level] * value[level])
						most += float64(w[i]*value[len(value)-1]) * max(float64(value[len(value)-1]), 2*math.Abs(float64(x[i])))
					}
					gotP, gotQ := to.Sums(0, round*GridNear+j)
					if off := max(math.Abs(p-float64(gotP)), math.Abs(q-float64(gotQ))); off > 1e-3*most {
						t.Fatalf("%d dimensions, candidate %d: %v and %v, want %v and %v", dims, round*GridNear+j, gotP, gotQ, p, q)
					}
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
	room := anySums(r, points)
	got, want := NewGridPick(points, groups, fours, wide), NewGridPick(points, groups, fours, wide)
	for i := range got.Scale {
		got.Scale[i], got.First[i] = r.Float32()*2, uint32(r.Intn(5)*GridNear)
	}
	got.Aim()
	want.Scale, want.First, want.times = got.Scale, got.First, got.times
	lx, checkX := guarded(len(got.LX))
	l2, check2 := guarded(len(got.L2))
	copy(want.LX, lx)
	copy(want.L2, l2)
	got.LX, got.L2 = lx, l2
	got.Found, want.Found = append(got.Found, 77)[:len(got.Found)], append(want.Found, 77)[:len(got.Found)]
	f(&got, room.Pair, room.Step)
	portable(&want, room.Pair, room.Step)
	checkX()
	check2()
	n := len(got.Found)
	if !slices.Equal(got.Found[:n+1], want.Found[:n+1]) || !slices.Equal(lx, want.LX) || !slices.Equal(l2, want.L2) {
		t.Fatalf("%d points in %d groups, %d scales: %v, want %v", points, groups, 4*fours, got.Found, want.Found)
	}
}

// anySums are points whose candidates have whatever sums.
func anySums(r *rand.Rand, points int) GridPoints {
	room := NewGridPoints(points)
	for i := range room.Pair {
		p, q := r.Intn(2*gridWord+1)-gridWord, r.Intn(gridWord+1)
		switch r.Intn(20) {
		case 0:
			p, q = 0, 0
		case 1:
			p, q = -gridWord, gridWord
		case 2:
			p = gridWord
		}
		room.Pair[i] = uint32(uint16(int16(p))) | uint32(q)<<16
	}
	for i := range room.Step {
		room.Step[i] = r.Float32()
	}
	return room
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
		room := anySums(r, 16)
		p := NewGridPick(16, 16, 1, wide)
		for i := range p.Scale {
			p.Scale[i] = 0.3 + r.Float32()*2
		}
		p.Aim()
		PickGrid(&p, room)
		for n, s := range p.Scale {
			g := n % GridGroups
			best := math.Inf(-1)
			for j := range p.window() {
				gx, g2 := room.Sums(g, j)
				best = max(best, float64(gx-s*g2))
			}
			if got := float64(p.LX[n] - s*p.L2[n]); got < best-0.005*gridWord*float64(room.Step[g]) {
				t.Errorf("scale %v of group %d gains %v, want %v", s, g, got, best)
			}
		}
	}
}

func TestGridSumsAndMost(t *testing.T) {
	r := rand.New(rand.NewSource(14))
	for _, dims := range []int{4, 8} {
		g := anyGrid(r, dims, 1, 6)
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
