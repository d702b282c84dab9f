package convert

import (
	"errors"
	"fmt"
	"runtime"

	"quern/formats"
)

// ErrMemory is inside the error of a run that cannot stay within RunOptions.MaxRAM.
var ErrMemory = errors.New("out of memory budget")

const (
	fullBlock  = 1 << 16 // weights that a worker holds at once: they stay in a core's own cache
	smallBlock = 1 << 12 // the least that is worth a trip to the queue
	runtimeRAM = 32 << 20
)

// A budget is what a run may hold in memory: workers times a block of rows.
type budget struct {
	workers int
	block   int   // weights; a longer row is a block of its own
	longest int   // weights in the longest row that is decoded
	held    int64 // what reading the rows of some tensor needs beside them
	fixed   int64 // the program itself and the headers
}

func newBudget(plans []*Plan, opt RunOptions) budget {
	b := budget{workers: opt.Threads, block: fullBlock, longest: 1, fixed: runtimeRAM}
	if b.workers < 1 {
		b.workers = runtime.NumCPU()
	}
	b.fixed += plans[0].imatrixBytes() // plans share it
	if plans[0].src != nil && plans[0].src.Quantized != nil {
		b.fixed += formats.BandMemory
	}
	for _, p := range plans {
		b.fixed += 3 * p.header // as read, as text in the tokenizer, as written
		for i := range p.Steps {
			s := &p.Steps[i]
			if h, ok := s.tensor.Rows.(interface{ Held() int64 }); ok {
				b.held = max(b.held, h.Held())
			}
			if !s.Copy {
				b.longest = max(b.longest, s.tensor.Cols())
			}
		}
	}
	return b
}

// peak is an upper estimate: each worker has a block as float32, as stored bytes, and encoded.
func (b budget) peak() int64 {
	return b.fixed + int64(b.workers)*(12*int64(max(b.block, b.longest))+b.held)
}

// shrink makes blocks smaller, then workers fewer, until the estimate fits into limit; 0 is no limit.
func (b budget) shrink(limit int64) (budget, error) {
	if limit == 0 {
		return b, nil
	}
	for b.peak() > limit && b.block > smallBlock {
		b.block /= 2
	}
	for b.peak() > limit && b.workers > 1 {
		b.workers--
	}
	if b.peak() > limit {
		return b, fmt.Errorf("%w: %s are needed with one worker, %s are allowed", ErrMemory, bytesText(b.peak()), bytesText(limit))
	}
	return b, nil
}
