package quantize

// Feedback for the types with codebooks: eight columns are rounded at once. What rounding them does is a quadratic form of what they leave, in the first pass, where the
// columns after them will take back what they can, with the eight rows and columns of U·D·Uᵀ from them on, in sweeps with those of H (block-wise LDLQ, as
// QuIP# has it, arXiv 2402.04396). The codebook proposes what is near by the diagonal alone; the form decides, also about signs.

// A form is a quadratic form of eight numbers, symmetric.
type form [octet * octet]float32

// A feedbackUnit is the forms of eight columns.
type feedbackUnit struct {
	first   form // while those after them are not rounded
	all     form // of H
	inverse form // of that
}

func (u *feedbackUnit) begin(f *Feedback, c int) {
	for a := range octet {
		for b := range octet {
			u.all[a*octet+b] = f.h.at(c+a, c+b)
			for j := max(a, b); j < octet; j++ {
				u.first[a*octet+b] += float32(f.d[c+j] * float32(f.within(c, a, j)*f.within(c, b, j)))
			}
		}
	}
	invert(&u.inverse, &u.all)
}

// within is U between columns a and j of the eight that begin at c.
func (f *Feedback) within(c, a, j int) float32 {
	if a == j {
		return 1
	}
	return f.u.at(c+a, c+j)
}

// invert is Gauss and Jordan's way for a positive matrix, which needs no pivots.
func invert(out, in *form) {
	var a [octet][2 * octet]float64
	for i := range octet {
		for j := range octet {
			a[i][j] = float64(in[i*octet+j])
		}
		a[i][octet+i] = 1
	}
	for p := range octet {
		by := 1 / a[p][p]
		for j := range a[p] {
			a[p][j] *= by
		}
		for i := range octet {
			if i == p {
				continue
			}
			part := a[i][p]
			for j := range a[i] {
				a[i][j] -= float64(part * a[p][j])
			}
		}
	}
	for i := range octet {
		for j := range octet {
			out[i*octet+j] = float32(a[i][octet+j])
		}
	}
}

// times is form · v.
func times(f *form, v *[octet]float32) (out [octet]float32) {
	for i := range out {
		sum := float32(0)
		for j, x := range v {
			sum += float32(f[i*octet+j] * x)
		}
		out[i] = sum
	}
	return out
}

// farCode is beyond all codes: what is farther is as near to each of them.
const farCode = 1 << 12

// An eightSearch chooses the codes of eight weights.
type eightSearch struct {
	proposer
	list []octets

	form    *form
	product [octet]float32
	scale   float32
	old     octets
	best    octets
	least   float32 // by how much best changes the loss
}

// better puts codes with less loss in the place of code, if there are any. Moving the eight by d changes the loss by d·form·d − 2·d·product; center is where it
// would be least.
func (e *eightSearch) better(code []int8, center, product *[octet]float32, form *form, scale float32) bool {
	e.form, e.product, e.scale = form, *product, scale
	e.old = octets(code)
	e.best, e.least = e.old, 0
	var x, w [octet]float32
	for i, v := range center {
		x[i], w[i] = min(max(v/scale, -farCode), farCode), form[i*(octet+1)]
	}
	e.list = e.propose(e.list[:0], &x, &w, &e.old)
	for i := range e.list {
		if change := e.change(&e.list[i]); change < e.least {
			e.best, e.least = e.list[i], change
		}
	}
	for range octet {
		if !e.turn() {
			break
		}
	}
	if e.best == e.old || !(e.change(&e.best) < 0) {
		return false
	}
	copy(code, e.best[:])
	return true
}

// change is what other codes do to the loss.
func (e *eightSearch) change(to *octets) (change float32) {
	d := e.moved(to)
	for i, v := range times(e.form, &d) {
		change += float32(d[i] * (v - 2*e.product[i]))
	}
	return change
}

// moved is how far codes move the weights.
func (e *eightSearch) moved(to *octets) [octet]float32 { return apartBy(to, &e.old, e.scale) }

func apartBy(to, from *octets, scale float32) (d [octet]float32) {
	for i := range d {
		d[i] = scale * float32(int(to[i])-int(from[i]))
	}
	return d
}

// turn turns the sign, or the two signs, of the best that are best turned.
func (e *eightSearch) turn() bool {
	turns := e.turns()
	if turns == 0 {
		return false
	}
	d := e.moved(&e.best)
	slope := times(e.form, &d)
	var move, alone [octet]float32
	for i := range slope {
		slope[i] -= e.product[i]
		move[i] = -2 * e.scale * float32(e.best[i])
		alone[i] = float32(move[i] * (float32(move[i]*e.form[i*(octet+1)]) + 2*slope[i]))
	}
	first, second, least := 0, 0, float32(0)
	for i := range octet {
		if turns == 1 {
			if alone[i] < least {
				first, second, least = i, i, alone[i]
			}
			continue
		}
		for j := range i {
			if change := alone[i] + alone[j] + float32(2*move[i]*move[j]*e.form[i*octet+j]); change < least {
				first, second, least = i, j, change
			}
		}
	}
	if !(least < 0) {
		return false
	}
	e.best[first] = -e.best[first]
	if second != first {
		e.best[second] = -e.best[second]
	}
	return true
}

// columnsOfEights rounds feedbackColumns columns from c+from on, eight at a time.
func (r *feedbackRun) columnsOfEights(w []float32, c, from, m int) {
	n := len(r.tile.Code) / m
	r.among(r.target[c+from:], r.k, r.left[c+from:], r.k, c+from, m, func(i, j int) {
		column := c + from + j
		at := i*r.k + column
		x, left, code := w[at:][:octet], r.left[at:][:octet], r.tile.Code[i*n+from+j:][:octet]
		scale, unit := r.tile.Scale[(i*n+from+j)/r.t.Group], &r.units[column/octet]
		if scale != 0 {
			var center, away [octet]float32
			for a := range center {
				v := r.target[at+a]
				for b := range a {
					v += float32((x[b] - center[b]) * r.u.at(column+b, column+a))
				}
				center[a], away[a] = v, v-float32(scale*float32(code[a]))
			}
			product := times(&unit.first, &away)
			r.eights.better(code, &center, &product, &unit.first, scale)
		}
		for l := range left {
			left[l] = x[l] - float32(scale*float32(code[l]))
		}
	})
}

// descendEights is descend for codes of eight weights.
func (r *feedbackRun) descendEights(i, c int) (changed bool) {
	product := r.target[i*r.k+c:][:feedbackColumns]
	code, left := r.row.Code[i*r.k+c:][:feedbackColumns], r.left[i*r.k+c:][:feedbackColumns]
	for j := 0; j < feedbackColumns; j += octet {
		scale, unit := r.row.Scale[(i*r.k+c+j)/r.t.Group], &r.units[(c+j)/octet]
		if scale == 0 {
			continue
		}
		old, now := octets(code[j:]), [octet]float32(product[j:])
		center := times(&unit.inverse, &now)
		for l := range center {
			center[l] += float32(scale * float32(old[l]))
		}
		if !r.eights.better(code[j:j+octet], &center, &now, &unit.all, scale) {
			continue
		}
		changed = true
		d := apartBy((*octets)(code[j:]), &old, scale)
		for l, v := range d {
			left[j+l] -= v
			if v == 0 {
				continue
			}
			for q, h := range r.h.from(c+j+l, c)[:feedbackColumns] {
				product[q] -= float32(v * h)
			}
		}
	}
	return changed
}
