package model

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Matrices in one tensor are its rows: those that are read are those that are stored.
func TestSplit(t *testing.T) {
	v := make([]float32, 7*3)
	for i := range v {
		v[i] = float32(i)
	}
	all := &formats.Tensor{Name: "qkv", Shape: []int{7, 3}, Type: quantize.ByName("F32"), Raw: arch.Floats("", v).Raw}
	all.Rows = countingRows(3)
	var q, k weight
	slots := []slot{{role: arch.RoleQ, matrix: &q, n: 4, k: 3}, {role: arch.RoleK, matrix: &k, n: 3, k: 3}}
	o := arch.Origin{Rule: &arch.Rule{Role: arch.RoleQ, And: []arch.Role{arch.RoleK}}}
	if err := split(slots, all, o); err != nil {
		t.Fatal(err)
	}
	from := 0
	for _, w := range []weight{q, k} {
		want := v[from*3 : (from+w.n)*3]
		got := make([]float32, len(want))
		if err := w.t.Rows.ReadRows(got, 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("rows %v, %v, want %v", got, err, want)
		}
		raw, err := io.ReadAll(io.NewSectionReader(w.t.Raw, 0, w.t.Bytes()))
		stored, _ := io.ReadAll(io.NewSectionReader(arch.Floats("", want).Raw, 0, w.t.Bytes()))
		if err != nil || !bytes.Equal(raw, stored) || len(raw) != 4*len(want) {
			t.Errorf("bytes of %d rows from %d differ: %v", w.n, from, err)
		}
		from += w.n
	}
	bias := &formats.Tensor{Name: "qkv.bias", Shape: []int{7}, Type: all.Type, Rows: countingRows(7)}
	if err := split(slots, bias, o); err != nil || !slices.Equal(q.bias, v[:4]) || !slices.Equal(k.bias, v[4:7]) {
		t.Errorf("biases %v and %v, %v", q.bias, k.bias, err)
	}
	for _, shape := range [][]int{{6, 3}, {8, 3}, {7, 4}, {6}, {8}} {
		all.Shape = shape
		if split(slots, all, o) == nil {
			t.Errorf("shape %v is split", shape)
		}
	}
}

type countingRows int

func (c countingRows) ReadRows(dst []float32, row int) error {
	for i := range dst {
		dst[i] = float32(row*int(c) + i)
	}
	return nil
}
