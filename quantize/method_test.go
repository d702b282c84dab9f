package quantize

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func TestRows(t *testing.T) {
	const rows, cols = 3, 64
	w := normal(rows * cols)
	whole := make([]byte, rows*2*Q4_0.Bytes)
	if err := Rows(whole, Q4_0, w, cols, nil, EffortDefault); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		one := make([]byte, 2*Q4_0.Bytes)
		if err := Rows(one, Q4_0, w[i*cols:][:cols], cols, nil, EffortDefault); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, whole[i*len(one):][:len(one)]) {
			t.Errorf("row %d differs when it is encoded alone", i)
		}
	}
	ggml := make([]byte, len(whole))
	if err := Rows(ggml, Q4_0, w, cols, nil, EffortGgml); err != nil || bytes.Equal(ggml, whole) {
		t.Errorf("the two encoders are not told apart: %v", err)
	}
}

func TestRowsRefuses(t *testing.T) {
	w := normal(64)
	dst := make([]byte, 2*Q8_0.Bytes)
	for _, c := range []struct {
		name string
		dst  []byte
		t    *Type
		w    []float32
		cols int
		imp  []float32
	}{
		{"a read-only type", dst, &Type{Name: "X", Block: 1, Bytes: 1}, w, 64, nil},
		{"part of a row", dst, Q8_0, w[:60], 64, nil},
		{"no columns", dst, Q8_0, w, 0, nil},
		{"part of a block", dst, Q8_0, w[:48], 48, nil},
		{"too little room", dst[:9], Q8_0, w, 64, nil},
		{"importance of another width", dst, Q8_0, w, 64, w[:32]},
	} {
		if Rows(c.dst, c.t, c.w, c.cols, c.imp, EffortDefault) == nil {
			t.Errorf("%s is accepted", c.name)
		}
	}
	w[35] = float32(math.Inf(1))
	var at *NotFinite
	if err := Rows(dst, Q8_0, w, 32, nil, EffortDefault); !errors.As(err, &at) || at.Row != 1 || at.Col != 3 {
		t.Errorf("infinity at row 1, column 3: %v", err)
	}
}
