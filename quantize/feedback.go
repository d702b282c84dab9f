package quantize

import (
	"errors"
	"fmt"
	"math"

	"quern/internal/kernel"
)

// Feedback rounds the rows of a matrix so that its products with the inputs that were seen change little: what rounding a column does to
// them is taken back, as far as possible, by the columns after it (GPTQ, arXiv 2210.17323, in the form of LDLQ, arXiv 2307.13304).
//
// With H = Σ x·xᵀ + damping = U·D·Uᵀ, U having ones on its diagonal and zeros below it, column j is rounded to the level next to
//
//	w[j] + Σ_{i<j} (w[i] − q[i])·U[i][j]
//
// and the loss (w−q)·H·(w−q)ᵀ is the sum of D[j] times the square of what the rounding of that column left.
type Feedback struct {
	k int
	u square    // U
	d []float32 // [k]: D, with a mean of one
	h square    // H, scaled likewise

	units []feedbackUnit // of eight columns each

	sweeps int // at most
}

// DefaultDamp is the part of the mean of H's diagonal that is added to it.
const DefaultDamp = 0.01

// mostDamp is what damping is made ten times larger up to, for a matrix that has no factor without it.
const mostDamp = 100

// NewFeedback factors the Gram matrix of s. A singular one is damped ten times more, and again, up to a hundred times its mean; damped says how much it took.
func NewFeedback(s *Stats, damp float64, threads int) (f *Feedback, damped float64, err error) {
	column := make([]int, len(s.Diag))
	for i := range column {
		column[i] = i
	}
	return orderedFeedback(s, column, damp, threads)
}

// orderedFeedback is that of inputs whose columns stand in another order: column says which one is where.
func orderedFeedback(s *Stats, column []int, damp float64, threads int) (f *Feedback, damped float64, err error) {
	k := len(s.Diag)
	if len(s.Gram) != k*k || s.Count == 0 {
		return nil, 0, errors.New("no inputs were seen")
	}
	mean := 0.0
	for _, d := range s.Diag {
		mean += d / float64(k)
	}
	if !(mean > 0) || math.IsInf(mean, 1) {
		return nil, 0, fmt.Errorf("the inputs have a mean square of %g", mean/float64(s.Count))
	}
	h, l := newSquare(k), make([]float64, k*k)
	for step := 0; step == 0 || damped < mostDamp; step++ {
		damped = damp * math.Pow10(step)
		share(k, threads, func(from, to int) {
			for i := from; i < to; i++ {
				for j := range i + 1 {
					a, b := column[i], column[j]
					v := s.Gram[max(a, b)*k+min(a, b)] / mean
					if i == j {
						v += damped
					}
					l[(k-1-j)*k+k-1-i] = v // the factor of the matrix turned round is U turned round
					h.set(i, j, float32(v))
					h.set(j, i, float32(v))
				}
			}
		})
		if err = cholesky(l, k, threads); err == nil {
			return newFeedback(h, l, threads), damped, nil
		}
	}
	return nil, damped, fmt.Errorf("with %g of the mean added to the diagonal, %w", damped, err)
}

// newFeedback is that of H and the factor of what H is turned round.
func newFeedback(h square, l []float64, threads int) *Feedback {
	k := h.k
	roots := make([]float64, k)
	f := &Feedback{k: k, u: newSquare(k), d: make([]float32, k), h: h, sweeps: feedbackSweeps}
	for i := range k {
		roots[i] = l[(k-1-i)*(k+1)]
		f.d[i] = float32(roots[i] * roots[i])
	}
	share(k, threads, func(from, to int) {
		for i := from; i < to; i++ {
			turned := l[(k-1-i)*k:][:k-i]
			for j := i + 1; j < k; j++ {
				f.u.set(i, j, float32(turned[k-1-j]/roots[j]))
			}
		}
	})
	f.units = make([]feedbackUnit, k/octet)
	for i := range f.units {
		f.units[i].begin(f, i*octet)
	}
	return f
}

// feedbackRows are rows that are rounded side by side; feedbackColumns are columns whose feedback goes to the others when all are done, and
// feedbackStep those among which it is computed weight by weight.
const (
	feedbackRows    = 32
	feedbackColumns = 32
	feedbackStep    = 8
)

// A feedbackRun is the memory of one worker: some rows that are rounded side by side.
type feedbackRun struct {
	*Feedback
	t      *Type
	target []float32 // [rows][k]: w and what was fed back; afterwards left·H
	left   []float32 // [rows][k]: w − q
	part   []float32 // [rows][block]
	by     []float32 // [rows][block]: D of each
	raw    []byte    // [rows][bytes of a block]
	tile   Tile      // of the same blocks
	row    Tile      // of the whole rows
	moved  []float32 // [rows][feedbackColumns]: what columns leave that need not be rounded
	corner []float32 // [feedbackColumns][feedbackColumns]: of U, what goes beyond feedbackStep columns
	eights eightSearch
	ahead  []float32 // [rows][k]: w·H
	energy []float64 // [rows]: w·H·wᵀ
	along  []float64 // [rows]: left·H·wᵀ
}

// Can says whether a type's codes can be chosen by feedback for rows of k weights; without a Feedback none can.
func (f *Feedback) Can(t *Type) bool {
	return f != nil && (t.Lattice != nil || t.Book != nil) && t.Tile != nil && t.Encode != nil && f.k%t.Block == 0 && f.k%feedbackColumns == 0
}

// Rows rounds whole rows of w to type t; dst has room for them. The result of a row depends on those that share a run of 32 with it, so
// callers cut matrices at multiples of 32 rows.
func (f *Feedback) Rows(dst []byte, t *Type, w []float32) error {
	if !f.Can(t) || len(w)%f.k != 0 {
		return fmt.Errorf("%d weights, in rows of %d, cannot be rounded to %s with feedback", len(w), f.k, t.Name)
	}
	if err := notFinite(w, f.k); err != nil {
		return err
	}
	size, _ := t.Size(f.k)
	r, columns, descend := f.run(t)
	recode := t.recode()
	for rows := feedbackRows; len(w) > 0; w, dst = w[rows*f.k:], dst[rows*size:] {
		rows = min(rows, len(w)/f.k)
		r.rows(dst[:rows*size], w[:rows*f.k], rows, columns, descend)
		recode(dst[:rows*size], r.row.Code)
	}
	return nil
}

// run begins a run with what rounds columns of the type, and what looks at them again.
func (f *Feedback) run(t *Type) (r *feedbackRun, columns func(w []float32, c, from, m int), descend func(i, c int) bool) {
	r = &feedbackRun{Feedback: f, t: t}
	if t.Book == nil {
		return r, r.columns, r.descend
	}
	r.eights.proposer = t.Book.proposer()
	return r, r.columnsOfEights, r.descendEights
}

func (r *feedbackRun) rows(dst []byte, w []float32, m int, columns func(w []float32, c, from, m int), descend func(i, c int) bool) {
	k, block := r.k, max(r.t.Block, feedbackColumns)
	r.target = append(r.target[:0], w...)
	r.left = room(r.left, m*k)
	r.row = Tile{Code: room(r.row.Code, m*k), Scale: room(r.row.Scale, m*k/r.t.Group), Min: room(r.row.Min, m*k/r.t.Group)}
	for c := 0; c < k; c += block {
		n := min(block, k-c)
		r.scales(c, n, m)
		for from := 0; from < n; from += feedbackColumns {
			columns(w, c, from, m)
			r.feed(c+from, feedbackColumns, c+from+feedbackColumns, c+n, m)
		}
		r.feed(c, n, c+n, k, m)
		r.store(dst, c, n, m)
	}
	if r.sweeps > 0 {
		r.measureAlong(w, m)
	}
	for range r.sweeps {
		if !r.sweep(m, descend) {
			break
		}
		r.refit(dst, m)
	}
}

// store keeps the blocks of columns c…c+n-1 where they belong in whole rows.
func (r *feedbackRun) store(dst []byte, c, n, m int) {
	k, g := r.k, r.t.Group
	size, row := n/r.t.Block*r.t.Bytes, k/r.t.Block*r.t.Bytes
	for i := range m {
		copy(dst[i*row+c/r.t.Block*r.t.Bytes:][:size], r.raw[i*size:])
		copy(r.row.Code[i*k+c:][:n], r.tile.Code[i*n:])
		copy(r.row.Scale[(i*k+c)/g:][:n/g], r.tile.Scale[i*n/g:])
		copy(r.row.Min[(i*k+c)/g:][:n/g], r.tile.Min[i*n/g:])
	}
}

// scales lets the type's own search choose those of the blocks in columns c…c+n-1, as they are now, with D as importance.
func (r *feedbackRun) scales(c, n, m int) {
	r.part, r.by = room(r.part, m*n), room(r.by, m*n)
	for i := range m {
		copy(r.part[i*n:][:n], r.target[i*r.k+c:])
		copy(r.by[i*n:][:n], r.d[c:])
	}
	blocks := m * n / r.t.Block
	r.raw = room(r.raw, blocks*r.t.Bytes)
	r.t.Encode(r.raw, r.part, r.by)
	r.tile = Tile{Code: room(r.tile.Code, m*n), Scale: room(r.tile.Scale, m*n/r.t.Group), Min: room(r.tile.Min, m*n/r.t.Group)}
	r.t.groups(r.tile, r.raw)
}

// columns rounds feedbackColumns columns from c+from on, feeding back among them.
func (r *feedbackRun) columns(w []float32, c, from, m int) {
	n := len(r.tile.Code) / m
	r.among(r.target[c+from:], r.k, r.left[c+from:], r.k, c+from, m, func(i, j int) {
		at := i*r.k + c + from + j
		target, left, code := r.target[at:][:feedbackStep], r.left[at:][:feedbackStep], r.tile.Code[i*n+from+j:][:feedbackStep]
		x, u := w[at:][:feedbackStep], r.u.from(c+from+j, c+from+j)
		for l, v := range target {
			g := (i*n + from + j + l) / r.t.Group
			code[l] = r.level(v, g)
			left[l] = x[l] - (float32(r.tile.Scale[g]*float32(code[l])) + r.tile.Min[g])
			back(target[l+1:], left[l], u[l*kernel.Lanes+l+1:])
		}
	})
}

// back adds what a column left, times its row of U, to the targets of the columns after it.
func back(target []float32, left float32, u []float32) {
	for l := range target {
		target[l] += float32(left * u[l])
	}
}

// among rounds feedbackColumns columns of m rows, from column c on: do rounds feedbackStep of them in a row, feeding back among these; what
// they left goes to the targets of the others at once.
func (r *feedbackRun) among(target []float32, ldt int, left []float32, ldl int, c, m int, do func(i, j int)) {
	r.corner = room(r.corner, feedbackColumns*feedbackColumns)
	clear(r.corner)
	for j := range feedbackColumns {
		first := (j/feedbackStep + 1) * feedbackStep
		copy(r.corner[j*feedbackColumns+first:(j+1)*feedbackColumns], r.u.from(c+j, c)[first:])
	}
	for j := 0; j < feedbackColumns; j += feedbackStep {
		for i := range m {
			do(i, j)
		}
		if j+feedbackStep < feedbackColumns {
			kernel.MatMulF32(target, ldt, left[j:], ldl, r.corner[j*feedbackColumns:], feedbackColumns, m, feedbackStep, true)
		}
	}
}

// level is the code next to v in group g.
func (r *feedbackRun) level(v float32, g int) int8 {
	s := r.tile.Scale[g]
	if s == 0 {
		return r.t.Lattice.nearest(0)
	}
	return r.t.Lattice.nearest((v - r.tile.Min[g]) / s)
}

// feed adds what columns c…c+n-1 left, times U, to the targets in columns from…to-1.
func (r *feedbackRun) feed(c, n, from, to, m int) {
	for ; from < to; from += kernel.Lanes {
		r.u.multiply(r.target[from:], r.k, r.left[c:], r.k, c, from, m, n, true)
	}
}
