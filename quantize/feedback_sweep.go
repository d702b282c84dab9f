package quantize

import "quern/internal/kernel"

// feedbackSweeps are how often all columns are looked at again once all are rounded: by then each can take back what the later ones left, too
// (coordinate descent, as QuantEase does it, arXiv 2309.01885).
const feedbackSweeps = 2

// products sets target in columns c…c+n-1 to left·H, for m rows.
func (r *feedbackRun) products(c, n, m int) {
	for to := c + n; c < to; c += kernel.Lanes {
		r.h.multiply(r.target[c:], r.k, r.left, r.k, 0, c, m, r.k, false)
	}
}

// sweep gives every column in turn the level at which the loss is least while all others stay, and says whether any changed. Moving weight j of a row by d
// changes its loss left·H·leftᵀ by H[j][j]·d² − 2·d·(left·H)[j], so the loss never grows.
func (r *feedbackRun) sweep(m int, descend func(i, c int) bool) (changed bool) {
	for c := 0; c < r.k; c += feedbackColumns {
		r.products(c, feedbackColumns, m)
		for i := range m {
			if descend(i, c) {
				changed = true
			}
		}
	}
	return changed
}

// descend looks at feedbackColumns columns of row i, from c on, whose own products it keeps up to date.
func (r *feedbackRun) descend(i, c int) (changed bool) {
	product := r.target[i*r.k+c:][:feedbackColumns]
	code, left := r.row.Code[i*r.k+c:][:feedbackColumns], r.left[i*r.k+c:][:feedbackColumns]
	for j, p := range product {
		h := r.h.from(c+j, c)[:feedbackColumns]
		g := (i*r.k + c + j) / r.t.Group
		s := r.row.Scale[g]
		if s == 0 {
			continue
		}
		to := r.t.Lattice.nearest(float32(code[j]) + p/(h[j]*s))
		d := float32(s * float32(int(to)-int(code[j])))
		if to == code[j] || float32(h[j]*d)*d >= float32(2*d)*p {
			continue
		}
		code[j], changed = to, true
		left[j] -= d
		for l, v := range h {
			product[l] -= float32(d * v)
		}
	}
	return changed
}
