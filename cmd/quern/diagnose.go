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
func (v *verifying) diagnose(ctx context.Context, r *verify.Report) error {
	base := v.opened[0]
	if base == nil {
		return nil // only its predictions are there
	}
	for i, m := range r.Models {
		if i == 0 || !suspicious(r, m) {
			continue
		}
		d, err := verify.CompareWeights(ctx, base.src, v.opened[i].src, verify.DiffOptions{Threads: v.opt.Threads, Rows: diagnosedRows})
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
