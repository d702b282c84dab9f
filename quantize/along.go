package quantize

// The squared error of weights says what it does to outputs if errors are independent of each other and of the weights. At few
// bits they are not: least squares shrinks what it rounds, the more the coarser, and the part of the error that goes along
// with the weights does not cancel where inputs go together, as they do. A type's Along says how many times that part counts
// again. On a small model the divergence of IQ1_S fell by a fifth that way, that of IQ2_XXS by a tenth, that of TQ2_0 by more than a
// third. llama-quantize has factors between 1.01 and 1.13 on its scales that do some of the same.

// The sums of a block whose codes are multiples of one number: Σ w·x·code, Σ w·code² and Σ w·x².
type alongSums struct{ p, q, s float64 }

func (a *alongSums) add(w, x, code float64) {
	wc, wx := float64(w*code), float64(w*x)
	a.p += float64(wc * x)
	a.q += float64(wc * code)
	a.s += float64(wx * x)
}

// loss is the error with the number d: Σ w·e², and so many times (Σ w·x·e)² in units of Σ w·x².
func (a *alongSums) loss(d, along float64) float64 {
	loss := a.s - float64(d*(2*a.p-float64(d*a.q)))
	if along > 0 && a.s > 0 {
		part := a.s - float64(d*a.p)
		loss += float64(along*float64(part*part)) / a.s
	}
	return max(loss, 0)
}

// best is the number that loses least.
func (a *alongSums) best(along float64) float64 {
	if !(a.s > 0 && a.q > 0) {
		return 0
	}
	return float64(a.p*(1+along)) / (a.q + float64(along*float64(a.p*a.p))/a.s)
}

// suit is the half that loses less, the given one or the one next to the best number, and what it loses.
func (a *alongSums) suit(d uint16, along float64) (uint16, float64) {
	loss := a.loss(float64(halfValue(d)), along)
	best := finiteBits(half(float32(a.best(along))))
	if l := a.loss(float64(halfValue(best)), along); l < loss {
		return best, l
	}
	return d, loss
}

// least is what is lost with the best number where numbers explain so much of Σ w·x².
func (a *alongSums) least(explained, along float64) float64 {
	return (1 + along) * (a.s - explained) / (1 + along*explained/a.s)
}
