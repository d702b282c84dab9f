package formats

import (
	"quern/quantize"
)

// GPTQ and GPTQv2 write what the scheme gptq reads. They differ in how zero points are stored.
var (
	GPTQ   = registerStore(gptqStore("gptq", "GPTQ", 1))
	GPTQv2 = registerStore(gptqStore("gptq_v2", "GPTQ v2", 0))
)

func gptqStore(name, title string, less int) Store {
	return Store{
		Name: name, Title: title, Bits: []int{2, 3, 4, 8}, Ordered: true, Label: "pt",
		Defaults: quantize.Grid{Bits: 4, Group: 128, Symmetric: true},
		Files:    []string{"quantize_config.json"}, Keys: []string{"quantization_config"},
		Parts: func(g quantize.Grid, n, k int, scale *quantize.Type) []Part {
			groups := g.Groups(k)
			return []Part{{"g_idx", quantize.I32, []int{k}}, {"qweight", quantize.I32, []int{k * g.Bits / 32, n}},
				{"qzeros", quantize.I32, []int{groups, n * g.Bits / 32}}, {"scales", scale, []int{groups, n}}}
		},
		Pack: func(c *quantize.Codes, row, n int, scale *quantize.Type, put Put) error {
			if row == 0 {
				if err := put(0, groupIndex(c), 0); err != nil {
					return err
				}
			}
			if err := packColumns(c, row, n, func(p []byte, off int64) error { return put(1, p, off) }); err != nil {
				return err
			}
			zeros := make([]byte, c.Rows*c.Bits/8)
			z := make([]uint8, c.Rows)
			for g := range c.Groups(c.Cols) {
				for i := range z {
					z[i] = uint8(c.ZeroOf(i, g)-less) & uint8(c.Levels()-1)
				}
				packBits(zeros, z, c.Bits)
				if err := put(2, zeros, int64(g*n*c.Bits/8+row*c.Bits/8)); err != nil {
					return err
				}
			}
			return packScales(c, row, n, scale, func(p []byte, off int64) error { return put(3, p, off) })
		},
		Config: func(g quantize.Grid, skip []string, ordered bool) map[string]any {
			group := g.Group
			if group <= 0 {
				group = -1
			}
			config := map[string]any{"quant_method": "gptq", "method": "gptq", "bits": g.Bits, "group_size": group, "sym": g.Symmetric, "desc_act": ordered,
				"format": name, "checkpoint_format": name, "pack_dtype": "int32", "lm_head": false,
				"meta": map[string]any{"quantizer": []string{"quern"}}}
			if dynamic := exceptions(skip); dynamic != nil {
				config["dynamic"] = dynamic
			}
			return config
		},
	}
}

// exceptions are modules that are not quantized, as GPTQModel's patterns.
func exceptions(skip []string) map[string]any {
	var out map[string]any
	for _, s := range skip {
		if s == "lm_head" {
			continue // said by a key of its own
		}
		if out == nil {
			out = map[string]any{}
		}
		out["-:^"+quotePattern(s)+"$"] = map[string]any{}
	}
	return out
}

// quotePattern quotes the dots of a module's name.
func quotePattern(s string) string {
	var b []byte
	for i := range len(s) {
		if s[i] == '.' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(b)
}

// groupIndex is the group of every column.
func groupIndex(c *quantize.Codes) []byte {
	p := make([]byte, 4*c.Cols)
	for k := range c.Cols {
		putWord(p, k, uint32(c.GroupOf(k)))
	}
	return p
}

// packColumns writes rows of codes as columns of words: down every column the stream of a row's codes.
func packColumns(c *quantize.Codes, row, n int, put func(p []byte, off int64) error) error {
	words := c.Cols * c.Bits / 32
	lines := make([]byte, 4*words*c.Rows)
	for i := range c.Rows {
		packBits(lines[4*words*i:4*words*(i+1)], c.Q[i*c.Cols:(i+1)*c.Cols], c.Bits)
	}
	const step = 64
	buf := make([]byte, step*4*c.Rows)
	for w := 0; w < words; w += step {
		m := min(step, words-w)
		for i := range c.Rows {
			line := lines[4*(words*i+w):]
			for j := range m {
				putWord(buf, j*c.Rows+i, word(line, j))
			}
		}
		if c.Rows == n {
			if err := put(buf[:4*m*n], int64(w)*int64(n)*4); err != nil {
				return err
			}
			continue
		}
		for j := range m {
			if err := put(buf[4*j*c.Rows:4*(j+1)*c.Rows], (int64(w+j)*int64(n)+int64(row))*4); err != nil {
				return err
			}
		}
	}
	return nil
}

// packScales writes scales as a matrix [groups, outputs].
func packScales(c *quantize.Codes, row, n int, scale *quantize.Type, put func(p []byte, off int64) error) error {
	x, p := make([]float32, c.Rows), make([]byte, c.Rows*scale.Bytes)
	groups := c.Groups(c.Cols)
	for g := range groups {
		for i := range x {
			x[i] = c.Scale[i*groups+g]
		}
		scale.Encode(p, x, nil)
		if err := put(p, (int64(g)*int64(n)+int64(row))*int64(scale.Bytes)); err != nil {
			return err
		}
	}
	return nil
}
