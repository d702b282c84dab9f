package model

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// sided are the families with an encoder and a decoder.
func sided(t *testing.T) (list []*Model) {
	for _, f := range families(t) {
		m, err := Of(bindFamily(t, &f))
		if err != nil {
			t.Fatal(err)
		}
		if m.Decodes() {
			list = append(list, m)
		}
	}
	if len(list) < 4 {
		t.Fatalf("%d families have an encoder and a decoder", len(list))
	}
	return list
}

// The encoder reads what stands before the first token that is to be predicted, and half of a text where nothing says which: a position's state is the same whatever follows it.
func TestEncoderReadsWhatIsNotPredicted(t *testing.T) {
	text := familyTokens()
	for _, m := range sided(t) {
		whole, s := logits(t, m, [][]int32{text}, nil, Options{})
		if s.Pos[0] != 20 || len(s.Pos) != 20 {
			t.Fatalf("states of %v", s.Pos)
		}
		same, _ := logits(t, m, [][]int32{text}, func(_, pos int) bool { return pos >= 20 }, Options{})
		if !slices.Equal(whole, same) {
			t.Error("what is wanted by itself is another state")
		}
		short, s := logits(t, m, [][]int32{text[:10]}, nil, Options{})
		if s.Pos[0] != 5 {
			t.Fatalf("states of %v", s.Pos)
		}
		early, s := logits(t, m, [][]int32{text[:3], text}, func(seq, pos int) bool { return seq == 1 && pos >= 5 && pos < 10 }, Options{})
		if !slices.Equal(short, early) || s.Seq[0] != 1 {
			t.Error("a text that goes on has other states before")
		}
		asked, s := logits(t, m, [][]int32{text[:6]}, func(_, pos int) bool { return pos == 5 }, Options{})
		if !slices.Equal(asked, early[:len(asked)]) || len(s.Pos) != 1 {
			t.Error("what comes first does not follow from what was read alone")
		}
	}
}

// A run layer by layer shows what a run of the whole model shows, with and without waiting for other batches, and ends with as many steps as it said.
func TestLayersOfBothSides(t *testing.T) {
	seqs := [][]int32{familyTokens(), familyTokens()[5:22], {3}, {}, familyTokens()[9:]}
	for _, m := range sided(t) {
		want := map[seen][]float32{}
		var told Step
		opt := Options{Threads: 2, Observe: collect(want), Step: func(s Step) { told = s }}
		states, err := m.States(context.Background(), seqs, nil, opt)
		if err != nil || told.Done != told.Total || told.Total == 0 {
			t.Fatalf("%d of %d, %v", told.Done, told.Total, err)
		}
		want[seen{-1, m.head.role}] = states.H
		for _, next := range []func(*Layer) error{nil, func(*Layer) error { return nil }} {
			got, done := map[seen][]float32{}, []int{}
			opt := Options{Threads: 2, Batch: 41, Observe: collect(got), Step: func(s Step) { told = s }}
			err := m.Layers(context.Background(), seqs, opt, next, func(l *Layer) error { done = append(done, l.Index); return nil })
			if err != nil || len(done) != m.params.Layers+1 || !slices.IsSorted(done[:m.params.Layers]) || told.Done != told.Total {
				t.Fatalf("layers %v, %d of %d, %v", done, told.Done, told.Total, err)
			}
			for at, x := range want {
				if !slices.Equal(got[at], x) {
					t.Errorf("layer %d, role %d: %d numbers are shown, %d in a run of the whole model, or others", at.layer, at.role, len(got[at]), len(x))
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d matrices are shown, want %d", len(got), len(want))
			}
		}
		err = m.Layers(context.Background(), seqs, Options{MaxRAM: 1}, nil, nil)
		if err == nil || !strings.Contains(err.Error(), "memory") {
			t.Errorf("without memory: %v", err)
		}
	}
}
