package calib

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"quern/formats"
	"quern/quantize"
)

// A codeLayer is the matrices of a layer with their codes, which lie in a file of the journal.
type codeLayer struct {
	run   *CodeRun
	index int
	list  []*codeMatrix
	kept  [][]*formats.Tensor // of each matrix, its parts

	replaced map[int]bool // tensors of the model
}

// codePart is what a file of the journal holds of codes.
type codePart struct {
	suffix string
	to     *quantize.Type
	shape  func(c *quantize.Codes) []int
	has    func(c *quantize.Codes) bool
	write  func(c *quantize.Codes, dst []byte)
	read   func(c *quantize.Codes, src []byte)
}

func perWeight(c *quantize.Codes) []int { return []int{c.Rows, c.Cols} }
func perGroup(c *quantize.Codes) []int  { return []int{c.Rows, c.Groups(c.Cols)} }

var codeParts = []codePart{
	{".codes", quantize.I8, perWeight, func(*quantize.Codes) bool { return true },
		func(c *quantize.Codes, dst []byte) { copy(dst, c.Q) }, func(c *quantize.Codes, src []byte) { copy(c.Q, src) }},
	{".scales", quantize.F32, perGroup, func(*quantize.Codes) bool { return true },
		func(c *quantize.Codes, dst []byte) { putFloats(dst, c.Scale) }, func(c *quantize.Codes, src []byte) { takeFloats(c.Scale, src) }},
	{".zeros", quantize.I8, perGroup, func(c *quantize.Codes) bool { return c.Zero != nil },
		func(c *quantize.Codes, dst []byte) { copy(dst, c.Zero) }, func(c *quantize.Codes, src []byte) { copy(c.Zero, src) }},
	{".offsets", quantize.F32, perGroup, func(c *quantize.Codes) bool { return c.Offset != nil },
		func(c *quantize.Codes, dst []byte) { putFloats(dst, c.Offset) }, func(c *quantize.Codes, src []byte) { takeFloats(c.Offset, src) }},
}

const orderSuffix = ".order" // the group of each column, where groups are not of neighbours

func putFloats(dst []byte, x []float32) {
	for i, v := range x {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
}

func takeFloats(x []float32, src []byte) {
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// ordered says whether codes of rows of k have an order of their own.
func (l *codeLayer) ordered(k int) bool {
	return l.run.Order == quantize.OrderColumns && l.run.Grid.Groups(k) > 1
}

// empty is room for rows of codes of a matrix.
func (l *codeLayer) empty(m *codeMatrix, rows int) *quantize.Codes {
	c := &quantize.Codes{}
	c.Reshape(l.run.Grid, rows, m.t.Cols(), l.run.Offsets)
	return c
}

// keep puts the codes of all matrices into a file.
func (l *codeLayer) keep() error {
	type job struct {
		m     *codeMatrix
		write func(c *quantize.Codes, dst []byte)
	}
	var jobs []job
	var tensors []*formats.Tensor
	for _, m := range l.list {
		like := quantize.Codes{Grid: l.run.Grid, Rows: m.t.NumRows(), Cols: m.t.Cols()}
		if l.run.Offsets {
			like.Offset = []float32{}
		} else if !like.Symmetric {
			like.Zero = []uint8{}
		}
		for i := range codeParts {
			if p := &codeParts[i]; p.has(&like) {
				jobs = append(jobs, job{m, p.write})
				tensors = append(tensors, &formats.Tensor{Name: m.t.Name + p.suffix, Shape: p.shape(&like), Type: p.to})
			}
		}
		if l.ordered(m.t.Cols()) {
			jobs = append(jobs, job{m, putOrder})
			tensors = append(tensors, &formats.Tensor{Name: m.t.Name + orderSuffix, Shape: []int{m.t.Cols()}, Type: quantize.I32})
		}
		jobs = append(jobs, job{m, func(_ *quantize.Codes, dst []byte) { putFloats(dst, m.note.numbers()) }})
		tensors = append(tensors, &formats.Tensor{Name: m.t.Name + noteSuffix, Shape: []int{noteSize}, Type: quantize.F32})
	}
	return l.run.Journal.keep(l.index, tensors, func(i int, dst []byte) error {
		jobs[i].write(jobs[i].m.codes, dst)
		return nil
	})
}

func putOrder(c *quantize.Codes, dst []byte) {
	for k, g := range c.Order {
		binary.LittleEndian.PutUint32(dst[4*k:], uint32(g))
	}
}

// open finds the parts of all matrices in the layer's file.
func (l *codeLayer) open() error {
	all, err := l.run.Journal.open(l.index)
	if err != nil {
		return err
	}
	byName := map[string]*formats.Tensor{}
	for _, t := range all {
		byName[t.Name] = t
	}
	l.kept = make([][]*formats.Tensor, len(l.list))
	for i, m := range l.list {
		like := l.empty(m, 1)
		like.Rows = m.t.NumRows()
		for _, p := range codeParts {
			var t *formats.Tensor
			if p.has(like) {
				if t = byName[journalName(m.t.Name+p.suffix)]; t == nil || t.Type != p.to || t.Raw == nil || !slices.Equal(t.Shape, p.shape(like)) {
					return l.fail(m, formats.Corrupt("its %s are not what this run keeps", p.suffix[1:]))
				}
			}
			l.kept[i] = append(l.kept[i], t)
		}
		var order *formats.Tensor
		if l.ordered(m.t.Cols()) {
			if order = byName[journalName(m.t.Name+orderSuffix)]; order == nil || order.Type != quantize.I32 || order.Raw == nil || order.Elems() != m.t.Cols() {
				return l.fail(m, formats.Corrupt("the order of its columns is not what this run keeps"))
			}
		}
		l.kept[i] = append(l.kept[i], order)
		if err := m.note.take(byName[journalName(m.t.Name+noteSuffix)]); err != nil {
			return l.fail(m, err)
		}
		m.codes = nil
	}
	return nil
}

func (l *codeLayer) fail(m *codeMatrix, err error) error {
	return &formats.Error{File: l.run.Journal.file(l.index), Tensor: m.t.Name, Err: err}
}

// read makes c hold rows of a matrix.
func (l *codeLayer) read(c *quantize.Codes, i, row, rows int) error {
	m := l.list[i]
	c.Reshape(l.run.Grid, rows, m.t.Cols(), l.run.Offsets)
	for j, p := range codeParts {
		t := l.kept[i][j]
		if t == nil {
			continue
		}
		size := t.Cols() * p.to.Bytes
		b := make([]byte, rows*size)
		if _, err := t.Raw.ReadAt(b, int64(row)*int64(size)); err != nil && err != io.EOF {
			return l.fail(m, err)
		}
		p.read(c, b)
	}
	if t := l.kept[i][len(codeParts)]; t != nil {
		b := make([]byte, 4*m.t.Cols())
		if _, err := t.Raw.ReadAt(b, 0); err != nil && err != io.EOF {
			return l.fail(m, err)
		}
		c.Order = make([]int32, m.t.Cols())
		for k := range c.Order {
			c.Order[k] = int32(binary.LittleEndian.Uint32(b[4*k:]))
		}
	}
	if err := c.Check(); err != nil {
		return l.fail(m, formats.Corrupt("%v", err))
	}
	return nil
}

// codeRows are a matrix as its codes are, once its layer has them. They are formats.Coded.
type codeRows struct {
	l *codeLayer
	i int
}

func (r codeRows) ReadRows(dst []float32, row int) error {
	m := r.l.list[r.i]
	k := m.t.Cols()
	if m.codes != nil {
		for i := range len(dst) / k {
			m.codes.Row(dst[i*k:][:k], row+i)
		}
		return nil
	}
	var c quantize.Codes
	if err := r.read(&c, row, len(dst)/k); err != nil {
		return err
	}
	for i := range c.Rows {
		c.Row(dst[i*k:][:k], i)
	}
	return nil
}

func (r codeRows) Grid() quantize.Grid    { return r.l.run.Grid }
func (r codeRows) Scales() *quantize.Type { return quantize.F32 }
func (r codeRows) Offsets() bool          { return r.l.run.Offsets }
func (r codeRows) Ordered() (bool, error) { return r.l.ordered(r.l.list[r.i].t.Cols()), nil }
func (r codeRows) Uniform() (bool, error) { return r.l.run.Grid.Symmetric, nil }

func (r codeRows) ReadCodes(c *quantize.Codes, row, rows int) error {
	m := r.l.list[r.i]
	if m.codes == nil {
		return r.read(c, row, rows)
	}
	c.Reshape(r.l.run.Grid, rows, m.t.Cols(), r.l.run.Offsets)
	c.CopyRows(0, m.codes, row, rows)
	return nil
}

// read reads what is kept.
func (r codeRows) read(c *quantize.Codes, row, rows int) error {
	if r.l.kept == nil {
		return fmt.Errorf("layer %d has no codes yet", r.l.index)
	}
	return r.l.read(c, r.i, row, rows)
}

// putWeights are handed on at once.
const putWeights = 1 << 20

// Put hands on all codes, those of several matrices at the same time. It is a convert.CodeMaker.
func (c *CodeResult) Put(ctx context.Context, put func(name string, c *quantize.Codes, row int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.threads)
	for _, name := range c.Names {
		g.Go(func() error {
			l := c.layers[name]
			i := slices.IndexFunc(l.list, func(m *codeMatrix) bool { return m.t.Name == name })
			return l.put(ctx, i, func(part *quantize.Codes, row int) error { return put(name, part, row) })
		})
	}
	return g.Wait()
}

// put hands on the codes of a matrix.
func (l *codeLayer) put(ctx context.Context, i int, put func(part *quantize.Codes, row int) error) error {
	t := l.list[i].t
	part, step := new(quantize.Codes), max(1, putWeights/t.Cols()/32)*32
	for row := 0; row < t.NumRows(); row += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.read(part, i, row, min(step, t.NumRows()-row)); err != nil {
			return err
		}
		if err := put(part, row); err != nil {
			return err
		}
	}
	return nil
}
