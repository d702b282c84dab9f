package calib

import (
	"context"
	"runtime"

	"quern/internal/arch"
	"quern/internal/model"
)

// A Runner is the part of a model that calibration needs; *model.Model is one.
type Runner interface {
	// Group is how many of seqs, one at least, States runs reading every weight once.
	Group(seqs [][]int32, opt model.Options) int
	States(ctx context.Context, seqs [][]int32, want func(seq, pos int) bool, opt model.Options) (*model.States, error)
}

// Options of a run. Neither threads, batches nor memory change a bit of the result; MaxRAM includes the sums.
type Options struct {
	model.Options
	Done     int                   // chunks that the collector has seen already
	Every    int                   // chunks between calls of Save; 0 = none
	Save     func(done int) error  // keeps what was collected so far
	Progress func(done, total int) // may be nil
}

const programRAM = 128 << 20 // of the program itself, the tokenizer and the tokens

// Run shows the collector all chunks, in their order.
func Run(ctx context.Context, m Runner, c *Collector, chunks [][]int32, opt Options) error {
	opt.Observe, opt.ObserveExpert = c.Observe, c.ObserveExpert
	if c.threads = opt.Threads; c.threads <= 0 {
		c.threads = runtime.GOMAXPROCS(0)
	}
	if opt.MaxRAM > 0 {
		opt.MaxRAM = max(1, opt.MaxRAM-c.bytes()-programRAM)
	}
	for done := opt.Done; done < len(chunks); {
		end := len(chunks)
		if opt.Every > 0 {
			end = min(end, done+opt.Every-done%opt.Every)
		}
		n := m.Group(chunks[done:end], opt.Options)
		opt.Step = opt.within(done, n, len(chunks))
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

// within reports progress while n chunks are on their way; the last of them only counts when its sums are in.
func (o *Options) within(done, n, total int) func(model.Step) {
	if o.Progress == nil {
		return nil
	}
	return func(s model.Step) { o.Progress(done+min(n-1, n*s.Done/max(1, s.Total)), total) }
}
