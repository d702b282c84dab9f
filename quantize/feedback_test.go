package quantize

import (
	"math"
	"math/rand"
	"testing"
)

// statsOf is the statistics of a Gram matrix.
func statsOf(a []float64, k int) *Stats {
	s := &Stats{Count: 1, Diag: make([]float64, k), Gram: a}
	for i := range k {
		s.Diag[i] = a[i*k+i]
	}
	return s
}

// proxy is (w−q)·H·(w−q)ᵀ.
func proxy(h []float64, k int, w, q []float32) (loss float64) {
	for ; len(w) > 0; w, q = w[k:], q[k:] {
		for i := range k {
			for j := range k {
				loss += float64(w[i]-q[i]) * h[i*k+j] * float64(w[j]-q[j])
			}
		}
	}
	return loss
}

// With feedback products change less than with the encoder alone, for every type that can have it.
func TestFeedbackLosesLess(t *testing.T) {
	const k, rows = 256, 40
	r := rand.New(rand.NewSource(3))
	h := gram(r, k, 3*k)
	f, damped, err := NewFeedback(statsOf(h, k), DefaultDamp, 2)
	if err != nil || damped != DefaultDamp {
		t.Fatal(damped, err)
	}
	w := normal(k * rows)
	imp := make([]float32, k)
	for i := range imp {
		imp[i] = float32(h[i*k+i])
	}
	for _, q := range Types() {
		if !f.Can(q) {
			continue
		}
		size, _ := q.Size(k)
		fed, plain := make([]byte, rows*size), make([]byte, rows*size)
		if err := f.Rows(fed, q, w); err != nil {
			t.Fatal(err)
		}
		if err := Rows(plain, q, w, k, imp, EffortDefault); err != nil {
			t.Fatal(err)
		}
		a, b := make([]float32, k*rows), make([]float32, k*rows)
		q.Decode(a, fed)
		q.Decode(b, plain)
		now, before := proxy(h, k, w, a), proxy(h, k, w, b)
		t.Logf("%s: %.3f of the loss", q.Name, now/before)
		if !(now < 0.85*before) {
			t.Errorf("%s: loss %g with feedback, %g without", q.Name, now, before)
		}
	}
}

// The codes are those of the formula, computed one after the other in float64 for the scales that the blocks have.
func TestFeedbackFollowsTheFormula(t *testing.T) {
	const k, rows = 512, 3
	r := rand.New(rand.NewSource(4))
	h := gram(r, k, 2*k)
	f, _, err := NewFeedback(statsOf(h, k), DefaultDamp, 1)
	if err != nil {
		t.Fatal(err)
	}
	f.sweeps = 0
	for _, q := range []*Type{Q4_0, Q4_K, Q3_K, IQ4_XS} {
		w := normal(k * rows)
		size, _ := q.Size(k)
		dst := make([]byte, rows*size)
		if err := f.Rows(dst, q, w); err != nil {
			t.Fatal(err)
		}
		tile := Tile{Code: make([]int8, k*rows), Scale: make([]float32, k*rows/q.Group), Min: make([]float32, k*rows/q.Group)}
		q.groups(tile, dst)
		off := 0
		for i := range rows {
			left := make([]float64, k)
			for j := range k {
				target := float64(w[i*k+j])
				for m := range j {
					target += left[m] * float64(f.u.at(m, j))
				}
				g := (i*k + j) / q.Group
				s, o := float64(tile.Scale[g]), float64(tile.Min[g])
				got := s*float64(tile.Code[i*k+j]) + o
				best := math.Inf(1)
				for _, l := range q.Lattice.Levels {
					best = min(best, math.Abs(s*float64(l)+o-target))
				}
				if math.Abs(got-target) > best+1e-4*math.Abs(s) {
					off++
				}
				left[j] = float64(w[i*k+j]) - got
			}
		}
		if off > 0 {
			t.Errorf("%s: %d of %d codes are not the nearest to their targets", q.Name, off, k*rows)
		}
	}
}

// U·D·Uᵀ is H.
func TestFeedbackFactors(t *testing.T) {
	const k = 96
	h := gram(rand.New(rand.NewSource(5)), k, 2*k)
	f, _, err := NewFeedback(statsOf(h, k), DefaultDamp, 1)
	if err != nil {
		t.Fatal(err)
	}
	u := func(i, j int) float64 {
		if i == j {
			return 1
		}
		return float64(f.u.at(i, j))
	}
	for i := range k {
		for j := range k {
			s := 0.0
			for m := max(i, j); m < k; m++ {
				s += u(i, m) * float64(f.d[m]) * u(j, m)
			}
			if d := math.Abs(s - float64(f.h.at(i, j))); d > 1e-4 {
				t.Fatalf("%d,%d is %g, want %g", i, j, s, f.h.at(i, j))
			}
		}
	}
}

func TestFeedbackDampsSingularMatrices(t *testing.T) {
	const k = 32
	a := make([]float64, k*k)
	for i := range a {
		a[i] = 1 // one input, of ones
	}
	a[0] = -0.05 // and rounding made it indefinite
	for _, damp := range []float64{DefaultDamp, 1e-9, 1e-30} {
		if _, damped, err := NewFeedback(statsOf(a, k), damp, 1); err != nil || damped < 1 || damped > 10.1 {
			t.Errorf("damped by %g instead of %g: %v", damped, damp, err)
		}
	}
	if _, _, err := NewFeedback(statsOf(make([]float64, k*k), k), DefaultDamp, 1); err == nil {
		t.Error("no error for inputs that are all zero")
	}
}

// Every sweep leaves every row with less loss, or as it is, and every refit with less of the loss in which what goes along with the row counts again; what the file then
// decodes to is what was left.
func TestSweepsAndRefitsLoseLess(t *testing.T) {
	const k, rows = 256, feedbackRows
	f, _, err := NewFeedback(statsOf(gram(rand.New(rand.NewSource(6)), k, 3*k), k), DefaultDamp, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := make([]float64, k*k)
	for i := range h {
		h[i] = float64(f.h.at(i/k, i%k))
	}
	w := normal(k * rows)
	f.sweeps = 0
	for _, q := range []*Type{Q2_K, Q4_0, Q4_K, IQ4_NL, IQ4_XS, Q2_0, MXFP4, IQ2_XS, IQ3_XXS, IQ1_S, IQ1_M} {
		size, _ := q.Size(k)
		dst, back := make([]byte, rows*size), make([]float32, k*rows)
		r, columns, descend := f.run(q)
		r.rows(dst, w, rows, columns, descend)
		r.measureAlong(w, rows)
		plain := func(i int) float64 {
			left := r.left[i*k:][:k]
			return proxy(h, k, left, make([]float32, k))
		}
		along := func(i int) float64 {
			part := dot(r.left[i*k:][:k], r.ahead[i*k:])
			return plain(i) + max(q.Along, 1)*part*part/r.energy[i]
		}
		check := func(what string, loss func(i int) float64, do func()) (was, now float64) {
			var before [rows]float64
			for i := range before {
				before[i] = loss(i)
				was += before[i]
			}
			do()
			for i, b := range before {
				v := loss(i)
				now += v
				if v > b*(1+1e-4) {
					t.Errorf("%s, row %d: a %s leaves %g, there was %g", q.Name, i, what, v, b)
				}
			}
			return was, now
		}
		for round := range 3 {
			was, now := check("sweep", plain, func() { r.sweep(rows, descend) })
			if round == 0 && !(now < 0.99*was) {
				t.Errorf("%s: the first sweep leaves %g of %g", q.Name, now, was)
			}
			scale, _ := q.halves()
			was, now = check("refit", along, func() { r.refit(dst, rows) })
			if changed := now < was; changed != (scale != nil) {
				t.Errorf("%s: a refit leaves %g of %g", q.Name, now, was)
			}
		}
		q.recode()(dst, r.row.Code)
		q.Decode(back, dst)
		for i, v := range back {
			if math.Abs(float64(w[i]-v-r.left[i])) > 1e-4 {
				t.Fatalf("%s: weight %d left %g, not %g", q.Name, i, w[i]-v, r.left[i])
			}
		}
	}
}
