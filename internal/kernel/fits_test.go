package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

func anyFits(r *rand.Rand, lines int) *GridFits {
	f := &GridFits{LX: make([]float32, lines*GridGroups), L2: make([]float32, lines*GridGroups)}
	for g := range GridGroups {
		f.Step[g] = 1
		if r.Intn(6) == 0 { // a group of zeros
			continue
		}
		f.Step[g], f.Weight[g] = r.Float32()+0.01, r.Float32()
		for n := g; n < len(f.LX); n += GridGroups {
			f.LX[n], f.L2[n] = float32(r.NormFloat64()*5+8), r.Float32()+0.1
		}
	}
	return f
}

func TestGridFits(t *testing.T) {
	r := rand.New(rand.NewSource(21))
	each(t, gridSettle, func(t *testing.T, f, portable func(*GridFits)) {
		for lines := 1; lines < 20; lines++ {
			got := anyFits(r, lines)
			want := *got
			f(got)
			portable(&want)
			if got.Ideal != want.Ideal || got.Most != want.Most {
				t.Fatalf("%d lines: %v, want %v", lines, got.Ideal, want.Ideal)
			}
		}
	})
	each(t, gridLeast, func(t *testing.T, f, portable func(*GridFits, *GridPick)) {
		for fours := 1; fours < 5; fours++ {
			got, p := anyFits(r, 1), NewGridPick(GridGroups, GridGroups, fours, false)
			for i := range p.Scale {
				p.Scale[i], p.LX[i], p.L2[i] = r.Float32(), float32(r.Intn(9)), float32(r.Intn(9))
			}
			want := *got
			f(got, &p)
			portable(&want, &p)
			if got.Number != want.Number || got.lx != want.lx || got.l2 != want.l2 {
				t.Fatalf("%d scales: %v, want %v", 4*fours, got.Number, want.Number)
			}
		}
	})
	for _, losses := range []*bodies[func(*GridFits, []float32, []float32, int)]{gridLosses, gridLossesHalf} {
		each(t, losses, func(t *testing.T, f, portable func(*GridFits, []float32, []float32, int)) {
			for lines := 1; lines < 20; lines++ {
				got := anyFits(r, lines)
				got.Settle()
				want := *got
				times := []float32{0.8, 0.9, 1, 1.1}[:1+lines%4]
				loss, check := guarded(len(times))
				other := make([]float32, len(times))
				f(got, loss, times, 15)
				portable(&want, other, times, 15)
				check()
				if !slices.Equal(loss, other) || got.Number != want.Number {
					t.Fatalf("%d lines: %v %v, want %v %v", lines, loss, got.Number, other, want.Number)
				}
			}
		})
	}
}

// What a group loses is what the better of two numbers beside its ideal scale does, by definition.
func TestGridLossesByDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(22))
	for range 50 {
		f := anyFits(r, 5)
		f.Settle()
		if f.Groups = GridGroups; r.Intn(2) == 0 {
			f.Groups = GridGroups / 2
		}
		loss := make([]float32, 1)
		f.Losses(loss, []float32{0.7}, 7)
		var sum float64
		for g := range f.Groups {
			at := func(number float64) float64 {
				s, least := float64(f.Step[g])*0.7*(2*number+1), math.Inf(1)
				for n := g; n < len(f.LX); n += GridGroups {
					least = min(least, s*(s*float64(f.L2[n])-float64(f.LX[n])))
				}
				return least * float64(f.Weight[g])
			}
			low := math.Floor(min(max(float64(f.Ideal[g])/float64(f.Step[g])/1.4-0.5, 0), 6))
			least := min(at(low), at(low+1))
			if got := at(float64(f.Number[g])); got > least+1e-5*math.Abs(least) {
				t.Fatalf("number %d loses %g, not %g", f.Number[g], got, least)
			}
			sum += least
		}
		if math.Abs(sum-float64(loss[0])) > 1e-5*math.Abs(sum) {
			t.Fatalf("%g is lost, want %g", loss[0], sum)
		}
	}
}
