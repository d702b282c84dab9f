package main

import (
	"context"
	"math"
	"path/filepath"
	"slices"

	"quern/verify"
)

const (
	diagnosedRows = 256 // of each tensor: enough to recognise damage, little enough to be quick
	suspiciousKLD = 1.0 // nats: no quantization that anybody uses costs so much
)

// diagnose compares every model with its base as weights and as tokenizers, whatever the gates say: a fault may cost little on
// this text. Causes that are only likely are told where the loss asks for one.
func (v *verifying) diagnose(ctx context.Context, r *verify.Report) error {
	base := v.opened[0]
	if base == nil {
		return nil // only its predictions are there
	}
	intact := v.opt.Gates != nil && v.opt.Gates.Intact
	for i := 1; i < len(r.Models); i++ {
		m := r.Models[i]
		d, err := verify.CompareWeights(ctx, base.src, v.opened[i].src, verify.DiffOptions{Threads: v.opt.Threads, Rows: diagnosedRows})
		switch {
		case err != nil && (intact || ctx.Err() != nil):
			return err
		case err != nil:
			v.ui.note("the weights of %s cannot be compared with the base's: %v", m.Name, err)
			d = &verify.Diff{}
		}
		if len(v.toks) == len(v.opened) { // else a baseline stands for the base, and was compared when it was opened
			vocab := verify.VocabFaults(v.toks[0].Vocab(), v.toks[i].Vocab())
			d.Faults, d.Hints = slices.Concat(vocab, d.Faults), slices.Concat(vocab, d.Hints)
		}
		found, what := d.Faults, "fault in "
		if suspicious(r, m) {
			found, what = d.Hints, "likely cause in "
		}
		for _, f := range found {
			r.Hints = append(r.Hints, what+filepath.Base(m.Name)+": "+f)
		}
		if intact {
			r.Intact(m.Name, len(d.Faults))
		}
	}
	return nil
}

// suspicious says that a model lost more than it may, or perhaps does, or more than it can by quantization.
func suspicious(r *verify.Report, m verify.Result) bool {
	for _, v := range r.Verdicts {
		if v.Model == m.Name && v.Outcome != verify.Pass {
			return true
		}
	}
	kld := m.Versus.KLD.Mean.Value
	return math.IsNaN(kld) || kld > suspiciousKLD
}
