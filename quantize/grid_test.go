package quantize

import (
	"slices"
	"testing"
)

func TestCodesRow(t *testing.T) {
	c := NewCodes(Grid{Bits: 4, Group: 2}, 2, 5)
	copy(c.Q, []uint8{0, 15, 8, 7, 3, 1, 2, 3, 4, 5})
	copy(c.Scale, []float32{1, 2, 0.5, 1, 1, 1})
	copy(c.Zero, []uint8{8, 7, 3, 0, 0, 15})
	got := make([]float32, 5)
	c.Row(got, 0)
	if want := []float32{-8, 7, 2, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("row 0 is %v, not %v", got, want)
	}
	c.Row(got, 1)
	if want := []float32{1, 2, 3, 4, -10}; !slices.Equal(got, want) {
		t.Errorf("row 1 is %v, not %v", got, want)
	}
	c.Order = []int32{2, 1, 0, 1, 2} // groups of columns as activation order leaves them
	c.Row(got, 0)
	if want := []float32{-1.5, 16, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("row 0 out of order is %v, not %v", got, want)
	}
	c.Order, c.Zero, c.Symmetric = nil, nil, true
	c.Row(got, 0)
	if want := []float32{-8, 7, 0, -2, -2.5}; !slices.Equal(got, want) {
		t.Errorf("row 0 of a symmetric grid is %v, not %v", got, want)
	}
	c.Offset = []float32{1, 1, 1, 0, 0, 0}
	c.Row(got, 0)
	if want := []float32{1, 16, 17, 15, 2.5}; !slices.Equal(got, want) {
		t.Errorf("row 0 with offsets is %v, not %v", got, want)
	}
}

func TestCodesCheck(t *testing.T) {
	good := func() *Codes { return NewCodes(Grid{Bits: 4, Group: 4}, 3, 10) }
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Codes){
		"codes":  func(c *Codes) { c.Q = c.Q[1:] },
		"scales": func(c *Codes) { c.Scale = c.Scale[1:] },
		"zeros":  func(c *Codes) { c.Zero = c.Zero[1:] },
		"bits":   func(c *Codes) { c.Bits = 9 },
		"order":  func(c *Codes) { c.Order = make([]int32, 3) },
		"group":  func(c *Codes) { c.Order = []int32{0, 0, 0, 0, 0, 0, 0, 0, 0, 3} },
		"below":  func(c *Codes) { c.Order = []int32{0, 0, 0, 0, 0, 0, 0, 0, 0, -1} },
	} {
		c := good()
		if spoil(c); c.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
