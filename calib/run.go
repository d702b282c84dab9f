package calib

import (
	"context"

	"quern/internal/arch"
	"quern/internal/model"
)

// A Runner is the part of a model that calibration needs; *model.Model is one.
type Runner interface {
	States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error)
}

// Options of a run. Neither threads nor batches change a bit of the result.
type Options struct {
	model.Options
	Done     int                   // chunks that the collector has seen already
	Every    int                   // chunks between calls of Save; 0 = none
	Save     func(done int) error  // keeps what was collected so far
	Progress func(done, total int) // may be nil
}

// batchTokens go through the model together: weights are decoded once for so many.
const batchTokens = 2048

// Run shows the collector all chunks, in their order.
func Run(ctx context.Context, m Runner, c *Collector, chunks [][]int32, opt Options) error {
	opt.Observe = c.Observe
	for done := opt.Done; done < len(chunks); {
		n := min(max(1, batchTokens/len(chunks[done])), len(chunks)-done)
		if opt.Every > 0 {
			n = min(n, opt.Every-done%opt.Every)
		}
		s, err := m.States(ctx, chunks[done:done+n], nil, opt.Options)
		if err != nil {
			return err
		}
		if rows := len(s.Pos); c.wants(-1, arch.RoleOutput) {
			c.Observe(-1, arch.RoleOutput, s.H, rows, len(s.H)/rows)
		}
		if err := c.check(); err != nil {
			return err
		}
		done += n
		if opt.Progress != nil {
			opt.Progress(done, len(chunks))
		}
		if opt.Every > 0 && opt.Save != nil && done < len(chunks) && done%opt.Every == 0 {
			if err := opt.Save(done); err != nil {
				return err
			}
		}
	}
	return nil
}
