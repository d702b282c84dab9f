package quantize

import "quern/internal/kernel"

// A minCoder is a k-quant with minima: value = d·scale·code - dmin·min (Q2_K, Q4_K, Q5_K).
type minCoder struct {
	group    int // weights that share a scale
	top      int // highest code
	most     int // highest scale and minimum
	bytes    int
	sigma    float32   // σ² of the importance weights, in mean squares
	plain    []float32 // llama-quantize's sweep without importance
	searched []float32 // and with it
	plainAbs bool      // without: weights |x| and absolute error
	weigh    func(w, src, importance []float32)
	looks    minQuick
	efforts  [3]minEffort // of the longer search: what efforts 2 and 3 look at, and effort 1 where importance says nothing
	put      func(dst []byte, b *superBlock)
	codes    *kernel.Codes
	at       int                          // where the halves begin
	scales   func(src []byte) superScales // but the halves
}

// A minEffort is what a longer search looks at.
type minEffort struct {
	starts []float32 // what part of all integers the largest scale and minimum of a start take
	rounds int       // of walking and refitting from each
	far    []float32 // the steps from a group's scale and minimum that come before single ones: kernel.WalkMin's table
}

func effortsMin(top int) [3]minEffort {
	return [3]minEffort{
		{nil, 1, stepsMin(top, -3, 3)},
		{[]float32{1, 0.93}, 1, stepsMin(top, -8, -6, -4, -3, -2, -1, 1, 2, 3, 4, 6, 8)},
		{[]float32{1.05, 1, 0.95, 0.9, 0.85, 0.8}, 2, stepsMin(top, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6)},
	}
}

func (c *minCoder) groups() int { return super / c.group }

func (c *minCoder) decode(dst []float32, src []byte) {
	expandTiles(dst, src, super, c.bytes, c.group, true, c.tile)
}

func (c *minCoder) tile(dst Tile, src []byte) {
	groups := c.groups()
	c.codes.Unpack(dst.Code, src)
	kernel.HalvesEvery(dst.Scale, src[c.at:], c.bytes)
	kernel.HalvesEvery(dst.Min, src[c.at+2:], c.bytes)
	for i, m := range dst.Min {
		b := c.scales(src[i*c.bytes:])
		sub, low := dst.Sub[i*groups:][:groups], dst.SubMin[i*groups:][:groups]
		for g := range sub {
			sub[g], low[g] = int16(b.scale[g&15]), int16(b.min[g&15])
		}
		dst.Min[i] = -m
	}
}

// ggml writes a row as llama-quantize does.
func (c *minCoder) ggml(dst []byte, src, importance []float32) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	for len(src) > 0 {
		x := src[:min(len(src), kernel.GroupLanes*c.group)]
		c.fit(b, x, cutTo(importance, len(x)))
		for i := 0; i*super < len(x); i++ {
			k := &b.out
			k.superScales = b.block[i].first
			c.levels(b, k, x[i*super:][:super], true)
			c.keepLevels(b, k, i, x[i*super:])
			c.put(dst[i*c.bytes:], k)
		}
		dst, src, importance = dst[len(x)/super*c.bytes:], src[len(x):], after(importance, len(x))
	}
}

// keepLevels gives groups that are multiplied by zero the levels that they were fitted with, as the reference does.
func (c *minCoder) keepLevels(b *kBatch, k *superBlock, at int, x []float32) {
	for g := range c.groups() {
		if halfValue(k.d)*float32(k.scale[g]) != 0 {
			continue
		}
		for e := g * c.group; e < (g+1)*c.group; e++ {
			k.q[e] = uint8(b.LevelMin(at*c.groups()+g, x[e]))
		}
	}
}

// fit leaves llama-quantize's scales and minima of all super-blocks of a batch. Without importance its weights follow
// magnitudes, and scales and minima are just rounded; with it the sweep is finer and groups count by their weights.
func (c *minCoder) fit(b *kBatch, x, importance []float32) {
	b.LoadX(x, c.group)
	if importance == nil {
		b.WeighAbs(c.group, !c.plainAbs)
		b.SweepMin(c.group, c.top, c.plainAbs, c.plain)
	} else {
		b.LoadW(importance, c.group)
		b.sigma(c.sigma, x, c.groups())
		b.WeighBy(c.group)
		b.SweepMin(c.group, c.top, false, c.searched)
	}
	for g := range b.Min {
		b.Min[g] = 0 - b.Min[g]
	}
	n := c.groups()
	for i := 0; i*super < len(x); i++ {
		k, at := &b.block[i].first, i*n
		*k = superScales{}
		if importance == nil {
			c.plainScales(k, b.Scale[at:at+n], b.Min[at:at+n])
		} else {
			c.searchedScales(k, b.Scale[at:at+n], b.Min[at:at+n], b.SumW[at:at+n])
		}
	}
}

func (c *minCoder) plainScales(k *superScales, scales, mins []float32) {
	var topScale, topMin float32
	for g, s := range scales {
		topScale, topMin = max(topScale, s), max(topMin, mins[g])
	}
	most := float32(c.most)
	var perScale, perMin float32
	if topScale > 0 {
		perScale = most / topScale
	}
	if topMin > 0 {
		perMin = most / topMin
	}
	for g, s := range scales {
		k.scale[g] = int8(min(nearestInt(float32(perScale*s)), int32(c.most)))
		k.min[g] = uint8(min(nearestInt(float32(perMin*mins[g])), int32(c.most)))
	}
	k.d, k.dmin = half(topScale/most), half(topMin/most)
}

func (c *minCoder) searchedScales(k *superScales, scales, mins, weight []float32) {
	var codes [groups16]uint8
	k.d = half(fitPosGgml(scales, weight, c.most, codes[:]))
	k.dmin = half(fitPosGgml(mins, weight, c.most, k.min[:]))
	for g := range scales {
		k.scale[g] = int8(codes[g])
	}
}

// levels takes the codes of a super-block from its scales and minima: zeros where the scale is zero.
func (c *minCoder) levels(b *kBatch, k *superBlock, x []float32, divide bool) {
	d, dmin := halfValue(k.d), halfValue(k.dmin)
	for g := range c.groups() {
		b.factor[g], b.low[g] = factorOf(float32(d*float32(k.scale[g])), divide), float32(dmin*float32(k.min[g]))
	}
	kernel.Levels(k.q[:], x, b.factor[:], b.low[:], c.group, 0, c.top, divide)
}

// factorOf is what weights are divided by, or multiplied with, to become levels of scale s.
func factorOf(s float32, divide bool) float32 {
	switch {
	case s == 0 && divide:
		return inf32
	case s == 0 || divide:
		return s
	}
	return 1 / s
}
