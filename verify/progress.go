package verify

import "quern/internal/model"

// Progress is how far a run is.
type Progress struct {
	Done, Total int    // tokens: one counts as done to the part that all models have computed of it
	Model       string // at work; "" while predictions are scored
	Layer       int    // of the model, from 1
	Layers      int
	First, Last int // chunks that go through the models together, from 1
}

// headShare is about what part of the work on a token the output head and the scores are.
const headShare = 0.1

// step makes what a model reports while it runs a group of chunks.
func (r *run) step(first, chunks, side int) func(model.Step) {
	if r.opt.Progress == nil {
		return nil
	}
	return func(s model.Step) {
		share := (float64(side) + float64(s.Done)/float64(max(1, s.Total))) / float64(len(r.sides))
		p := r.progress(first, chunks, (1-headShare)*share)
		p.Model, p.Layer, p.Layers = r.sides[side].Name, s.Layer+1, s.Layers
		r.opt.Progress(p)
	}
}

// scored reports that the predictions of a group are scored, to a part.
func (r *run) scored(first, chunks int, part float64) {
	if r.opt.Progress != nil {
		r.opt.Progress(r.progress(first, chunks, 1-headShare+headShare*part))
	}
}

// progress is after all chunks before first, and a part of a group of them.
func (r *run) progress(first, chunks int, part float64) Progress {
	ctx := r.opt.Ctx
	return Progress{Done: first*ctx + int(part*float64(chunks*ctx)), Total: r.sequences * ctx, First: first + 1, Last: first + chunks}
}
