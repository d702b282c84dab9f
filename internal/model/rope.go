package model

import (
	"quern/internal/arch"
	"quern/internal/kernel"
)

// A rope is a table of rotations: for each position the cosine and the sine of the angle of each pair of dimensions.
type rope struct {
	freq     []float32 // [D/2] angle of one position
	size     float32   // of cosines and sines, 0: one
	cos, sin []float32 // [positions][D/2]
	far      *rope     // of sequences longer than those of training, where they have one of their own (LongRoPE)
}

// newRope computes the frequencies as transformers does, in float32: base^(-2i/D), divided by the factors of the model's
// position scaling.
func newRope(p *arch.Params, smooth bool) *rope {
	if p.Pooled.Base > 0 {
		own := *p
		own.RopeBase = p.Pooled.Base
		p = &own
	}
	r := &rope{freq: make([]float32, p.RopeDim/2)}
	for i := range r.freq {
		r.freq[i] = 1 / float32(pow(float64(p.RopeBase), float32(2*i)/float32(p.RopeDim)))
		if p.RopeScale != 0 {
			r.freq[i] /= p.RopeScale
		}
		if i < len(p.RopeFactors) {
			r.freq[i] /= p.RopeFactors[i]
		}
	}
	switch p.RopeType {
	case "yarn":
		r.yarn(p, smooth)
	case "longrope":
		r.far = &rope{freq: make([]float32, len(r.freq))}
		r.divide(p, p.LongRope.Short)
		r.far.divide(p, p.LongRope.Long)
	}
	return r
}

// divide is LongRoPE.
func (r *rope) divide(p *arch.Params, by []float32) {
	for i := range r.freq {
		r.freq[i] = 1 / float32(by[i]*float32(pow(float64(p.RopeBase), float32(2*i)/float32(p.RopeDim))))
	}
	r.size = p.LongRope.Size
}

// far says whether positions of a sequence of n tokens are those of one longer than in training.
func (m *Model) far(n int) bool { return m.params.RopeType == "longrope" && n > m.params.RopeContext }

// newNear is the table of the layers with a window, where these have a base of their own, or of those without keys of several positions; without, it is empty.
func newNear(p *arch.Params) *rope {
	if p.Pooled.Groups > 0 {
		return newRope(&arch.Params{RopeDim: p.RopeDim, RopeBase: p.RopeBase}, false)
	}
	if p.NearBase == 0 {
		return &rope{}
	}
	near := arch.Params{RopeDim: p.RopeDim, RopeBase: p.NearBase}
	if p.Near.Rope > 0 {
		near.RopeDim = p.Near.Rope
	}
	return newRope(&near, false)
}

// ropeOf is the table of a layer, an empty one where nothing is rotated.
func (r *run) ropeOf(l *layer) *rope {
	if l.still {
		return &rope{}
	}
	if l.window > 0 && r.m.params.NearBase != 0 || r.m.params.Pooled.Groups > 0 && l.pool.ratio == 0 {
		return r.near
	}
	return r.rope
}

// reach extends the table to n positions.
func (r *rope) reach(n int) {
	if r.far != nil {
		r.far.reach(n)
	}
	half := len(r.freq)
	for pos := len(r.cos) / max(half, 1); pos < n && half > 0; pos++ {
		for _, f := range r.freq {
			s, c := arch.Sincos(float64(float32(pos) * f)) // the angle itself is a float32 number, as in the reference
			if r.size != 0 {
				s, c = float64(float32(s)*r.size), float64(float32(c)*r.size)
			}
			r.cos = append(r.cos, float32(c))
			r.sin = append(r.sin, float32(s))
		}
	}
}

// rotate turns every head of size dim in x, which stands at a place: pairs of neighbours, the order of GGUF files of most
// families, or pairs of halves, that of GPT-NeoX.
func (r *rope) rotate(x []float32, at place, dim int, neox bool) {
	if at.far && r.far != nil {
		r = r.far
	}
	half, pos := len(r.freq), at.pos
	if half == 0 {
		return
	}
	cos, sin := r.cos[pos*half:][:half], r.sin[pos*half:][:half]
	for ; len(x) >= dim; x = x[dim:] {
		if neox {
			kernel.RotateHalves(x[:half], x[half:2*half], cos, sin)
		} else {
			kernel.RotatePairs(x[:2*half], cos, sin)
		}
	}
}

// temperature is how much a query grows with its position: with the logarithm of how often the context of training fits before it, where a family
// has that. Llama 4 counts positions from one, and does it in layers that rotate nothing.
func (m *Model) temperature(pos int, l *layer) float32 {
	p := &m.params
	if p.Temperature == 0 || p.RopeContext == 0 || m.grow && !l.still {
		return 1
	}
	if m.grow {
		pos++
	}
	return float32(1 + float64(p.Temperature)*arch.Natural(float64(1+pos/p.RopeContext)))
}
