package verify

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"quern/internal/model"
)

func gated(t *testing.T, g *Gates, noise float64, chunks int) []Verdict {
	t.Helper()
	if err := g.Complete(); err != nil {
		t.Fatal(err)
	}
	sides := []Side{{"base", &fake{vocab: 30}, 30}, {"q", &fake{vocab: 30, noise: noise}, 30}}
	opt := Options{Protocol: Protocol{Ctx: 16, BOS: -1}, Options: model.Options{Threads: 2}, Analysis: Analysis{Gates: g}}
	rep, err := Run(context.Background(), sides, text(16*chunks, 30), opt)
	if err != nil {
		t.Fatal(err)
	}
	return rep.Verdicts
}

// Every gate passes with a generous limit and fails with a mean one, whichever end decides.
func TestEveryGate(t *testing.T) {
	limits := map[string][2]float64{"max-ppl-ratio": {9, 0.9}, "max-kld": {9, 0.001}, "max-kld-p99": {60, 0.01}, "max-kld-p99.9": {60, 0.001},
		"min-top1": {0.1, 0.999}, "min-top-overlap": {0.1, 0.999}, "max-flips": {0.9, 0.0001}, "max-rms-dp": {0.9, 0.0001}}
	if len(limits) != len(AllGates()) {
		t.Errorf("%d gates are tried, there are %d", len(limits), len(AllGates()))
	}
	for name, l := range limits {
		for _, decide := range []Decide{Point, Lower, Upper} {
			for i, want := range []Outcome{Pass, Fail} {
				g := &Gates{Decide: decide}
				if err := g.Set(name, l[i]); err != nil {
					t.Fatal(err)
				}
				v := gated(t, g, 1, 60)[0]
				if v.Outcome != want && !(name == "max-kld-p99.9" && v.Outcome == Inconclusive) { // 420 predictions cannot prove one in a thousand
					t.Errorf("%s %g, decide %s: %s", name, l[i], decide, v)
				}
				if !(v.Got.Low <= v.Got.Value && v.Got.Value <= v.Got.High) {
					t.Errorf("%s: value outside its interval: %s", name, v)
				}
			}
		}
	}
}

// Near the limit there is no decision but a number of chunks, and that number is about enough.
func TestInconclusive(t *testing.T) {
	check := func(n int) Verdict {
		q := newTrack(n)
		copy(q.kld, losses(rand.New(rand.NewPCG(1, 2)), n, 1, 0.15, 0))
		return Limit{gateNamed(t, "max-kld"), 1.04}.check(q, newTrack(n), 1, Upper, risk{.025, .025})
	}
	v := check(12)
	if v.Outcome != Inconclusive || v.Needed == 0 || !strings.Contains(v.String(), "more chunks needed") {
		t.Fatalf("%+v", v)
	}
	if later := check(12 + 2*v.Needed); later.Outcome != Pass {
		t.Errorf("needed %d, but with twice as many: %s", v.Needed, later)
	}
}

func gateNamed(t *testing.T, name string) *Gate {
	t.Helper()
	for _, g := range AllGates() {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no gate %s", name)
	return nil
}

func TestNaNFails(t *testing.T) {
	nan := []float64{math.NaN(), math.NaN()}
	quant := &track{nll: nan, p: nan, kld: nan, overlap: nan, top: []int32{1, 1}, right: make([]bool, 2)}
	base := newTrack(2)
	for _, g := range AllGates() {
		limit := 1.0
		if v := (Limit{g, limit}).check(quant, base, 1, Lower, risk{.025, .025}); v.Outcome != Fail && !g.Min && g.Name != "max-flips" {
			t.Errorf("%s: not a number: %s", g.Name, v.Outcome)
		}
	}
}

func TestReadGates(t *testing.T) {
	g, err := ReadGates([]byte("version: 1\ndecide: lower\nalpha: 0.1\ngates:\n  max-kld: 0.02\n  min-top1: 1\n"))
	if err != nil || g.Decide != Lower || g.Alpha != 0.1 || len(g.Limits) != 2 || g.Limits[1].Value != 1 {
		t.Fatalf("%+v, %v", g, err)
	}
	if g, err := ReadGates([]byte("version: 1\nintact: true\n")); err != nil || !g.Intact || len(g.Limits) != 0 {
		t.Errorf("intact alone: %+v, %v", g, err)
	}
	for text, want := range map[string]string{
		"version: 1\nintact: true\nsequential: true": "no limits",
		"":                                                                 "empty",
		"version: 2\ngates: {max-kld: 1}":                                  "version 2",
		"gates: {max-kld: 1}":                                              "version 0",
		"version: 1":                                                       "no limits",
		"version: 1\ngates: {max-kdl: 1}":                                  "no gate \"max-kdl\"",
		"version: 1\ngates: {max-kld: -1}":                                 "not negative",
		"version: 1\ngates: {min-top1: 95}":                                "between 0 and 1",
		"version: 1\ngates: {max-kld: .nan}":                               "not negative",
		"version: 1\ngates: {max-kld: '0.1'}":                              "want a number",
		"version: 1\ngates:\n  max-kld: 1\n  max-kld: 2":                   "twice",
		"version: 1\ndecide: maybe\ngates: {max-kld: 1}":                   "upper, point or lower",
		"version: 1\nalpha: 0\ngates: {max-kld: 1}":                        "alpha 0",
		"version: 1\nalpha: 0.7\ngates: {max-kld: 1}":                      "alpha 0.7",
		"version: 1\nsequential: true\ndecide: point\ngates: {max-kld: 1}": "decide point",
		"version: 1\nlimits: {max-kld: 1}":                                 "there is no key \"limits\"",
		"version: 1\ngates: {max-kld: 1}\n---\nversion: 1":                 "more than one",
	} {
		if _, err := ReadGates([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}
