package formats

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"quern/quantize"
)

// The scheme gptq is what AutoGPTQ and GPTQModel write, for a layer of n outputs and k inputs, b bits:
//
//	qweight  int32 [k·b/32, n]   down every column the stream of its codes
//	qzeros   int32 [G, n·b/32]   along every row the stream of the zero points, less one in the first version of the format
//	scales   f16   [G, n]
//	g_idx    int32 [k]           the group of every input; absent or all zero: consecutive inputs
//
// The bits are told by the shapes, so that modules with settings of their own ("dynamic") need no further care.
var _ = registerScheme(scheme{
	name:    "gptq",
	methods: []string{"gptq"},
	parts:   []string{"qweight", "qzeros", "scales", "g_idx"},
	accept:  acceptGPTQ,
	weight: func(m *module) (*Tensor, error) {
		return gptqWeight(m, m.config.text("checkpoint_format", "format") != "gptq_v2")
	},
})

func acceptGPTQ(c quantConfig) error {
	if f := c.text("checkpoint_format", "format"); f != "" && f != "gptq" && f != "gptq_v2" {
		return Unsupported("GPTQ in the layout %.40q", f)
	}
	if c.flag("is_marlin_format", false) {
		return Unsupported("GPTQ in the layout of Marlin's kernels")
	}
	if p := c.text("pack_dtype"); p != "" && p != "int32" {
		return Unsupported("GPTQ packed into %.20s", p)
	}
	return nil
}

// gptqReader are the parts of one layer.
type gptqReader struct {
	qweight, qzeros, scales, order *Tensor
	n, k, groups, bits             int
	minusOne                       bool

	once   sync.Once // for what order says
	g      []int32
	failed error
}

func gptqWeight(m *module, minusOne bool) (*Tensor, error) {
	r := &gptqReader{minusOne: minusOne, order: m.parts["g_idx"]}
	var err error
	if r.qweight, err = m.matrix("qweight", "I32"); err != nil {
		return nil, err
	}
	if r.qzeros, err = m.matrix("qzeros", "I32"); err != nil {
		return nil, err
	}
	if r.scales, err = m.matrix("scales", floats16...); err != nil {
		return nil, err
	}
	if err := r.sizes(m); err != nil {
		return nil, err
	}
	group, err := groupsOf(r.k, r.groups, m.config.number(0, "group_size"))
	if err != nil {
		return nil, m.fail("scales", err)
	}
	rows := &codedRows{rows: r.n, cols: r.k, grid: quantize.Grid{Bits: r.bits, Group: group}, scales: r.scales.Type, unit: 32,
		bands: m.bands, load: r.load, uniform: func() (bool, error) { return allMiddle(r.n, r.groups, r.bits, r.zeros) }}
	if r.order != nil {
		rows.order = r.groupIndex
	}
	return m.tensor(gridName("gptq", rows.grid), rows, r.qweight, r.qzeros, r.scales, r.order), nil
}

// gridName is a storage type's name for people.
func gridName(scheme string, g quantize.Grid) string {
	if g.Group <= 0 {
		return fmt.Sprintf("%s-%dbit-channel", scheme, g.Bits)
	}
	return fmt.Sprintf("%s-%dbit-g%d", scheme, g.Bits, g.Group)
}

// sizes finds n, k and the bits, and sees that all parts agree.
func (r *gptqReader) sizes(m *module) error {
	r.n, r.groups = r.qweight.Shape[1], r.scales.Shape[0]
	zeros := r.qzeros.Shape[1]
	if r.n%32 != 0 || 32*zeros%r.n != 0 {
		return m.fail("qzeros", Corrupt("has shape %v beside codes of shape %v: %d outputs are not whole words of zero points", r.qzeros.Shape, r.qweight.Shape, r.n))
	}
	r.bits = 32 * zeros / r.n
	if !slices.Contains([]int{2, 3, 4, 8}, r.bits) {
		return m.fail("qzeros", Unsupported("codes of %d bits", r.bits))
	}
	if 32*r.qweight.Shape[0]%r.bits != 0 {
		return m.fail("qweight", Corrupt("has %d words for each output, which are no whole number of %d-bit codes", r.qweight.Shape[0], r.bits))
	}
	r.k = 32 * r.qweight.Shape[0] / r.bits
	if err := m.shaped("scales", r.groups, r.n); err != nil {
		return err
	}
	if err := m.shaped("qzeros", r.groups, zeros); err != nil {
		return err
	}
	if r.order == nil {
		return nil
	}
	if r.order.Type.Name != "I32" && r.order.Type.Name != "I64" {
		return m.fail("g_idx", Unsupported("is stored as %s", r.order.Type.Name))
	}
	return m.shaped("g_idx", r.k)
}

// groupIndex reads g_idx once; nil is what consecutive groups have.
func (r *gptqReader) groupIndex() ([]int32, error) {
	r.once.Do(func() { r.g, r.failed = readOrder(r.order, r.k, r.groups) })
	return r.g, r.failed
}

// readOrder reads the group of every column. Groups of neighbours, and the zeros that some tools write for them, are nil.
func readOrder(t *Tensor, cols, groups int) ([]int32, error) {
	p := make([]byte, t.Bytes())
	if _, err := t.Raw.ReadAt(p, 0); err != nil {
		return nil, err
	}
	g, size, zero, plain := make([]int32, cols), t.Type.Bytes, true, true
	group := (cols + groups - 1) / groups
	for i := range g {
		v := int32(word(p[i*size:], 0))
		if v < 0 || int(v) >= groups || size == 8 && word(p[i*size:], 1) != 0 {
			return nil, Corrupt("g_idx: column %d is of group %d, of %d groups", i, v, groups)
		}
		g[i] = v
		zero = zero && v == 0
		plain = plain && int(v) == i/group
	}
	if zero || plain {
		return nil, nil
	}
	return g, nil
}

// load reads a band of outputs, which are columns here.
func (r *gptqReader) load(c *quantize.Codes, row, rows int) error {
	if r.order != nil {
		order, err := r.groupIndex()
		if err != nil {
			return err
		}
		c.Order = order
	}
	words := r.qweight.Shape[0]
	lines := make([]byte, 4*words*rows)
	if err := transposeWords(lines, r.qweight.Raw, words, r.n, row, rows); err != nil {
		return err
	}
	for i := range rows {
		unpackBits(c.Q[i*r.k:(i+1)*r.k], lines[4*words*i:], r.bits)
	}
	if err := loadScales(c.Scale, r.scales, row, rows); err != nil {
		return err
	}
	return r.zeros(c.Zero, row, rows)
}

// zeros reads the zero points of a band.
func (r *gptqReader) zeros(dst []uint8, row, rows int) error {
	line, z := make([]byte, rows*r.bits/8), make([]uint8, rows)
	for g := range r.groups {
		at := int64(g)*int64(r.qzeros.Shape[1])*4 + int64(row*r.bits/8)
		if _, err := r.qzeros.Raw.ReadAt(line, at); err != nil {
			return err
		}
		unpackBits(z, line, r.bits)
		for i, v := range z {
			if r.minusOne {
				v = (v + 1) & (1<<r.bits - 1)
			}
			dst[i*r.groups+g] = v
		}
	}
	return nil
}

// transposeWords reads columns col…col+cols of a matrix of rows × width words, and stores them as lines.
func transposeWords(dst []byte, raw io.ReaderAt, rows, width, col, cols int) error {
	const step = 64 // rows that are read before they are spread
	buf := make([]byte, step*4*cols)
	for w := 0; w < rows; w += step {
		n := min(step, rows-w)
		for j := range n {
			if _, err := raw.ReadAt(buf[j*4*cols:(j+1)*4*cols], (int64(w+j)*int64(width)+int64(col))*4); err != nil {
				return err
			}
		}
		for i := range cols {
			line := dst[(i*rows+w)*4:]
			for j := range n {
				putWord(line, j, word(buf, j*cols+i))
			}
		}
	}
	return nil
}

// loadScales reads columns of a matrix of scales [groups, outputs] into one row for each output.
func loadScales(dst []float32, t *Tensor, row, rows int) error {
	groups, size := t.Shape[0], t.Type.Bytes
	line, x := make([]byte, rows*size), make([]float32, rows)
	for g := range groups {
		if _, err := t.Raw.ReadAt(line, (int64(g)*int64(t.Shape[1])+int64(row))*int64(size)); err != nil {
			return err
		}
		t.Type.Decode(x, line)
		for i, v := range x {
			dst[i*groups+g] = v
		}
	}
	return nil
}
