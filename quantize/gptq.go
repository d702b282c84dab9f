package quantize

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"quern/internal/kernel"
)

// An Order is the order in which GPTQ rounds columns: errors of the first can be taken back by all the others.
type Order int

const (
	OrderGroups  Order = iota // groups whose inputs are larger first, and so within groups; the groups are of consecutive columns
	OrderNatural              // as they stand
	OrderStatic               // columns with larger inputs first; groups are of consecutive columns, with scales chosen before anything is rounded
	OrderColumns              // columns with larger inputs first, and groups are cut in that order: Codes.Order says which (desc_act without static groups)
)

// GPTQ makes codes by rounding the columns of a matrix one after the other, each taking back what the ones before it did to the products with
// the inputs that were seen (arXiv 2210.17323), and then looks at all of them again, as Feedback does. The grid of a group is searched as Nearest does, when its first column is reached and with
// the weights as they then are; its numbers are rounded to what will be stored before a code is chosen.
type GPTQ struct {
	*Nearest
	Damped float64 // what was added to the diagonal, as a part of its mean
	f      *Feedback
	static bool
	column []int // [k]: the column that is rounded next
	group  []int // [k]: its group
	order  []int32
}

// NewGPTQ is for matrices with the inputs of s. A singular Gram matrix is damped more, as NewFeedback does it.
func NewGPTQ(n *Nearest, s *Stats, order Order, damp float64, threads int) (*GPTQ, error) {
	k := len(s.Diag)
	if len(s.Gram) != k*k {
		return nil, errors.New("no products of inputs were added up")
	}
	if k%feedbackColumns != 0 || n.Group > 0 && n.Group%feedbackColumns != 0 {
		return nil, fmt.Errorf("%d columns in groups of %d are not whole runs of %d", k, n.Group, feedbackColumns)
	}
	g := &GPTQ{Nearest: n, static: order == OrderStatic, column: make([]int, k), group: make([]int, k)}
	g.arrange(s.Diag, order)
	var err error
	g.f, g.Damped, err = orderedFeedback(s, g.column, damp, threads)
	return g, err
}

// arrange orders columns and says which group each is of. Equal ones stay in their order.
func (g *GPTQ) arrange(diag []float64, order Order) {
	size := g.size(len(diag))
	for k := range g.column {
		g.column[k] = k
	}
	largest := make([]float64, g.Groups(len(diag)))
	for k, d := range diag {
		largest[k/size] = max(largest[k/size], d)
	}
	switch order {
	case OrderGroups:
		slices.SortStableFunc(g.column, func(a, b int) int {
			return cmp.Or(cmp.Compare(largest[b/size], largest[a/size]), cmp.Compare(a/size, b/size), cmp.Compare(diag[b], diag[a]))
		})
	case OrderStatic, OrderColumns:
		slices.SortStableFunc(g.column, func(a, b int) int { return cmp.Compare(diag[b], diag[a]) })
	}
	if order == OrderColumns && len(largest) > 1 {
		g.order = make([]int32, len(diag))
	}
	for j, k := range g.column {
		g.group[j] = k / size
		if g.order != nil {
			g.group[j] = j / size
			g.order[k] = int32(j / size)
		}
	}
}

// size is the columns of a group of rows of k.
func (g *GPTQ) size(k int) int {
	if g.Group <= 0 {
		return k
	}
	return g.Group
}

// gptqRun is the memory of one call: rows that are rounded side by side.
type gptqRun struct {
	*GPTQ
	feedbackRun
	c  *Codes
	w  []float32 // [rows][k]: the weights in order
	x  []float32 // [rows][group]: those of one group, and the importance of its columns
	by []float32
}

// Rows rounds whole rows of w. Each is rounded by itself, so a matrix may be cut into runs of rows anywhere.
func (g *GPTQ) Rows(c *Codes, w []float32) error {
	k := g.f.k
	if len(w)%k != 0 {
		return fmt.Errorf("%d weights are not whole rows of %d", len(w), k)
	}
	if err := notFinite(w, k); err != nil {
		return err
	}
	c.Reshape(g.Grid, len(w)/k, k, g.Offsets)
	c.Order = g.order
	r := &gptqRun{GPTQ: g, feedbackRun: feedbackRun{Feedback: g.f}, c: c}
	for from := 0; from < c.Rows; from += feedbackRows {
		r.rows(w, from, min(feedbackRows, c.Rows-from))
	}
	return nil
}

// rows rounds m rows from row on.
func (r *gptqRun) rows(w []float32, row, m int) {
	k := r.f.k
	r.w, r.left = room(r.w, m*k), room(r.left, m*k)
	for i := range m {
		for j, at := range r.column {
			r.w[i*k+j] = w[(row+i)*k+at]
		}
	}
	r.target = append(r.target[:0], r.w...)
	if r.static {
		for g := range r.c.Groups(k) {
			r.grids(row, m, g, 0, 0)
		}
	}
	for from := 0; from < k; {
		to := k
		if !r.static {
			for to = from + 1; to < k && r.group[to] == r.group[from]; to++ {
			}
			r.grids(row, m, r.group[from], from, to)
		}
		for c := from; c < to; c += feedbackColumns {
			r.codes(row, m, c)
			r.feed(c, feedbackColumns, c+feedbackColumns, to, m)
		}
		r.feed(from, to-from, to, k, m)
		from = to
	}
	for range r.sweeps {
		if !r.sweep(m, func(i, c int) bool { return r.descend(row, i, c) }) {
			break
		}
	}
}

// descend looks at the codes in feedbackColumns places of row i of the run, from c on, as those of a type are looked at.
func (r *gptqRun) descend(row, i, c int) (changed bool) {
	k, groups, top := r.f.k, r.c.Groups(r.f.k), float32(r.Levels()-1)
	product, left := r.target[i*k+c:][:feedbackColumns], r.left[i*k+c:][:feedbackColumns]
	scales, h := r.c.Scale[(row+i)*groups:][:groups], r.h.from(c, c)
	q, group, column := r.c.Q[(row+i)*k:][:k], r.group[c:][:feedbackColumns], r.column[c:][:feedbackColumns]
	for j, p := range product {
		h := h[j*kernel.Lanes:][:feedbackColumns]
		s := scales[group[j]]
		step := float32(h[j] * s)
		if max(p, -p) < 0.499*step { // most stay as they are
			continue
		}
		code := &q[column[j]]
		was := float32(*code)
		to := min(max(was+float32(p/step), 0), top)
		to = float32(to+wholeFloat) - wholeFloat
		d := float32(s * (to - was))
		if to == was || float32(h[j]*d)*d >= float32(2*d)*p {
			continue
		}
		*code, changed = uint8(int32(to)), true
		left[j] -= d
		for l, v := range h {
			product[l] -= float32(d * v)
		}
	}
	return changed
}

// grids chooses the numbers of a group of m rows, which has the places from…to-1, or, before anything is rounded, places anywhere.
func (r *gptqRun) grids(row, m, group, from, to int) {
	if to > from {
		r.free(m, from, to)
	} else {
		r.gather(m, group)
	}
	n := len(r.by)
	r.s.load(r.x, n, n, m)
	r.fit(r.by)
	for i := range m {
		r.s.put(r.c, row+i, group, i)
	}
}

// gather takes the weights of a group as they stand.
func (r *gptqRun) gather(m, group int) {
	r.x, r.by = r.x[:0], r.by[:0]
	for j, g := range r.group {
		if g == group {
			r.by = append(r.by, r.d[j])
		}
	}
	for i := range m {
		for j, g := range r.group {
			if g == group {
				r.x = append(r.x, r.w[i*r.f.k+j])
			}
		}
	}
}

// free takes the weights that places from…to-1 would have if they need not be rounded: where the loss is least, given what came before.
// Targets are not these yet: the feedback of the first of them is not in those of the others.
func (r *gptqRun) free(m, from, to int) {
	k, n := r.f.k, to-from
	r.x, r.by = room(r.x, m*n), append(r.by[:0], r.d[from:to]...)
	for i := range m {
		copy(r.x[i*n:][:n], r.target[i*k+from:])
	}
	if from == 0 {
		return
	}
	r.moved = room(r.moved, m*feedbackColumns)
	for c := 0; c < n; c += feedbackColumns {
		r.among(r.x[c:], n, r.moved, feedbackColumns, from+c, m, func(i, j int) {
			x, moved, u := r.x[i*n+c+j:][:feedbackStep], r.moved[i*feedbackColumns+j:][:feedbackStep], r.u.from(from+c+j, from+c+j)
			w := r.w[i*k+from+c+j:][:feedbackStep]
			for l, v := range x {
				moved[l] = w[l] - v
				back(x[l+1:], moved[l], u[l*kernel.Lanes+l+1:])
			}
		})
		for to := c + feedbackColumns; to < n; to += kernel.Lanes {
			r.u.multiply(r.x[to:], n, r.moved, feedbackColumns, from+c, from+to, m, feedbackColumns, true)
		}
	}
}

// codes rounds feedbackColumns columns of m rows, from the one in place c on, feeding back among them.
func (r *gptqRun) codes(row, m, c int) {
	r.among(r.target[c:], r.f.k, r.left[c:], r.f.k, c, m, func(i, j int) { r.some(row, i, c+j) })
}

// some rounds feedbackStep columns of row i of the run, from the one in place c on.
func (r *gptqRun) some(row, i, c int) {
	k, top := r.f.k, float32(r.Levels()-1)
	target, left := r.target[i*k+c:][:feedbackStep], r.left[i*k+c:][:feedbackStep]
	w, u, q := r.w[i*k+c:][:feedbackStep], r.u.from(c, c), r.c.Q[(row+i)*k:][:k]
	group, column := r.group[c:][:feedbackStep], r.column[c:][:feedbackStep]
	scale, zero, offset := r.grid(row+i, group[0])
	for j, v := range target {
		if j > 0 && group[j] != group[j-1] {
			scale, zero, offset = r.grid(row+i, group[j])
		}
		n := min(max((v-offset)/scale, -zero), top-zero)
		n = float32(n+wholeFloat) - wholeFloat
		q[column[j]] = uint8(int32(n + zero))
		left[j] = w[j] - (float32(scale*n) + offset)
		back(target[j+1:], left[j], u[j*kernel.Lanes+j+1:])
	}
}

// grid is the numbers of a group of a row: of codes less zero.
func (r *gptqRun) grid(row, group int) (scale, zero, offset float32) {
	at := row*r.c.Groups(r.f.k) + group
	switch {
	case r.c.Offset != nil:
		return r.c.Scale[at], 0, r.c.Offset[at]
	case r.c.Zero != nil:
		return r.c.Scale[at], float32(r.c.Zero[at]), 0
	}
	return r.c.Scale[at], float32(r.Levels() / 2), 0
}
