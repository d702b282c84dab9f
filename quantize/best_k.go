package quantize

func (c *minCoder) encode(dst []byte, src, importance []float32) { c.ggml(dst, src, importance) }
func (c *symCoder) encode(dst []byte, src, importance []float32) { c.ggml(dst, src, importance) }
