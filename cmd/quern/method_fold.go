package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"quern/calib"
	"quern/formats"
	"quern/quantize"
)

// fold finds AWQ's factors for matrices, and puts them into the weights.
func fold(c *cli.Context, ui *ui, s *calib.Subject, chunks [][]int32, out string, near func() *quantize.Nearest, matrices []string) (*calib.Folded, *calib.Journal, error) {
	run := &calib.FoldRun{Matrices: matrices, Near: near}
	var err error
	if run.Threads, err = threads(c); err != nil {
		return nil, nil, err
	}
	if run.Mode, err = mode(c); err != nil {
		return nil, nil, err
	}
	n := near()
	key, err := s.Key(chunks, fmt.Sprintf("awq 2, mode %v, grid %v, offsets %v, matrices %v", run.Mode, n.Grid, n.Offsets, matrices))
	if err != nil {
		return nil, nil, err
	}
	if run.Journal, err = calib.OpenJournal(out+factorsSuffix, key, c.Bool("resume")); err != nil {
		return nil, nil, err
	}
	if n := run.Journal.Layers(); n > 0 {
		ui.note("the factors of %d layers are there already", n)
	}
	began := time.Now()
	bar := ui.progress("searching factors", "layers")
	run.Layer = bar.setInt
	folded, err := s.Fold(c.Context, chunks, run)
	bar.done()
	if err != nil {
		tellKept(ui, run.Journal)
		return nil, nil, err
	}
	ui.note("factors at %d of %d places leave %.0f %% of the loss, from %d chunks of %d tokens, in %.1f s",
		folded.Gained, folded.Tried, 100*folded.Loss, len(chunks), c.Int("ctx"), time.Since(began).Seconds())
	return folded, run.Journal, nil
}

// roundedTensors are the tensors of the source that become matrices of quantized types.
func roundedTensors(s *calib.Subject, types map[string]*quantize.Type) (names []string) {
	for _, m := range s.Stored() {
		if t := types[m.Name]; t != nil && t.Block > 1 && m.Layer >= 0 {
			names = append(names, m.Parts...)
		}
	}
	return names
}

// nearTypes rounds in the search of factors about as the most common of some types does: to as many whole bits, with a scale for every 32.
func nearTypes(types map[string]*quantize.Type) func() *quantize.Nearest {
	count, best := map[int]int{}, 4
	for _, t := range types {
		if t.Block > 1 {
			count[min(max(8*t.Bytes/t.Block, 2), 8)]++
		}
	}
	for bits := 2; bits <= 8; bits++ {
		if count[bits] > count[best] {
			best = bits
		}
	}
	return func() *quantize.Nearest {
		return &quantize.Nearest{Grid: quantize.Grid{Bits: best, Group: 32}, Round: quantize.RoundTo(quantize.F16), Plain: true}
	}
}

// importanceOf is that of the inputs that chunks make.
func importanceOf(c *cli.Context, ui *ui, s *calib.Subject, chunks [][]int32) (*formats.Imatrix, error) {
	opt := calib.Options{}
	var err error
	if opt.Threads, err = threads(c); err != nil {
		return nil, err
	}
	if opt.Mode, err = mode(c); err != nil {
		return nil, err
	}
	sums := s.Collector(true)
	if err := runCalibration(c, ui, s, sums, chunks, opt); err != nil {
		return nil, err
	}
	return sums.Imatrix()
}
