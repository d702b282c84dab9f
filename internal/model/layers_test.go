package model

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

var layerRoles = []arch.Role{arch.RoleQ, arch.RoleK, arch.RoleV, arch.RoleO, arch.RoleGate, arch.RoleUp, arch.RoleDown}

// collect is an observer that puts the inputs of each matrix together.
func collect(into map[seen][]float32) Observer {
	return func(layer int, role arch.Role, x []float32, m, k int) {
		into[seen{layer, role}] = append(into[seen{layer, role}], x...)
	}
}

// A run layer by layer that changes nothing shows what a run of the whole model shows, in whatever memory.
func TestLayersShowTheSame(t *testing.T) {
	for _, mode := range []Mode{Exact, Deploy} {
		m, _ := countedModel(t, streamed(), quantize.ByName("Q8_0"))
		seqs := tokens(960, 40, 1, 0, 33)
		_, want := observed(t, m, seqs, Options{Mode: mode, Threads: 1})
		for _, opt := range []Options{{Threads: 1}, {Threads: 3, Batch: 41}, {Threads: 1, MaxRAM: threadBytes + 400<<10, Batch: 40}} {
			got, stops := map[seen][]float32{}, []int{}
			opt.Mode, opt.Observe = mode, collect(got)
			var next func(l *Layer) error
			if opt.Batch == 41 {
				next = func(l *Layer) error {
					for _, role := range l.Next {
						if len(got[seen{l.Index, role}]) != len(want[seen{l.Index, role}]) {
							t.Errorf("layer %d goes on with %v when not all was shown", l.Index, role)
						}
					}
					return nil
				}
			}
			err := m.Layers(context.Background(), seqs, opt, next, func(l *Layer) error {
				stops = append(stops, l.Index)
				role := arch.RoleDown
				if l.Index < 0 {
					role = arch.RoleOutput
				}
				if got[seen{l.Index, role}] == nil || got[seen{l.Index + 1, arch.RoleQ}] != nil && l.Index >= 0 {
					t.Errorf("layer %d stops when not all, or too much, was shown", l.Index)
				}
				return nil
			})
			if err != nil || !slices.Equal(stops, []int{0, 1, 2, 3, 4, -1}) {
				t.Fatalf("stops %v, %v", stops, err)
			}
			for s, x := range want {
				if !slices.Equal(got[s], x) {
					t.Errorf("%v mode, options %+v: other inputs of %v", mode, opt, s)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d matrices shown, want %d", len(got), len(want))
			}
		}
	}
}

// Weights that are replaced before their products change what all that follow see: as if the model had had them from the beginning.
func TestLayersReplace(t *testing.T) {
	p := streamed()
	m, _ := countedModel(t, p, quantize.ByName("Q8_0"))
	b, _ := random(t, p, false, true, stored(quantize.ByName("Q8_0")))
	low := stored(quantize.ByName("Q4_0"))
	replaced := map[seen]*formats.Tensor{}
	for i, ts := range b.Tensors {
		o := b.Origins[i]
		if len(ts.Shape) == 2 && o.Rule.Role != arch.RoleEmbed {
			x := make([]float32, ts.Elems())
			if err := ts.Rows.ReadRows(x, 0); err != nil {
				t.Fatal(err)
			}
			c := *ts
			low(&c, x)
			layer := o.Layer
			if o.Rule.Role == arch.RoleOutput {
				layer = -1
			}
			b.Tensors[i], replaced[seen{layer, o.Rule.Role}] = &c, &c
		}
	}
	other, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	seqs := tokens(960, 40, 33)
	_, before := observed(t, m, seqs, Options{Mode: Deploy})
	_, after := observed(t, other, seqs, Options{Mode: Deploy})
	got := map[seen][]float32{}
	opt := Options{Mode: Deploy, Observe: collect(got), Batch: 40}
	var order []arch.Role
	err = m.Layers(context.Background(), seqs, opt, func(l *Layer) error {
		for _, role := range l.Next {
			if old := l.Tensor(role); old.Type.Name != "Q8_0" {
				t.Errorf("layer %d has a matrix of %v", l.Index, old.Type)
			}
			if err := l.Replace(role, replaced[seen{l.Index, role}]); err != nil {
				return err
			}
			order = append(order, role)
		}
		return nil
	}, func(*Layer) error { return nil })
	if want := slices.Repeat(layerRoles, p.Layers); !slices.Equal(order, want) {
		t.Errorf("matrices are replaced in the order %v", order)
	}
	if err != nil {
		t.Fatal(err)
	}
	for s, x := range after {
		if !slices.Equal(got[s], x) {
			t.Errorf("the inputs of %v do not follow from the weights that were put there", s)
		}
	}
	if _, again := observed(t, m, seqs, Options{Mode: Deploy}); !slices.Equal(again[seen{-1, arch.RoleOutput}], before[seen{-1, arch.RoleOutput}]) {
		t.Error("the model itself was changed")
	}
}

func TestLayersRefuse(t *testing.T) {
	m, _ := countedModel(t, streamed(), quantize.ByName("Q8_0"))
	seqs := tokens(960, 40)
	stop := errors.New("enough")
	nothing := func(*Layer) error { return nil }
	if err := m.Layers(context.Background(), seqs, Options{}, nothing, func(*Layer) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a callback that fails: %v", err)
	}
	if err := m.Layers(context.Background(), seqs, Options{Batch: 1}, func(*Layer) error { return stop }, nothing); !errors.Is(err, stop) {
		t.Errorf("a callback that fails: %v", err)
	}
	err := m.Layers(context.Background(), seqs, Options{}, nil, func(l *Layer) error {
		t0 := l.Tensor(arch.RoleQ)
		if l.Tensor(arch.RoleOutput) != nil || t0 == nil {
			t.Error("a layer has no output head, but queries")
		}
		if err := l.Replace(arch.RoleOutput, t0); err == nil || !strings.Contains(err.Error(), "layer 0") {
			t.Errorf("a role that is not there: %v", err)
		}
		c := *t0
		c.Rows = nil
		if err := l.Replace(arch.RoleQ, &c); err == nil {
			t.Error("a tensor without rows is taken")
		}
		return l.Replace(arch.RoleDown, t0)
	})
	var e *formats.Error
	if !errors.Is(err, formats.ErrCorrupt) || !errors.As(err, &e) || e.Tensor != "blk.0.ffn_down.weight" {
		t.Errorf("another shape: %v", err)
	}
	many := slices.Repeat(tokens(960, 400), 100)
	if err := m.Layers(context.Background(), many, Options{MaxRAM: 16 << 20, Threads: 1}, nothing, nothing); !errors.Is(err, ErrMemory) {
		t.Errorf("more than fits: %v", err)
	}
}

// Batches that wait for one another before products show what those do that do not, in every family, although nothing is left of what they have not said that they need.
func TestFamiliesWait(t *testing.T) {
	spoil = func(s *scratch) {
		v := reflect.ValueOf(s).Elem()
		for i := range v.NumField() {
			if v.Field(i).Type() == reflect.TypeFor[[]float32]() {
				x := *(*[]float32)(v.Field(i).Addr().UnsafePointer())
				for j := range x {
					x[j] = float32(math.NaN())
				}
			}
		}
	}
	defer func() { spoil = nil }()
	seqs := [][]int32{familyTokens(), familyTokens()[5:22], {3}, {}, familyTokens()[9:]}
	type place struct {
		layer, expert int
		role          arch.Role
	}
	for _, f := range families(t) {
		m, err := Of(bindFamily(t, &f))
		if err != nil {
			t.Fatal(err)
		}
		var sums []map[place][]float32
		for _, next := range []func(*Layer) error{nil, func(*Layer) error { return nil }} {
			got := map[place][]float32{}
			add := func(layer, expert int, role arch.Role, x []float32) {
				p := place{layer, expert, role}
				got[p] = append(got[p], x...)
			}
			opt := Options{Batch: 20,
				Observe:       func(layer int, role arch.Role, x []float32, _, _ int) { add(layer, -1, role, x) },
				ObserveExpert: func(layer int, role arch.Role, e int, x []float32, _, _ int) { add(layer, e, role, x) },
				ObserveMeans:  func(layer int, x []float32, _, _ int) { add(layer, -2, 0, x) }}
			if err := m.Layers(t.Context(), seqs, opt, next, func(*Layer) error { return nil }); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			sums = append(sums, got)
		}
		if len(sums[0]) != len(sums[1]) {
			t.Errorf("%s: %d matrices are shown, and %d where batches wait", f.Name, len(sums[0]), len(sums[1]))
		}
		for p, x := range sums[0] {
			if p.role == arch.RoleAltRouter { // which each batch asks twice, before it goes on and when it has
				slices.Sort(x)
				slices.Sort(sums[1][p])
			}
			if !slices.Equal(sums[1][p], x) {
				t.Errorf("%s: other inputs of %v where batches wait", f.Name, p)
			}
		}
	}
}
