package formats

import (
	"quern/quantize"
)

// A blockCode is a GGUF type whose blocks of 32 hold integers on a grid: an F16 scale, an F16 minimum or none, and codes.
type blockCode struct {
	typ    *quantize.Type
	bits   int
	min    bool
	unpack func(q []uint8, block []byte) // block is what follows scale and minimum
}

var blockCodes = []blockCode{
	{quantize.Q4_0, 4, false, unpackNibbles},
	{quantize.Q4_1, 4, true, unpackNibbles},
	{quantize.Q5_0, 5, false, unpackFifths},
	{quantize.Q5_1, 5, true, unpackFifths},
	{quantize.Q8_0, 8, false, func(q []uint8, block []byte) {
		for i := range q {
			q[i] = block[i] ^ 0x80
		}
	}},
}

func unpackNibbles(q []uint8, block []byte) {
	for i := range 16 {
		q[i], q[i+16] = block[i]&15, block[i]>>4
	}
}

func unpackFifths(q []uint8, block []byte) {
	unpackNibbles(q, block[4:])
	high := word(block, 0)
	for i := range q {
		q[i] |= uint8(high>>i&1) << 4
	}
}

const codeBlock = 32

// WithCodes is a tensor whose rows tell the integers in its blocks, where its type has them on a grid; else t itself.
func WithCodes(t *Tensor) *Tensor {
	for _, b := range blockCodes {
		if b.typ != t.Type || t.Raw == nil || len(t.Shape) < 2 || t.Scale != nil {
			continue
		}
		n := *t
		n.Rows = &codedRows{name: t.Name, rows: t.NumRows(), cols: t.Cols(), grid: quantize.Grid{Bits: b.bits, Group: codeBlock, Symmetric: !b.min},
			offsets: b.min, scales: quantize.F16, unit: 1, load: func(c *quantize.Codes, row, rows int) error { return b.load(c, t, row, rows) }}
		return &n
	}
	return t
}

func (b blockCode) load(c *quantize.Codes, t *Tensor, row, rows int) error {
	size, _ := t.Type.Size(t.Cols())
	p := make([]byte, rows*size)
	if _, err := t.Raw.ReadAt(p, int64(row)*int64(size)); err != nil {
		return err
	}
	var x [2]float32
	for i := range c.Scale {
		block := p[i*t.Type.Bytes:][:t.Type.Bytes]
		q := c.Q[i*codeBlock:][:codeBlock]
		if b.min {
			quantize.F16.Decode(x[:], block[:4])
			c.Offset[i] = x[1]
			b.unpack(q, block[4:])
		} else {
			quantize.F16.Decode(x[:1], block[:2])
			b.unpack(q, block[2:])
		}
		if c.Scale[i] = x[0]; x[0] == 0 { // the codes say nothing: another scale, and codes that say so
			c.Scale[i] = 1
			for j := range q {
				q[j] = 0
				if !b.min {
					q[j] = uint8(c.Levels() / 2)
				}
			}
		}
	}
	return nil
}
