package quantize

// A symCoder is a k-quant without minima: value = d·scale·(code-zero) (Q3_K, Q6_K), in groups of 16.
type symCoder struct {
	zero   int  // codes run from 0 to 2·zero-1
	lowest int  // scales run from -lowest to lowest-1
	twice  bool // the default search begins from a fit of its own too
	far    int  // steps of a group's scale that it looks at
	bytes  int
	put    func(dst []byte, b *superBlock)
	take   func(b *superBlock, src []byte)
	weigh  func(w, src, importance []float32)
	fit    func(c *symCoder, b *superBlock, x, importance []float32) // llama-quantize's choice of scales
}

func (c *symCoder) decode(dst []float32, src []byte) {
	var b superBlock
	for ; len(dst) >= super; dst, src = dst[super:], src[c.bytes:] {
		c.take(&b, src)
		d := halfValue(b.d)
		for g := range groups16 {
			s := float32(d * float32(b.scale[g]))
			out, q := dst[g*16:][:16], b.q[g*16:]
			for i := range out {
				out[i] = s * float32(int(q[i])-c.zero)
			}
		}
	}
}

func (c *symCoder) tile(dst Tile, src []byte) {
	var b superBlock
	for n := 0; (n+1)*super <= len(dst.Code); n++ {
		c.take(&b, src[n*c.bytes:])
		out := dst.Code[n*super:][:super]
		for i, q := range b.q {
			out[i] = int8(int(q) - c.zero)
		}
		d := halfValue(b.d)
		for g := range groups16 {
			dst.Scale[n*groups16+g], dst.Min[n*groups16+g] = float32(d*float32(b.scale[g])), 0
		}
	}
}

// ggml writes a row as llama-quantize does.
func (c *symCoder) ggml(dst []byte, src, importance []float32) {
	var b superBlock
	for ; len(src) >= super; dst, src = dst[c.bytes:], src[super:] {
		b = superBlock{}
		if importance == nil {
			c.fit(c, &b, src[:super], nil)
		} else {
			c.fit(c, &b, src[:super], importance[:super])
			importance = importance[super:]
		}
		c.put(dst, &b)
	}
}

// round takes every code anew with the rounded scales; a group whose scale is zero keeps its codes.
func (c *symCoder) round(b *superBlock, x []float32) {
	d := halfValue(b.d)
	for g := range groups16 {
		s := float32(d * float32(b.scale[g]))
		if s == 0 {
			continue
		}
		for i := g * 16; i < (g+1)*16; i++ {
			b.q[i] = uint8(min(max(nearestInt(x[i]/s), int32(-c.zero)), int32(c.zero-1)) + int32(c.zero))
		}
	}
}

// largestScale is the first scale of the largest magnitude.
func largestScale(scales *[groups16]float32) float32 { return signedMax(scales[:]) }
