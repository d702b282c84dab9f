package model

import (
	"math"

	"quern/internal/arch"
)

// yarn divides the slow frequencies by the scale (they were computed so) and leaves the fast ones, with a ramp between: Peng
// and others, arXiv:2309.00071, in the float32 steps of transformers.
func (r *rope) yarn(p *arch.Params, smooth bool) {
	y := &p.Yarn
	fast, slow, ext := y.Fast, y.Slow, y.Ext
	if fast == 0 {
		fast = 32
	}
	if slow == 0 {
		slow = 1
	}
	if ext == 0 {
		ext = 1
	}
	dim := float64(p.RopeDim)
	at := func(rotations float32) float64 { // the dimension that turns so often within the context of training
		return dim * arch.Natural(float64(p.RopeContext)/(float64(rotations)*2*math.Pi)) / (2 * arch.Natural(float64(p.RopeBase)))
	}
	from, to := at(fast), at(slow)
	if !smooth {
		from, to = math.Floor(from), math.Ceil(to)
	}
	low, high := float32(max(from, 0)), float32(min(to, dim-1))
	if low == high {
		high += 0.001
	}
	for i := range r.freq {
		own := 1 / float32(pow(float64(p.RopeBase), float32(2*i)/float32(p.RopeDim)))
		stay := float32((1 - min(max((float32(i)-low)/(high-low), 0), 1)) * ext)
		divided := 1 / (p.RopeScale * float32(pow(float64(p.RopeBase), float32(2*i)/float32(p.RopeDim))))
		r.freq[i] = float32(divided*(1-stay)) + float32(own*stay)
	}
	switch {
	case y.Attention != 0:
		r.size = y.Attention
	case y.LogAll == 0 && y.All == 0 && p.RopeScale > 1:
		r.size = float32(1 + float64(0.1*arch.Natural(float64(p.RopeScale))))
	}
}
