package model

import (
	"math"

	"quern/formats"
	"quern/internal/kernel"
)

// A norm is the weights of one, and its biases: as many as it norms together, or those of all heads.
type norm struct{ weight, bias []float32 }

// read takes weights of n numbers, or of n for each of so many heads.
func (n *norm) read(t *formats.Tensor, each, heads int) error {
	if len(t.Shape) != 2 {
		return readVector(&n.weight, t, each)
	}
	return readHeads(&n.weight, t, heads, each)
}

// readHeads reads numbers of all heads.
func readHeads(dst *[]float32, t *formats.Tensor, heads, each int) error {
	if err := shaped(t, heads, each); err != nil {
		return err
	}
	*dst = make([]float32, heads*each)
	return t.Rows.ReadRows(*dst, 0)
}

// normalize norms the rows of x, each of the embedding's width or of the weight's; x itself where a layer has no norm.
func (r *run) normalize(h, x []float32, n norm, m int) {
	e := len(n.weight)
	if e == 0 {
		e = r.m.params.Embd
	}
	if n.weight == nil && !r.m.bareNorm {
		copy(h, x[:m*e])
		return
	}
	r.eachRow(m, func(_ *worker, row int) { r.normed(h[row*e:][:e], x[row*e:][:e], n.weight, n.bias) })
}

// normed is x / √(mean x² + ε) · weight, or where a family takes the mean away (x - mean) / √(variance + ε) · weight + bias; h may be x.
func (r *run) normed(h, x, weight, bias []float32) {
	normed(h, x, weight, bias, float64(r.m.params.NormEps), r.m.means && (r.mode != Deploy || !r.m.runsRMS))
}

func normed(h, x, weight, bias []float32, eps float64, means bool) {
	if means {
		mean := float32(kernel.Sum(x) / float64(len(x)))
		for i, v := range x {
			h[i] = v - mean
		}
		x = h[:len(x)]
	}
	scale := float32(1 / math.Sqrt(kernel.SumSquares(x)/float64(len(x))+eps))
	if weight == nil {
		for i, v := range x {
			h[i] = v * scale
		}
		return
	}
	kernel.ScaleBy(h, x, weight, scale)
	if bias != nil {
		kernel.Add(h, bias)
	}
}

// normPost norms what a part of a layer adds, where a family does that.
func (r *run) normPost(h []float32, n norm, m int) []float32 {
	if eps := float64(r.m.postEps); n.weight != nil && eps > 0 {
		e := len(n.weight)
		r.eachRow(m, func(_ *worker, row int) { normed(h[row*e:][:e], h[row*e:][:e], n.weight, n.bias, eps, r.m.means) })
	} else if n.weight != nil {
		r.normalize(h, h, n, m)
	}
	return h
}

// normHeads norms each head of x [m][width] in place, or the whole row; nothing where a family has no such norm.
func (r *run) normHeads(x []float32, l *layer, n norm, width, m int) {
	if n.weight == nil {
		return
	}
	r.eachRow(m, func(_ *worker, row int) { r.normRow(x[row*width:][:width], l, n) })
}

// normRow is the same for one row.
func (r *run) normRow(x []float32, l *layer, n norm) {
	d, all := l.normed(len(x)), len(n.weight)
	for at := 0; at < len(x) && all > 0; at += d {
		h, weight := x[at:][:d], n.weight[at%all:][:d]
		var bias []float32
		if n.bias != nil {
			bias = n.bias[at%all:][:d]
		}
		if r.m.headMeans {
			normed(h, h, weight, bias, 1e-5, true)
			continue
		}
		r.normed(h, h, weight, bias)
	}
}

// normBare norms the heads of a row without weights, where a layer does that.
func (r *run) normBare(x []float32, l *layer) {
	if l.lateBare {
		r.normEach(x, l.p.HeadDim)
	}
}

// normEach norms every d numbers of x without weights.
func (r *run) normEach(x []float32, d int) {
	for ; len(x) >= d; x = x[d:] {
		r.normed(x[:d], x[:d], nil, nil)
	}
}

// restream makes the stream what a norm gives of it, several times over, where a family does that.
func (r *run) restream(x []float32, n norm, m int) {
	if r.m.normStream {
		r.normalize(x, x, n, m)
		r.scaleRows(x[:m*r.m.params.Embd], r.m.params.Scales.Stream, m)
	}
}

// restreamed does that before the feed-forward network, and returns what this is to be given: the stream as it was.
func (r *run) restreamed(x []float32, l *layer, m int) []float32 {
	if !r.m.normStream {
		return x
	}
	before := grow(&r.beside, m*r.m.params.Embd)
	copy(before, x)
	r.restream(x, l.ffnNorm, m)
	return before
}

// seatNorms puts norms where a layer uses them: one that both parts share at the second, too, or those that come after the parts there.
func (l *layer) seatNorms(after bool) {
	if l.parallel && l.ffnNorm.weight == nil {
		l.ffnNorm = l.attnNorm
	}
	if after {
		l.attnPost, l.ffnPost, l.attnNorm, l.ffnNorm = l.attnNorm, l.ffnNorm, norm{}, norm{}
	}
}
