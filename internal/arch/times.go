package arch

import (
	"quern/formats"
	"quern/quantize"
)

// Times are what matrices are multiplied by on their way into a file (config.json only: files hold them so). 0: one.
type Times struct {
	Embed, Head float32

	In, Out, Key      float32 // what attention is given, and what it gives; keys besides
	Gate, Down        float32
	StateIn, StateOut float32    // likewise of layers that keep a state
	StateParts        [5]float32 // and of what these are given: gates, what goes into states, ways in and out, time steps
}

// TimesEmbed and TimesHead multiply the embedding and the output head.
var (
	TimesEmbed = timesOp("times embedding", func(p *Params) float32 { return p.Times.Embed })
	TimesHead  = timesOp("times head", func(p *Params) float32 { return p.Times.Head })
)

// timesOp multiplies by numbers, one after the other.
func timesOp(name string, of ...func(*Params) float32) Op {
	return Op{Name: name, OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
		for _, f := range of {
			by := f(p)
			t = timesBy(t, by, func(int) float32 { return by })
		}
		return t
	}}
}

// timesBy is a matrix whose rows are multiplied by numbers; itself where all are one.
func timesBy(t *formats.Tensor, all float32, by func(row int) float32) *formats.Tensor {
	if all == 0 || all == 1 || t.Rows == nil {
		return t
	}
	n := *t
	n.Type, n.Raw = quantize.ByName("F32"), nil
	n.Rows = timesRows{t.Rows, by, t.Cols()}
	return &n
}

type timesRows struct {
	rows formats.Rows
	by   func(row int) float32
	cols int
}

func (r timesRows) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	for ; len(dst) > 0; dst, row = dst[min(len(dst), r.cols):], row+1 {
		by := r.by(row)
		for i := range dst[:min(len(dst), r.cols)] {
			dst[i] *= by
		}
	}
	return nil
}

// timesParts multiplies each part of what a layer's state is given.
var timesParts = Op{Name: "times parts", OneWay: true, Forward: func(t *formats.Tensor, p *Params) *formats.Tensor {
	s, by := &p.State, &p.Times
	t = timesBy(t, by.StateIn, func(int) float32 { return by.StateIn })
	ends := []int{s.Inner, 2 * s.Inner, 2*s.Inner + s.Groups*s.Size, 2*s.Inner + 2*s.Groups*s.Size}
	ones := true
	for _, x := range by.StateParts {
		ones = ones && (x == 0 || x == 1)
	}
	if ones {
		return t
	}
	return timesBy(t, -1, func(row int) float32 {
		part := 0
		for part < len(ends) && row >= ends[part] {
			part++
		}
		return by.StateParts[part]
	})
}}
