package arch

import (
	"io"
	"strings"

	"quern/formats"
)

// The thirds of a tensor that holds queries, keys and values one behind the other.
var (
	FirstThird  = part("first third", 0, 3)
	SecondThird = part("second third", 1, 3)
	ThirdThird  = part("third third", 2, 3)
)

// The halves of a tensor that holds two of one size one behind the other: keys and values, or gates and what they multiply.
var (
	FirstHalf  = part("first half", 0, 2)
	SecondHalf = part("second half", 1, 2)
)

// part is part i of a tensor that holds so many of one size, one behind the other.
func part(name string, i, of int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			n := t.Shape[0] / of
			if len(t.Shape) == 1 {
				return cut(t, i*n, n)
			}
			return picked(t, pick{i * n, n, of * n}, append([]int{n}, t.Shape[1:]...))
		},
		Join: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
			n := parts[0].Shape[0]
			shape := append([]int{of * n}, parts[0].Shape[1:]...)
			if len(shape) == 1 {
				return spliced(parts, shape)
			}
			var picks []pick
			for i := range of {
				picks = append(picks, pick{i * n, n, of * n})
			}
			return joined(parts, picks, shape)
		},
	}
}

// The two instants of a convolution over time as well, which runtimes do as two convolutions of an image.
var (
	FirstInstant  = instant("first instant", 0)
	SecondInstant = instant("second instant", 1)
)

func instant(name string, i int) Op {
	return Op{Name: name,
		Forward: func(t *formats.Tensor, _ *Params) *formats.Tensor {
			h, w := t.Shape[3], t.Shape[4]
			return picked(t, pick{i * h, h, 2 * h}, []int{t.Shape[0], t.Shape[1], h, w})
		},
		Join: func(parts []*formats.Tensor, _ *Params) *formats.Tensor {
			s := parts[0].Shape
			h := s[2]
			return joined(parts, []pick{{0, h, 2 * h}, {h, h, 2 * h}}, []int{s[0], s[1], 2, h, s[3]})
		},
	}
}

// cut is n elements of a vector.
func cut(t *formats.Tensor, from, n int) *formats.Tensor {
	c := *t
	c.Shape, c.Rows, c.Raw = []int{n}, nil, nil
	if t.Rows != nil {
		c.Rows = cutVector{t.Rows, from, t.Shape[0]}
	}
	if unit := t.Bytes() / int64(max(1, t.Shape[0])); t.Raw != nil && t.Type.Block == 1 {
		c.Raw = io.NewSectionReader(t.Raw, int64(from)*unit, int64(n)*unit)
	}
	return &c
}

type cutVector struct {
	rows      formats.Rows
	from, all int
}

func (r cutVector) ReadRows(dst []float32, row int) error {
	whole := make([]float32, r.all)
	if err := r.rows.ReadRows(whole, row); err != nil {
		return err
	}
	copy(dst, whole[r.from:])
	return nil
}

// spliced is vectors one behind the other.
func spliced(parts []*formats.Tensor, shape []int) *formats.Tensor {
	n := *parts[0]
	n.Shape, n.Raw, n.Rows = shape, nil, splicedVector(parts)
	return &n
}

type splicedVector []*formats.Tensor

func (v splicedVector) ReadRows(dst []float32, row int) error {
	for _, p := range v {
		if err := p.Rows.ReadRows(dst[:p.Cols()], row); err != nil {
			return inPart(p, err)
		}
		dst = dst[p.Cols():]
	}
	return nil
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}
