package formats

import "quern/quantize"

// CompressedTensors writes the layout pack-quantized, which the scheme compressed-tensors reads: what vLLM prefers.
var CompressedTensors = registerStore(Store{
	Name: "compressed-tensors", Title: "compressed-tensors", Bits: []int{2, 3, 4, 5, 6, 7, 8}, Label: "pt",
	Defaults: quantize.Grid{Bits: 4, Group: 128, Symmetric: true}, ModelScales: true,
	Keys: []string{"quantization_config"},
	Parts: func(g quantize.Grid, n, k int, scale *quantize.Type) []Part {
		groups := g.Groups(k)
		parts := []Part{{"weight_packed", quantize.I32, []int{n, bitWords(k, g.Bits)}}, {"weight_scale", scale, []int{n, groups}},
			{"weight_shape", quantize.I64, []int{2}}}
		if !g.Symmetric {
			parts = append(parts, Part{"weight_zero_point", quantize.I32, []int{bitWords(n, g.Bits), groups}})
		}
		return parts
	},
	Pack: packCT,
	Config: func(g quantize.Grid, skip []string, _ bool) map[string]any {
		strategy, group := "group", any(g.Group)
		if g.Group <= 0 {
			strategy, group = "channel", nil
		}
		if skip == nil {
			skip = []string{}
		}
		return map[string]any{
			"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
			"config_groups": map[string]any{"group_0": map[string]any{
				"targets": []string{"Linear"}, "input_activations": nil, "output_activations": nil, "format": "pack-quantized",
				"weights": map[string]any{"num_bits": g.Bits, "type": "int", "symmetric": g.Symmetric, "strategy": strategy, "group_size": group,
					"dynamic": false, "actorder": nil, "block_structure": nil, "observer": "minmax", "observer_kwargs": map[string]any{}},
			}},
			"ignore": skip, "kv_cache_scheme": nil, "global_compression_ratio": nil,
		}
	},
})

func packCT(c *quantize.Codes, row, n int, scale *quantize.Type, put Put) error {
	groups, words := c.Groups(c.Cols), bitWords(c.Cols, c.Bits)
	p := make([]byte, 4*words*c.Rows)
	for i := range c.Rows {
		packBits(p[4*words*i:4*words*(i+1)], c.Q[i*c.Cols:(i+1)*c.Cols], c.Bits)
	}
	if err := put(0, p, int64(row)*int64(words)*4); err != nil {
		return err
	}
	s := make([]byte, len(c.Scale)*scale.Bytes)
	scale.Encode(s, c.Scale, nil)
	if err := put(1, s, int64(row)*int64(groups*scale.Bytes)); err != nil {
		return err
	}
	if row == 0 {
		shape := make([]byte, 16)
		putWord(shape, 0, uint32(n))
		putWord(shape, 2, uint32(c.Cols))
		if err := put(2, shape, 0); err != nil {
			return err
		}
	}
	if c.Symmetric {
		return nil
	}
	down := bitWords(c.Rows, c.Bits)
	zeros, line, z := make([]byte, 4*down*groups), make([]byte, 4*down), make([]uint8, c.Rows)
	for g := range groups {
		for i := range z {
			z[i] = uint8(c.ZeroOf(i, g))
		}
		packBits(line, z, c.Bits)
		for w := range down {
			putWord(zeros, w*groups+g, word(line, w))
		}
	}
	return put(3, zeros, int64(row*c.Bits/32)*int64(groups)*4)
}
