package calib

import (
	"math"
	"slices"
	"strings"
	"testing"

	"quern/formats"
)

func TestMerge(t *testing.T) {
	a := &formats.Imatrix{Path: "a", Datasets: []string{"x"}, Entries: []formats.ImatrixEntry{
		{Name: "blk.0.b", Sums: []float32{1, 2}, Counts: []int64{64}}, {Name: "blk.0.e", Sums: []float32{1, 2, 3, 4}, Counts: []int64{10, 30}}}}
	b := &formats.Imatrix{Path: "b", Datasets: []string{"y", "z"}, Entries: []formats.ImatrixEntry{
		{Name: "blk.0.e", Sums: []float32{10, 20, 30, 40}, Counts: []int64{5}}, {Name: "blk.0.a", Sums: []float32{8}, Counts: []int64{96}}}}
	old := &formats.Imatrix{Path: "old", Legacy: true, Entries: []formats.ImatrixEntry{{Name: "blk.0.b", Sums: []float32{3, 5}, Counts: []int64{2}}}}
	m, err := Merge(32, a, b, old)
	if err != nil {
		t.Fatal(err)
	}
	want := []formats.ImatrixEntry{
		{Name: "blk.0.a", Sums: []float32{8}, Counts: []int64{96}},
		{Name: "blk.0.b", Sums: []float32{97, 162}, Counts: []int64{128}},
		{Name: "blk.0.e", Sums: []float32{11, 22, 33, 44}, Counts: []int64{15, 35}},
	}
	for i, w := range want {
		if g := m.Entries[i]; g.Name != w.Name || !slices.Equal(g.Sums, w.Sums) || !slices.Equal(g.Counts, w.Counts) {
			t.Errorf("%v, want %v", g, w)
		}
	}
	if m.Chunks != 4 || m.ChunkSize != 32 || !slices.Equal(m.Datasets, []string{"x", "y", "z"}) {
		t.Errorf("%+v", m)
	}
	if got := Partial(a, b, old); !slices.Equal(got, []string{"blk.0.a", "blk.0.b", "blk.0.e"}) || Partial(a, a) != nil {
		t.Errorf("entries that not all have: %v", got)
	}
	a.Chunks, a.ChunkSize, b.Chunks, b.ChunkSize = 4, 32, 6, 64 // an encoder saw half of each
	if m, err := Merge(64, a, b, old); err != nil || m.Chunks != 8 {
		t.Errorf("chunks that files tell: %v, %v", m, err)
	}
	b.Entries[0].Sums = b.Entries[0].Sums[1:]
	if _, err := Merge(32, a, b); err == nil || !strings.Contains(err.Error(), `b: "blk.0.e"`) || !strings.Contains(formats.Hint(err), "model as a") {
		t.Errorf("sizes that differ: %v, %q", err, formats.Hint(err))
	}
}

func TestStatistics(t *testing.T) {
	m := &formats.Imatrix{Entries: []formats.ImatrixEntry{
		{Name: "blk.0.attn_q.weight", Sums: []float32{2, 2, 2, 10}, Counts: []int64{2}},
		{Name: "blk.1.attn_q.weight", Sums: []float32{4, 4, 4, 20}, Counts: []int64{2}},
		{Name: "blk.1.ffn_up_exps.weight", Sums: []float32{0, 4, 9, 9}, Counts: []int64{4, 0}},
		{Name: "output.weight", Sums: []float32{1, 1}, Counts: []int64{1}},
		{Name: "blk.2.attn_q.weight", Sums: []float32{1, 1}, Counts: []int64{0}},
	}}
	list := Statistics(m)
	if len(list) != 4 {
		t.Fatalf("%d statistics, want 4: %+v", len(list), list)
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	q1, q0, up, out := list[0], list[1], list[2], list[3]
	if q1.Layer != 1 || q0.Layer != 0 || up.Kind != "ffn_up_exps" || out.Kind != "output" || out.Layer != -1 {
		t.Errorf("order: %+v", list)
	}
	near("sum", q0.Total, 8)
	near("mean", q0.Mean, 2)
	near("deviation", q0.Dev, math.Sqrt(3))
	near("least", q0.Min, 1)
	near("most", q0.Max, 5)
	near("share above", q0.ZD, 0.25)
	near("entropy", q0.Entropy, 3*0.125*3-0.625*math.Log2(0.625))
	near("of most", q0.Uniformity(), q0.Entropy/2)
	near("active", up.Active, 0.5)
	if q0.Cosine != nil || q1.Cosine == nil || up.Cosine != nil || up.N != 2 {
		t.Error("cosines are with the layer before, where it has the tensor; experts without tokens do not count")
	}
	near("cosine", *q1.Cosine, 1)
	layers := ByLayer(list)
	if len(layers) != 2 || layers[0].Layer != 0 || layers[1].Layer != 1 {
		t.Fatalf("%+v", layers)
	}
	near("sum of layer 1", layers[1].Total, (4*16+2*1)/6.)
	near("cosine of layer 1", layers[1].Cosine, 4./6)
	both := Statistics(&formats.Imatrix{Entries: []formats.ImatrixEntry{
		{Name: "dec.blk.0.attn_q.weight", Sums: []float32{1, 1}, Counts: []int64{1}}, {Name: "enc.blk.0.attn_q.weight", Sums: []float32{4, 4}, Counts: []int64{1}}}})
	if layers = ByLayer(both); len(layers) != 2 || layers[0].Side != "enc" || layers[0].Total != 8 || layers[1].Side != "dec" || layers[1].Total != 2 {
		t.Errorf("layers of an encoder and a decoder: %+v", layers)
	}
}
