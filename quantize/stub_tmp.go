package quantize

func encodeQ8_0(dst []byte, src, importance []float32) { ggmlQ8_0(dst, src, importance) }
