package convert

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"

	"quern/formats"
	"quern/quantize"
)

// A bridge moves integer codes into blocks of a GGUF type: the integers stay as they are, and only what the type stores in F16 may have to
// be rounded.
type bridge struct {
	to *quantize.Type
	// fits says whether all codes of a grid have a place. offset: zero points are no integers; uniform: all are the middle.
	fits func(g quantize.Grid, offset, uniform bool) bool
	// block writes the block of 32 codes q, which have one scale. zero is their zero point, min what a code of 0 stands for.
	block func(dst []byte, q []uint8, scale uint16, zero int, min uint16)
	min   bool // the type stores a minimum
}

const bridgeBlock = 32

// bridges are tried in this order.
var bridges = []*bridge{
	{to: quantize.Q4_0, block: blockQ4_0, fits: func(g quantize.Grid, offset, uniform bool) bool { return g.Bits <= 4 && !offset && uniform }},
	{to: quantize.Q4_1, block: blockQ4_1, min: true, fits: func(g quantize.Grid, _, _ bool) bool { return g.Bits <= 4 }},
	{to: quantize.Q5_0, block: blockQ5_0, fits: func(g quantize.Grid, offset, uniform bool) bool { return g.Bits == 5 && !offset && uniform }},
	{to: quantize.Q5_1, block: blockQ5_1, min: true, fits: func(g quantize.Grid, _, _ bool) bool { return g.Bits == 5 }},
	{to: quantize.Q8_0, block: blockQ8_0, fits: func(g quantize.Grid, offset, uniform bool) bool {
		return !offset && (g.Bits < 8 || uniform) // differences of two seven-bit numbers fit a byte
	}},
}

// bridgeOf finds how the codes of a tensor get into a GGUF; nil and the reason where they do not.
func bridgeOf(t *formats.Tensor) (*bridge, string, error) {
	c := formats.CodesOf(t)
	g := c.Grid()
	ordered, err := c.Ordered()
	switch {
	case err != nil:
		return nil, "", err
	case ordered:
		return nil, "the columns of a group are not neighbours (act-order), which no GGUF type can say", nil
	case t.Cols()%bridgeBlock != 0 || g.Group%bridgeBlock != 0:
		return nil, fmt.Sprintf("groups of %d in rows of %d are not whole blocks of %d", max(g.Group, 0), t.Cols(), bridgeBlock), nil
	}
	uniform, err := c.Uniform()
	if err != nil {
		return nil, "", err
	}
	for _, b := range bridges {
		if b.fits(g, c.Offsets(), uniform) {
			return b, "", nil
		}
	}
	return nil, fmt.Sprintf("no GGUF type has %d-bit codes with a zero point", g.Bits), nil
}

// note says what of a tensor's codes may be rounded.
func (b *bridge) note(c formats.Coded) string {
	switch {
	case b.min && c.Scales().Name != "F16":
		return "codes kept, scales and minima rounded to F16"
	case b.min && !c.Offsets():
		return "codes and scales kept, minima rounded to F16"
	case c.Scales().Name == "F32":
		return "codes kept, scales rounded to F16"
	}
	return "codes and scales kept"
}

// rounded counts what a run had to round. Counts and a maximum do not depend on the order of the workers.
type rounded struct {
	numbers, changed atomic.Int64
	most             atomic.Uint64 // the largest relative change, as bits of a float64
}

// half rounds to F16 and counts.
func (r *rounded) half(x float32) (uint16, error) {
	var p [2]byte
	var back [1]float32
	quantize.F16.Encode(p[:], []float32{x}, nil)
	quantize.F16.Decode(back[:], p[:])
	r.numbers.Add(1)
	if back[0] != x {
		far := math.Abs(float64(back[0])-float64(x)) / math.Abs(float64(x))
		if !(far <= 1) {
			return 0, &formats.Error{Err: fmt.Errorf("the scale or minimum %g does not fit into F16", x), Hint: "name a type to decode into: --outtype bf16"}
		}
		r.changed.Add(1)
		for old := r.most.Load(); math.Float64bits(far) > old && !r.most.CompareAndSwap(old, math.Float64bits(far)); old = r.most.Load() {
		}
	}
	return binary.LittleEndian.Uint16(p[:]), nil
}

// row writes row i of c as blocks.
func (b *bridge) row(dst []byte, c *quantize.Codes, i int, r *rounded) error {
	groups := c.Groups(c.Cols)
	group := c.Group
	if group <= 0 {
		group = c.Cols
	}
	for g := range groups {
		at := i*groups + g
		scale, err := r.half(c.Scale[at])
		if err != nil {
			return err
		}
		zero, low := 0, uint16(0)
		if c.Offset == nil {
			zero = c.ZeroOf(i, g)
		}
		if b.min {
			m := -float32(c.Scale[at] * float32(zero))
			if c.Offset != nil {
				m = c.Offset[at]
			}
			if low, err = r.half(m); err != nil {
				return err
			}
		}
		for k := g * group; k < min((g+1)*group, c.Cols); k += bridgeBlock {
			b.block(dst[:b.to.Bytes], c.Q[i*c.Cols+k:][:bridgeBlock], scale, zero, low)
			dst = dst[b.to.Bytes:]
		}
	}
	return nil
}

// blockQ4_0 stores differences from the zero point, plus 8: the same codes where they have four bits.
func blockQ4_0(dst []byte, q []uint8, scale uint16, zero int, _ uint16) {
	binary.LittleEndian.PutUint16(dst, scale)
	for j := range 16 {
		dst[2+j] = uint8(int(q[j])-zero+8) | uint8(int(q[j+16])-zero+8)<<4
	}
}

func blockQ4_1(dst []byte, q []uint8, scale uint16, _ int, low uint16) {
	binary.LittleEndian.PutUint16(dst, scale)
	binary.LittleEndian.PutUint16(dst[2:], low)
	for j := range 16 {
		dst[4+j] = q[j] | q[j+16]<<4
	}
}

func blockQ5_0(dst []byte, q []uint8, scale uint16, _ int, _ uint16) {
	binary.LittleEndian.PutUint16(dst, scale)
	fifths(dst[2:], q)
}

func blockQ5_1(dst []byte, q []uint8, scale uint16, _ int, low uint16) {
	binary.LittleEndian.PutUint16(dst, scale)
	binary.LittleEndian.PutUint16(dst[2:], low)
	fifths(dst[4:], q)
}

// fifths stores five-bit codes: the highest bits in a word, then nibbles.
func fifths(dst []byte, q []uint8) {
	high := uint32(0)
	for j, v := range q {
		high |= uint32(v>>4&1) << j
	}
	binary.LittleEndian.PutUint32(dst, high)
	for j := range 16 {
		dst[4+j] = q[j]&15 | q[j+16]&15<<4
	}
}

func blockQ8_0(dst []byte, q []uint8, scale uint16, zero int, _ uint16) {
	binary.LittleEndian.PutUint16(dst, scale)
	for j, v := range q {
		dst[2+j] = byte(int(v) - zero)
	}
}
