package convert

import (
	"fmt"
	"slices"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// keep takes the grid from the source's codes, which must be one for all matrices: configurations describe one.
func (p *Pack) keep() error {
	first, uniform := "", true
	for i := range p.Tensors {
		s := &p.Tensors[i]
		if !s.Codes {
			continue
		}
		c := formats.CodesOf(s.tensor)
		g := c.Grid()
		g.Symmetric = false
		if first == "" {
			first, p.Grid = s.Name, g
		} else if g != p.Grid {
			return &formats.Error{File: p.Source, Tensor: s.Name, Err: formats.Unsupported("has %d-bit codes in groups of %d, %s has %d bits and groups of %d; a folder has one grid",
				g.Bits, g.Group, first, p.Grid.Bits, p.Grid.Group), Hint: "quern quantize makes codes of one grid from it"}
		}
		if c.Offsets() && !p.store.Offsets {
			return &formats.Error{File: p.Source, Tensor: s.Name, Err: formats.Unsupported("its codes have a minimum, which %s cannot say: its zero points are whole numbers", p.store.Title),
				Hint: "mlx stores them, or quern quantize makes new codes"}
		}
		o, err := c.Ordered()
		if err != nil {
			return err
		}
		u, err := c.Uniform()
		if err != nil {
			return err
		}
		p.Ordered, uniform = p.Ordered || o, uniform && u
		if p.store.ModelScales && (c.Scales() == quantize.F16 || c.Scales() == quantize.BF16) {
			p.scale = c.Scales()
		}
	}
	p.Kept = true
	p.Grid.Symmetric = uniform && !p.store.Offsets
	p.Method = "codes moved from GGUF blocks"
	if q := p.src.Quantized; q != nil {
		p.Method = "codes moved from " + q.Scheme
	}
	scale := p.scale
	p.round = func() func([]float32) { return quantize.RoundTo(scale) }
	p.tellRounded()
	if err := p.store.Takes(p.Grid, p.store.Offsets, p.Ordered); err != nil {
		return inTensor(p.Source, first, err)
	}
	return nil
}

// tellRounded warns of what the source holds in fewer bits than a float, and the folder as plain weights of 16: embeddings mostly.
func (p *Pack) tellRounded() {
	var names []string
	var to *quantize.Type
	for i := range p.Tensors {
		if s := &p.Tensors[i]; !s.Codes && s.to != quantize.F32 && (s.tensor.Type.Block > 1 || formats.CodesOf(s.tensor) != nil) {
			names, to = append(names, s.Name), s.to
		}
	}
	if n := len(names); n > 0 {
		if n > 3 {
			names = append(names[:3], fmt.Sprintf("%d more", n-3))
		}
		p.Warnings = append(p.Warnings, fmt.Sprintf("no place as codes, so decoded and rounded to %s: %s; --outtype f32 keeps their weights as they are", to, strings.Join(names, ", ")))
	}
}

// regrid brings codes of the source onto the grid of the plan; changed counts scales that storing rounds, of all.
func (p *Pack) regrid(c *quantize.Codes, round func([]float32)) (changed, all int) {
	groups := c.Groups(c.Cols)
	set := func(x []float32) {
		before := slices.Clone(x)
		round(x)
		for i, v := range x {
			if all++; v != before[i] {
				changed++
			}
		}
	}
	if p.store.Offsets && c.Offset == nil {
		c.Offset = make([]float32, c.Rows*groups)
		for i := range c.Offset {
			c.Offset[i] = -float32(c.Scale[i] * float32(c.ZeroOf(i/groups, i%groups)))
		}
		c.Zero = nil
	}
	set(c.Scale)
	set(c.Offset)
	switch {
	case p.Grid.Symmetric:
		c.Zero = nil
	case c.Zero == nil && c.Offset == nil:
		c.Zero = make([]uint8, c.Rows*groups)
		for i := range c.Zero {
			c.Zero[i] = uint8(c.Levels() / 2)
		}
	}
	c.Grid = p.Grid
	return changed, all
}
