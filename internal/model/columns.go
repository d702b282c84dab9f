package model

import "quern/internal/kernel"

// columns are some of a head's state in a sequence: n of them, from one on.
type columns struct {
	of            sequence
	head, from, n int
	state         []float32 // [rows][Lanes]
}

// eachColumns takes the states of heads, so many rows and columns each, through every sequence, from zero on. Columns of states do not touch each other: each panel of them is a
// task, and stays near.
func (r *run) eachColumns(b *batch, heads, rows, cols int, through func(w *worker, c *columns)) {
	const lanes = kernel.Lanes
	panels := roundUp(cols) / lanes
	r.parallel(len(b.seqs)*heads*panels, func(w *worker, task int) error {
		from := task % panels * lanes
		c := columns{b.seqs[task/(heads*panels)], task / panels % heads, from, min(lanes, cols-from), grow(&w.state, rows*lanes)}
		clear(c.state)
		through(w, &c)
		return nil
	})
}

// first is the first row of the sequence, end the one behind its last.
func (c *columns) first() int { return c.of.from }
func (c *columns) end() int   { return c.of.from + c.of.n }
