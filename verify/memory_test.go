package verify

import (
	"context"
	"fmt"
	"testing"

	"quern/internal/model"
)

// A sequential run stops at the same chunk whatever fits into memory together.
func TestSequentialStopsAtTheSameChunk(t *testing.T) {
	var first *Report
	for _, group := range []int{1, 3, 5, 100} {
		g := &Gates{Sequential: true}
		if err := g.Set("max-kld", 9); err != nil {
			t.Fatal(err)
		}
		if err := g.Complete(); err != nil {
			t.Fatal(err)
		}
		sides := []Side{{"base", &fake{vocab: 30, group: group}, 30}, {"q", &fake{vocab: 30, noise: 1, group: group}, 30}}
		opt := Options{Protocol: Protocol{Ctx: 16, BOS: -1}, Options: model.Options{Threads: 2}, Analysis: Analysis{Gates: g}}
		rep, err := Run(context.Background(), sides, text(16*100, 30), opt)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = rep
		}
		if rep.Protocol.Chunks != first.Protocol.Chunks || !rep.Stopped || fmt.Sprint(rep.Verdicts) != fmt.Sprint(first.Verdicts) {
			t.Errorf("%d chunks together: stopped %v at %d, want %d", group, rep.Stopped, rep.Protocol.Chunks, first.Protocol.Chunks)
		}
	}
}

func TestDivide(t *testing.T) {
	sides := []Side{{Vocab: 1000}, {Vocab: 1000}}
	for _, limit := range []int64{256 << 20, 1 << 30, 24 << 30} {
		r := newRun(sides, Options{Protocol: Protocol{Ctx: 16}, Options: model.Options{MaxRAM: limit}}, 3)
		used := programRAM + 2*(r.opt.MaxRAM+4*int64(r.blockFloats))
		if used > limit || used < limit-limit/8 || r.opt.MaxRAM < limit/8 || r.blockFloats > mostRows*1000 {
			t.Errorf("of %d bytes, %d are used: %d for each model, %d logits", limit, used, r.opt.MaxRAM, r.blockFloats)
		}
	}
}
