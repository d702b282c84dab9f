package formats

import "quern/quantize"

// AWQ writes AutoAWQ's GEMM layout, which the scheme awq reads: the format for four bits with zero points.
var AWQ = registerStore(Store{
	Name: "awq", Title: "AWQ", Bits: []int{4}, Groups: []int{16, 32, 64, 128}, Label: "pt",
	Defaults: quantize.Grid{Bits: 4, Group: 128},
	Keys:     []string{"quantization_config"},
	Parts: func(g quantize.Grid, n, k int, scale *quantize.Type) []Part {
		groups := g.Groups(k)
		return []Part{{"qweight", quantize.I32, []int{k, n / 8}}, {"qzeros", quantize.I32, []int{groups, n / 8}}, {"scales", scale, []int{groups, n}}}
	},
	Pack: func(c *quantize.Codes, row, n int, scale *quantize.Type, put Put) error {
		groups := c.Groups(c.Cols)
		if err := packEights(c.Rows, c.Cols, row, n, func(i, k int) uint8 { return c.Q[i*c.Cols+k] },
			func(p []byte, off int64) error { return put(0, p, off) }); err != nil {
			return err
		}
		if err := packEights(c.Rows, groups, row, n, func(i, g int) uint8 { return uint8(c.ZeroOf(i, g)) },
			func(p []byte, off int64) error { return put(1, p, off) }); err != nil {
			return err
		}
		return packScales(c, row, n, scale, func(p []byte, off int64) error { return put(2, p, off) })
	},
	Config: func(g quantize.Grid, skip []string, _ bool) map[string]any {
		return map[string]any{"quant_method": "awq", "bits": g.Bits, "group_size": g.Group, "zero_point": true, "version": "gemm",
			"modules_to_not_convert": nullIfEmpty(skip)}
	},
})

// nullIfEmpty is a list that JSON shows as null when nothing is in it.
func nullIfEmpty(list []string) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// packEights writes codes [rows][lines] as lines of words, eight neighbouring rows in each.
func packEights(rows, lines, row, n int, code func(i, line int) uint8, put func(p []byte, off int64) error) error {
	const step = 64
	p := make([]byte, step*rows/2)
	for k := 0; k < lines; k += step {
		m := min(step, lines-k)
		for j := range m {
			for i := 0; i < rows; i += 8 {
				w := uint32(0)
				for nibble, o := range awqOrder {
					w |= uint32(code(i+o, k+j)) << (4 * nibble)
				}
				putWord(p, (j*rows+i)/8, w)
			}
		}
		if rows == n {
			if err := put(p[:m*n/2], int64(k)*int64(n)/2); err != nil {
				return err
			}
			continue
		}
		for j := range m {
			if err := put(p[j*rows/2:(j+1)*rows/2], (int64(k+j)*int64(n)+int64(row))/2); err != nil {
				return err
			}
		}
	}
	return nil
}
