package quantize

import "quern/internal/kernel"

// A symCoder is a k-quant without minima: value = d·scale·(code-zero) (Q3_K, Q6_K), in groups of 16.
type symCoder struct {
	zero     int          // codes run from 0 to 2·zero-1
	lowest   int          // scales run from -lowest to lowest-1
	sweep    []float32    // llama-quantize's
	descends bool         // without importance it moves single levels instead
	efforts  [3]symEffort // of the default search: what efforts 1, 2 and 3 look at
	looks    symQuick
	sigma    float32 // σ² of the importance weights, in mean squares; zero where importance is all
	bytes    int
	put      func(dst []byte, b *superBlock)
	codes    *kernel.Codes
	at       int                          // where the half is
	scales   func(src []byte) superScales // but the half
	weigh    func(w, src, importance []float32)
	fit      func(c *symCoder, b *kBatch, x, importance []float32) // llama-quantize's choice of scales
}

// A symEffort is what a search looks at.
type symEffort struct {
	rounds      int       // of walking and refitting
	plain, wide []float32 // sweeps for a fit of its own, without importance and with it; nil where llama-quantize's is start enough
	far         []float32 // the steps from a group's scale
}

func (c *symCoder) decode(dst []float32, src []byte) {
	expandTiles(dst, src, super, c.bytes, 16, false, c.tile)
}

func (c *symCoder) tile(dst Tile, src []byte) {
	c.codes.Unpack(dst.Code, src)
	kernel.HalvesEvery(dst.Scale, src[c.at:], c.bytes)
	for i := range dst.Scale {
		b, sub := c.scales(src[i*c.bytes:]), dst.Sub[i*groups16:][:groups16]
		for g, s := range b.scale {
			sub[g] = int16(s)
		}
	}
	dst.clearMin()
}

// ggml writes a row as llama-quantize does.
func (c *symCoder) ggml(dst []byte, src, importance []float32) {
	b := kBatches.Get().(*kBatch)
	defer kBatches.Put(b)
	for len(src) > 0 {
		x := src[:min(len(src), kernel.GroupLanes*16)]
		c.load(b, x, cutTo(importance, len(x)))
		for i := 0; i*super < len(x); i++ {
			k := &b.out
			k.superScales = b.block[i].first
			c.levels(b, k, x[i*super:][:super], true)
			c.keepLevels(b, k, i, x[i*super:], importance == nil)
			c.put(dst[i*c.bytes:], k)
		}
		dst, src, importance = dst[len(x)/super*c.bytes:], src[len(x):], after(importance, len(x))
	}
}

// load fits a batch as llama-quantize does.
func (c *symCoder) load(b *kBatch, x, importance []float32) {
	b.LoadX(x, 16)
	c.fit(c, b, x, importance)
}

// keepLevels gives groups that are multiplied by zero the levels that they were fitted with, as the reference does.
func (c *symCoder) keepLevels(b *kBatch, k *superBlock, at int, x []float32, plain bool) {
	for g := range groups16 {
		if halfValue(k.d)*float32(k.scale[g]) != 0 {
			continue
		}
		xg, q, lane := x[g*16:][:16], k.q[g*16:], at*groups16+g
		top := signedMax(xg)
		for e, v := range xg {
			switch {
			case top < tinyGroup && top > -tinyGroup:
				q[e] = 0
			case plain && c.descends:
				q[e] = uint8(int(b.Code[e*kernel.GroupLanes+lane]) + c.zero)
			default:
				q[e] = uint8(b.LevelSym(lane, v) + c.zero)
			}
		}
	}
}

// levels takes the codes of a super-block from its scales: those of zero where the scale is zero.
func (c *symCoder) levels(b *kBatch, k *superBlock, x []float32, divide bool) {
	clear(b.low[:])
	d := halfValue(k.d)
	for g := range groups16 {
		b.factor[g] = factorOf(float32(d*float32(k.scale[g])), divide)
	}
	kernel.Levels(k.q[:], x, b.factor[:], b.low[:], 16, -c.zero, c.zero-1, divide)
}

// scalesBy rounds scales by their weights.
func (c *symCoder) scalesBy(k *superScales, scales, weights []float32) {
	var q [groups16]int8
	k.d = half(fitSymGgml(scales, c.lowest, q[:], 1, weights))
	for g, code := range q {
		k.scale[g] = int8(int(uint8(code)) - c.lowest)
	}
}

// largestScale is the first scale of the largest magnitude.
func largestScale(scales []float32) float32 { return signedMax(scales) }
