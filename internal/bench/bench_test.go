package bench

import (
	"context"
	"testing"
	"time"
)

// A short run of everything gives figures that can be true.
func TestRun(t *testing.T) {
	r, err := Run(context.Background(), Options{Threads: 2, Prompt: 8, Each: time.Millisecond, Memory: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if !(r.CopyGBs > 0.01 && r.Float32 > 0.01 && r.Int8 > 0.01) {
		t.Errorf("the machine: %+v", r)
	}
	if len(r.Products) == 0 || len(r.Encoders) < 10 || len(r.Decoders) < 10 || len(r.Layers) < 8 {
		t.Errorf("%d products, %d encoders, %d decoders, %d layers", len(r.Products), len(r.Encoders), len(r.Decoders), len(r.Layers))
	}
	for _, c := range r.Encoders {
		if !(c.Mweights > 0 && c.BF16 > 0 && c.PartCopy > 0 && c.BF16Part > 0) || c.Ggml < 0 {
			t.Errorf("%+v", c)
		}
	}
	for _, l := range r.Layers {
		if !(l.Gops > 0) {
			t.Errorf("%+v", l)
		}
	}
}

func TestOnly(t *testing.T) {
	r, err := Run(context.Background(), Options{Threads: 1, Each: time.Millisecond, Memory: 8 << 20, Only: "products"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Products) == 0 || r.Products[0].Part <= 0 || r.Encoders != nil || r.Layers != nil {
		t.Errorf("%+v", r)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Run(ctx, Options{}); err == nil {
		t.Error("a run went on after it was interrupted")
	}
}
