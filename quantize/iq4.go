package quantize

// values4NL are the levels of IQ4_NL and IQ4_XS, denser near zero; they lie around it unevenly, so that a scale's sign matters.
var values4NL = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// near4NL is the code of the level next to half of its index less 256: between levels their middles decide, which are
// halves of whole numbers; a middle itself belongs to the higher level.
var near4NL = func() (t [512]uint8) {
	for i := range t {
		for c := 0; c < 15 && i-256 >= int(values4NL[c])+int(values4NL[c+1]); c++ {
			t[i] = uint8(c + 1)
		}
	}
	return t
}()

// code4NL is the code of the level nearest to x; the last one for what is not a number, as in ggml.
func code4NL(x float32) uint8 {
	switch {
	case !(x < 113):
		return 15
	case x <= -127:
		return 0
	}
	twice := int32(2 * x)
	if float32(twice) > 2*x {
		twice--
	}
	return near4NL[uint32(twice+256)&511]
}

// sums4NL takes the codes q of 32 weights with an inverse scale and returns Σ w·x·level and Σ w·level², added in ggml's order.
func sums4NL(q *[flat]uint8, x, w *[flat]float32, id float32) (lx, l2 float32) {
	for j, v := range x {
		q[j] = code4NL(float32(id * v))
		l := float32(values4NL[q[j]])
		wl := float32(w[j] * l)
		lx += float32(wl * v)
		l2 += float32(wl * l)
	}
	return lx, l2
}

// ggml4NL is llama-quantize's scale for 32 weights: of the inverse scales that take the largest magnitude to -127 and up to
// seven beside it, the one whose least-squares scale explains most.
func ggml4NL(x, w *[flat]float32) float32 {
	top := signedMax(x[:])
	if absolute(top) < tinyGroup {
		return 0
	}
	var q [flat]uint8
	var d, best float32
	// Divided twice, as ggml does it for the first try.
	if lx, l2 := sums4NL(&q, x, w, 1/(-top/float32(values4NL[0]))); l2 > 0 {
		d = lx / l2
		best = d * lx
	}
	for try := -7; try <= 7; try++ {
		lx, l2 := sums4NL(&q, x, w, float32(try+int(values4NL[0]))/top)
		if l2 > 0 && float32(lx*lx) > float32(best*l2) {
			d = lx / l2
			best = d * lx
		}
	}
	return d
}

// weights4NL are llama-quantize's: with importance as in the k-quants, σ² being twice the mean square; squares without it.
func weights4NL(w, x, importance []float32) {
	for i, v := range x {
		w[i] = float32(v * v)
	}
	if importance == nil {
		return
	}
	var sum float32
	for _, v := range w[:len(x)] {
		sum += v
	}
	weighWith(w, x, importance[:len(x)], sum*(2/float32(len(x))))
}
