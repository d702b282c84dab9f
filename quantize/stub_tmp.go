package quantize

func (c *flatCoder) encodeMin(dst []byte, src, importance []float32) { c.ggmlMin(dst, src, importance) }
func encodeQ8_0(dst []byte, src, importance []float32)               { ggmlQ8_0(dst, src, importance) }
