package calib

import (
	"bytes"
	"io"
	"math"
	"testing"

	"quern/internal/arch"
	"quern/internal/model"
	"quern/quantize"
)

// What an expert's sums are filled up with, in numbers.
func TestExpertsAreFilledUp(t *testing.T) {
	const k = 4
	r := newGrams(1)
	x := []float32{1, 2, 0, -1, 3, 1, 1, 0}
	for e := range 2 {
		r.add(seat{arch.RoleGateExps, e}, x[e*k:], 1, k)
	}
	got, filled := r.stats(seat{arch.RoleGateExps, 1}, k)
	if !filled {
		t.Error("that is not said")
	}
	for i := range k {
		for j := range i + 1 {
			own, all := float64(x[k+i]*x[k+j]), float64(x[i]*x[j]+x[k+i]*x[k+j])
			if want := own + all*(enough*k-1)/2; math.Abs(got.Gram[i*k+j]-want) > 1e-6*math.Abs(want) {
				t.Errorf("gate %d %d: %g, want %g", i, j, got.Gram[i*k+j], want)
			}
		}
	}
	r.add(seat{arch.RoleDownExps, 1}, x[k:], 1, k)
	got, _ = r.stats(seat{arch.RoleDownExps, 1}, k)
	for i := range k {
		for j := range i + 1 {
			want := float64(x[k+i] * x[k+j])
			if i == j {
				want *= enough * k
			}
			if math.Abs(got.Gram[i*k+j]-want) > 1e-6*math.Abs(want) {
				t.Errorf("down %d %d: %g, want %g", i, j, got.Gram[i*k+j], want)
			}
		}
	}
	if got, _ = r.stats(seat{arch.RoleDownExps, 0}, k); got != nil {
		t.Error("an expert that saw nothing has sums")
	}
}

// The matrices of experts in a GGUF are rounded with feedback, each by what its own tokens make, filled up where these are few: with unrounded layers before,
// the bytes are those of the same rounding with sums that this test adds up. A layer sees the rounded experts of the one before.
func TestRoundsExperts(t *testing.T) {
	for _, name := range []string{"mixtral", "deepseek2"} {
		s, chunks := mixture(t, name)
		types := map[string]*quantize.Type{}
		var first int // layer with experts
		for i, x := range s.bound.Tensors {
			if x.Cols()%quantize.Q4_0.Block == 0 {
				types[x.Name] = quantize.Q4_0
			}
			if o := s.bound.Origins[i]; o.Rule.Role == arch.RoleDownExps && first == 0 {
				first = o.Layer + 1
			}
		}
		first--
		run := func(threads int, static bool) map[string][]byte {
			j, err := OpenJournal(t.TempDir(), "key", false)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			f := &FeedbackRun{Types: types, Damp: quantize.DefaultDamp, Journal: j, Static: static}
			f.Threads = threads
			made, err := s.Round(t.Context(), chunks, f)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(made.Filled) == 0 {
				t.Errorf("%s: no expert saw few of 96 tokens", name)
			}
			got := map[string][]byte{}
			for n, x := range made.Tensors {
				if got[n], err = io.ReadAll(io.NewSectionReader(x.Raw, 0, x.Bytes())); err != nil {
					t.Fatal(err)
				}
			}
			return got
		}
		static := run(1, true)
		sameRounds(t, "another number of threads", static, run(3, true))
		fed := run(2, false)
		seen := newGrams(1)
		opt := model.Options{ObserveExpert: func(layer int, role arch.Role, expert int, x []float32, m, k int) {
			if layer == first {
				seen.add(seat{role, expert}, x, m, k)
			}
		}}
		if err := s.Layers(t.Context(), chunks, opt, nil, func(*model.Layer) error { return nil }); err != nil {
			t.Fatal(err)
		}
		experts, changed := 0, false
		for i, x := range s.bound.Tensors {
			o := s.bound.Origins[i]
			changed = changed || o.Layer > first && !bytes.Equal(static[x.Name], fed[x.Name])
			if o.Layer != first || o.Rule.Role != arch.RoleDownExps && o.Rule.Role != arch.RoleUpExps {
				continue
			}
			role, k, n := o.Rule.Role, x.Cols(), x.NumRows()/x.Shape[0]
			if role == arch.RoleUpExps {
				role = arch.RoleGateExps
			}
			for e := range x.Shape[0] {
				w := make([]float32, n*k)
				if err := x.Rows.ReadRows(w, e*n); err != nil {
					t.Fatal(err)
				}
				stats, _ := seen.stats(seat{role, e}, k)
				if stats == nil {
					continue
				}
				f, _, err := quantize.NewFeedback(stats, quantize.DefaultDamp, 1)
				if err != nil {
					t.Fatal(err)
				}
				size, _ := quantize.Q4_0.Size(k)
				want := make([]byte, n*size)
				if err := f.Rows(want, quantize.Q4_0, w); err != nil {
					t.Fatal(err)
				}
				if got := static[x.Name][e*n*size:][:n*size]; !bytes.Equal(got, want) {
					t.Errorf("%s %s, expert %d: not its own feedback", name, x.Name, e)
				}
				experts++
			}
		}
		if experts < 4 || !changed {
			t.Errorf("%s: %d experts looked at; later layers changed by rounded ones: %v", name, experts, changed)
		}
	}
}
