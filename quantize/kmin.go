package quantize

import "math"

// A minCoder is a k-quant with minima: value = d·scale·code - dmin·min (Q2_K, Q4_K, Q5_K).
type minCoder struct {
	group    int // weights that share a scale
	top      int // highest code
	most     int // highest scale and minimum
	bytes    int
	sigma    float32 // σ² of the importance weights, in mean squares
	plain    minSweep
	plainAbs bool // llama-quantize without importance: weights |x| and absolute error
	weigh    func(w, src, importance []float32)
	rounds   int   // of the default search
	far      []int // steps of a group's scale that the default search looks at
	put      func(dst []byte, b *superBlock)
	take     func(b *superBlock, src []byte)
}

// A minSweep is the range of inverse scales that a search goes through.
type minSweep struct {
	from, step float32
	steps      int
}

// searchedSweep is llama-quantize's with importance.
var searchedSweep = minSweep{-0.9, 0.05, 36}

func (c *minCoder) groups() int { return super / c.group }

func (c *minCoder) decode(dst []float32, src []byte) {
	var b superBlock
	for ; len(dst) >= super; dst, src = dst[super:], src[c.bytes:] {
		c.take(&b, src)
		d, dmin := halfValue(b.d), halfValue(b.dmin)
		for g := range c.groups() {
			s, m := float32(d*float32(b.scale[g])), float32(dmin*float32(b.min[g]))
			out, q := dst[g*c.group:][:c.group], b.q[g*c.group:]
			for i := range out {
				out[i] = float32(s*float32(q[i])) - m
			}
		}
	}
}

func (c *minCoder) tile(dst Tile, src []byte) {
	var b superBlock
	for n := 0; (n+1)*super <= len(dst.Code); n++ {
		c.take(&b, src[n*c.bytes:])
		out := dst.Code[n*super:][:super]
		for i, q := range b.q {
			out[i] = int8(q)
		}
		d, dmin := halfValue(b.d), halfValue(b.dmin)
		for g := range c.groups() {
			at := n*c.groups() + g
			dst.Scale[at], dst.Min[at] = float32(d*float32(b.scale[g])), -float32(dmin*float32(b.min[g]))
		}
	}
}

// ggml writes a row as llama-quantize does.
func (c *minCoder) ggml(dst []byte, src, importance []float32) {
	var b superBlock
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		if importance == nil {
			c.plainBlock(&b, src[:super])
		} else {
			var w [super]float32
			c.ggmlWeights(&w, src[:super], importance)
			c.searchedBlock(&b, src[:super], w[:])
			importance = importance[super:]
		}
		c.put(dst, &b)
	}
}

func (c *minCoder) ggmlWeights(w *[super]float32, x, importance []float32) {
	weighWith(w[:], x, importance[:super], float32(c.sigma*sumSquares(x))/super)
}

// sumSquares adds from left to right.
func sumSquares(x []float32) (sum float32) {
	for _, v := range x {
		sum += float32(v * v)
	}
	return sum
}

// plainBlock is the reference's way without importance: groups are fitted alone, scales and minima rounded.
func (c *minCoder) plainBlock(b *superBlock, x []float32) {
	var scales, mins [groups16]float32
	var w [maxGroup]float32
	var aux [maxGroup]uint8
	var topScale, topMin float32
	for g := range c.groups() {
		xg := x[g*c.group:][:c.group]
		c.plainWeights(w[:], xg)
		scales[g], mins[g] = fitMinGgml3(xg, w[:], c.top, b.q[g*c.group:], aux[:], c.plain.from, c.plain.step, c.plain.steps, c.plainAbs)
		topScale, topMin = max(topScale, scales[g]), max(topMin, mins[g])
	}
	most := float32(c.most)
	var perScale, perMin float32
	if topScale > 0 {
		perScale = most / topScale
	}
	if topMin > 0 {
		perMin = most / topMin
	}
	for g := range c.groups() {
		b.scale[g] = int8(min(nearestInt(float32(perScale*scales[g])), int32(c.most)))
		b.min[g] = uint8(min(nearestInt(float32(perMin*mins[g])), int32(c.most)))
	}
	b.d, b.dmin = half(topScale/most), half(topMin/most)
	c.round(b, x)
}

func (c *minCoder) plainWeights(w, x []float32) {
	var mean float32
	if !c.plainAbs {
		mean = float32(math.Sqrt(float64(sumSquares(x) / float32(c.group))))
	}
	for i, v := range x {
		w[i] = mean + float32(math.Abs(float64(v)))
	}
}

// searchedBlock is the reference's way with importance: a finer sweep, scales and minima fitted by the weight of their groups.
func (c *minCoder) searchedBlock(b *superBlock, x, w []float32) {
	var scales, mins, sum [groups16]float32
	var ls [groups16]uint8
	var aux [maxGroup]uint8
	n := c.groups()
	for g := range n {
		wg := w[g*c.group:][:c.group]
		for _, v := range wg {
			sum[g] += v
		}
		scales[g], mins[g] = fitMinGgml3(x[g*c.group:][:c.group], wg, c.top, b.q[g*c.group:], aux[:], searchedSweep.from, searchedSweep.step, searchedSweep.steps, false)
	}
	b.d = half(fitPosGgml(scales[:n], sum[:n], c.most, ls[:]))
	b.dmin = half(fitPosGgml(mins[:n], sum[:n], c.most, b.min[:]))
	for g := range n {
		b.scale[g] = int8(ls[g])
	}
	c.round(b, x)
}

// round takes every code anew with the rounded scales and minima; a group whose scale is zero keeps its codes.
func (c *minCoder) round(b *superBlock, x []float32) {
	d, dmin := halfValue(b.d), halfValue(b.dmin)
	for g := range c.groups() {
		s := float32(d * float32(b.scale[g]))
		if s == 0 {
			continue
		}
		m := float32(dmin * float32(b.min[g]))
		for i := g * c.group; i < (g+1)*c.group; i++ {
			b.q[i] = uint8(min(max(nearestInt((x[i]+m)/s), 0), int32(c.top)))
		}
	}
}
