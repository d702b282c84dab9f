package main

import (
	"context"
	"math"
	"path/filepath"

	"quern/verify"
)

const (
	diagnosedRows = 256 // of each tensor: enough to recognise damage, little enough to be quick
	suspiciousKLD = 1.0 // nats: no quantization that anybody uses costs so much
)

// diagnose looks for the likely cause where a gate did not pass, or where the loss is beyond what quantization does.
func diagnose(ctx context.Context, r *verify.Report, sides []verify.Side, threads int) error {
	base, ok := sides[0].Model.(*openedModel)
	if !ok {
		return nil
	}
	for i, m := range r.Models {
		quant, ok := sides[i].Model.(*openedModel)
		if i == 0 || !ok || !suspicious(r, m) {
			continue
		}
		d, err := verify.CompareWeights(ctx, base.src, quant.src, verify.DiffOptions{Threads: threads, Rows: diagnosedRows})
		if err != nil {
			return err
		}
		for _, h := range d.Hints {
			r.Hints = append(r.Hints, "likely cause in "+filepath.Base(m.Name)+": "+h)
		}
	}
	return nil
}

func suspicious(r *verify.Report, m verify.Result) bool {
	for _, v := range r.Verdicts {
		if v.Model == m.Name && v.Outcome == verify.Fail {
			return true
		}
	}
	kld := m.Versus.KLD.Mean.Value
	return math.IsNaN(kld) || kld > suspiciousKLD
}
