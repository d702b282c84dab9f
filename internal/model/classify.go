package model

import (
	"context"

	"quern/formats"
	"quern/internal/arch"
)

// A class is what an encoder makes of the vector that stands for a text where it sorts texts, or tells how well two fit.
type class struct {
	dense weight // [E][E], or nothing
	norm  norm   // [E], or nothing
	out   weight // [labels][E], or nothing: then it makes embeddings only
}

// Encoder says that the model makes states of texts and no logits of tokens.
func (m *Model) Encoder() bool { return m.encoder }

// FillsIn says that what stands behind a token counts for it, so that likelihoods of texts do not follow from logits.
func (m *Model) FillsIn() bool { return m.both && !m.encoder }

// Classifies says that an encoder has an output for each of Params().Labels.
func (m *Model) Classifies() bool { return m.class.out.t != nil }

// Classify gives those of a text, whose states, all of them, s are: of the first, or of their mean where a family does that.
func (m *Model) Classify(s *States, opt Options) ([]float32, error) {
	e := m.params.Embd
	if !m.Classifies() || len(s.H) < e {
		return nil, &formats.Error{File: m.path, Err: formats.Unsupported("has no output for classes, or the text no tokens")}
	}
	x := append([]float32(nil), s.H[:e]...)
	if m.params.ClassPooling == arch.PoolMean {
		mean(x, s.H)
	}
	r := m.begin(context.Background(), opt)
	r.plan(0, opt)
	if m.class.dense.t != nil {
		h := make([]float32, e)
		r.apply(x, 1, product{h, &m.class.dense})
		if m.classAct {
			r.activate(h, nil, 1)
		} else {
			for i, v := range h {
				h[i] = tanh(v)
			}
		}
		x = r.normPost(h, m.class.norm, 1)
	}
	scores := make([]float32, m.class.out.n)
	r.apply(x, 1, product{scores, &m.class.out})
	return scores, r.end()
}

// Vectors makes of states, of tokens or what they were pooled to, what texts are compared by: nothing where no matrix does that.
func (m *Model) Vectors(h []float32, opt Options) ([]float32, error) {
	if m.dense.t == nil {
		return nil, nil
	}
	n := len(h) / m.params.Embd
	x := make([]float32, n*m.dense.n)
	r := m.begin(context.Background(), opt)
	r.plan(0, opt)
	r.multiply(h, n, product{x, &m.dense})
	return x, r.end()
}

// mean sets x to the mean of the rows of h.
func mean(x, h []float32) {
	n := len(h) / len(x)
	for i := range x {
		sum := 0.0
		for row := range n {
			sum += float64(h[row*len(x)+i])
		}
		x[i] = float32(sum / float64(n))
	}
}
