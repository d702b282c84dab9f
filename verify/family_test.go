package verify

import (
	"math"
	"math/rand/v2"
	"testing"
)

// family decides gates about several models whose losses are simulated: each has a mean that is a share of the limits.
func family(t *testing.T, r *rand.Rand, chunks int, limits []string, shares [][]float64) []Verdict {
	t.Helper()
	g := &Gates{Sequential: true}
	for _, l := range limits {
		if err := g.Set(l, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Complete(); err != nil {
		t.Fatal(err)
	}
	run := &run{opt: Options{Analysis: Analysis{Gates: g}}, sides: make([]Side, 1+len(shares)), tracks: []*track{newTrack(chunks)}, perChunk: 1, total: chunks}
	for _, s := range shares {
		q := newTrack(chunks)
		copy(q.kld, scaledLosses(r, chunks, s[0]))
		for i, v := range scaledLosses(r, chunks, s[1]) { // another quantity, for another gate
			q.p[i] = math.Sqrt(v)
		}
		run.tracks = append(run.tracks, q)
	}
	for n := 4; ; n += 4 {
		if run.decided(min(n, chunks)) || n >= chunks {
			return run.verdictsOf()
		}
	}
}

// The probability of any wrong pass among several models, and of any wrong failure among several gates of several models, is what
// one gate of one model has: at most half of alpha, but for the skewness of losses.
func TestFamilyWiseErrorRates(t *testing.T) {
	const trials, chunks = 1000, 32
	limits := []string{"max-kld", "max-rms-dp"}
	for _, c := range []struct {
		what   string
		models int
		share  float64 // of the second gate; the first is at its limit
		wrong  func(perModel [][]Verdict) bool
	}{
		{"a pass", 3, 0.3, func(m [][]Verdict) bool {
			return anyModel(m, func(v []Verdict) bool { return v[0].Outcome == Pass && v[1].Outcome == Pass })
		}},
		{"a failure", 3, 1, func(m [][]Verdict) bool {
			return anyModel(m, func(v []Verdict) bool { return v[0].Outcome == Fail || v[1].Outcome == Fail })
		}},
	} {
		r := rand.New(rand.NewPCG(5, 9))
		wrong := 0.0
		for range trials {
			var shares [][]float64
			for range c.models {
				shares = append(shares, []float64{1, c.share})
			}
			v := family(t, r, chunks, limits, shares)
			var per [][]Verdict
			for i := 0; i < len(v); i += len(limits) {
				per = append(per, v[i:i+len(limits)])
			}
			if c.wrong(per) {
				wrong++
			}
		}
		t.Logf("%d models, %d gates, %d chunks: %s that is wrong in %.2f %% of the runs", c.models, len(limits), chunks, c.what, 100*wrong/trials)
		if wrong/trials > DefaultAlpha*0.7 {
			t.Errorf("%s that is wrong in %.4f of the runs, want at most about %g", c.what, wrong/trials, DefaultAlpha/2)
		}
		if wrong == 0 {
			t.Errorf("never %s: nothing is decided", c.what)
		}
	}
}

func anyModel(m [][]Verdict, f func([]Verdict) bool) bool {
	for _, v := range m {
		if f(v) {
			return true
		}
	}
	return false
}

// Equals are rarely called different, however many pairs they make.
func TestPairsOfEquals(t *testing.T) {
	const trials, chunks, models = 400, 24, 5
	r := rand.New(rand.NewPCG(3, 4))
	wrong := 0.0
	for range trials {
		run := &run{sides: make([]Side, 1+models), tracks: []*track{newTrack(chunks)}, perChunk: 1, total: chunks}
		for range models {
			q := newTrack(chunks)
			copy(q.kld, losses(r, chunks, 1, 0.15, 0))
			run.tracks = append(run.tracks, q)
		}
		for i := range run.sides {
			run.sides[i].Name = string(rune('a' + i))
		}
		for _, p := range run.pairs(fewDraws(chunks), chunks) {
			if p.Better != "" {
				wrong++
				break
			}
		}
	}
	t.Logf("%d equal models, %d chunks: one is called better in %.2f %% of the runs", models, chunks, 100*wrong/trials)
	if wrong/trials > 0.075 { // 5 % and three standard deviations of the simulation
		t.Errorf("one of %d equals is called better in %.3f of the runs", models, wrong/trials)
	}
}

func fewDraws(chunks int) *bootstrap {
	b := newBootstrap(chunks)
	b.drawn = b.drawn[:100]
	return b
}

func TestHolm(t *testing.T) {
	nan := Number(math.NaN())
	p := []Pair{{P: 0.03}, {P: 0.01}, {P: nan}, {P: 0.02}, {P: 0.9}}
	holm(p)
	for i, want := range []float64{0.09, 0.05, math.NaN(), 0.08, 0.9} { // five pairs: 0.01·5, 0.02·4, 0.03·3, then 0.9·2 but at most 1
		if i == 4 {
			want = 1
		}
		if got := float64(p[i].Adjusted); math.Abs(got-want) > 1e-12 || math.IsNaN(got) != math.IsNaN(want) {
			t.Errorf("pair %d: %g, want %g", i, got, want)
		}
	}
}

// scaledLosses are losses of another mean.
func scaledLosses(r *rand.Rand, chunks int, mean float64) []float64 {
	x := losses(r, chunks, 1, 0.15, 0)
	for i := range x {
		x[i] *= mean
	}
	return x
}
