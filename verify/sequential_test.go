package verify

import (
	"math"
	"math/rand/v2"
	"testing"
)

// trial decides about simulated losses.
func trial(r *rand.Rand, g *Gates, chunks int) (v Verdict, seen int) {
	base, quant := newTrack(chunks), newTrack(chunks)
	copy(quant.kld, losses(r, chunks, 1, 0.15, 0))
	v = decideTracks(g, base, quant, chunks)
	return v, v.Chunks
}

// decideTracks runs gates over chunks of one prediction, since only their means matter, as Run does: in batches, and asked
// after each whether they decide.
func decideTracks(g *Gates, base, quant *track, chunks int) Verdict {
	run := &run{opt: Options{Analysis: Analysis{Gates: g}}, sides: make([]Side, 2), tracks: []*track{base, quant}, perChunk: 1, total: chunks}
	for n := 4; ; n += 4 {
		if run.decided(min(n, chunks)) || n >= chunks {
			return run.verdictsOf()[0]
		}
	}
}

// rates counts outcomes when the mean, which is one, is a share of the limit.
func rates(t *testing.T, share float64, sequential bool, chunks, trials int) (pass, fail, seen float64) {
	t.Helper()
	g := &Gates{Sequential: sequential}
	if err := g.Set("max-kld", 1/share); err != nil {
		t.Fatal(err)
	}
	if err := g.Complete(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, uint64(chunks)))
	for range trials {
		v, n := trial(r, g, chunks)
		switch v.Outcome {
		case Pass:
			pass++
		case Fail:
			fail++
		}
		seen += float64(n)
	}
	n := float64(trials)
	return pass / n, fail / n, seen / n
}

// At the limit itself every decision is as wrong as can be: passes and failures together are rarer than alpha. Losses are
// skewed and vary between chunks as real ones do, so the rates are not quite symmetric.
func TestErrorRates(t *testing.T) {
	const trials = 3000
	for _, c := range []struct {
		sequential bool
		chunks     int
	}{{false, 16}, {true, 16}, {true, 64}, {true, 160}} {
		pass, fail, _ := rates(t, 1, c.sequential, c.chunks, trials)
		t.Logf("%d chunks, sequential %v: false pass %.2f %%, false failure %.2f %%", c.chunks, c.sequential, 100*pass, 100*fail)
		if pass > DefaultAlpha*0.7 || pass+fail > DefaultAlpha {
			t.Errorf("%d chunks, sequential %v: wrong passes %.4f and failures %.4f, together more than %g", c.chunks, c.sequential, pass, fail, DefaultAlpha)
		}
		if pass+fail == 0 {
			t.Errorf("%d chunks, sequential %v: nothing was ever decided", c.chunks, c.sequential)
		}
	}
}

// Far from the limit a decision comes early and is right.
func TestSequentialStopsEarly(t *testing.T) {
	for _, c := range []struct{ share, most float64 }{{0.4, 20}, {2, 20}} {
		pass, fail, seen := rates(t, c.share, true, 160, 300)
		right := pass
		if c.share > 1 {
			right = fail
		}
		t.Logf("mean %g of the limit: right %.1f %%, %.0f of 160 chunks", c.share, 100*right, seen)
		if right < 0.99 || seen > c.most {
			t.Errorf("mean %g of the limit: right in %.3f of the trials, after %.1f chunks", c.share, right, seen)
		}
	}
}

func TestSpendAddsUp(t *testing.T) {
	for _, chunks := range []int{1, 7, 8, 9, 20, 100, 655} {
		all, total := looks(chunks), 0.0
		for k := range all {
			total += spend(.05, k, len(all))
		}
		if math.Abs(total-kept*.05) > 1e-12 || all[len(all)-1] != chunks {
			t.Errorf("%d chunks: looks %v spend %g", chunks, all, total)
		}
	}
}
