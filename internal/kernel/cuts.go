package kernel

// What llama-quantize's plain encoders do with blocks of 32 weights. Weights are finite.

const cutBlock = 32

// BlockExtremes writes the largest and the smallest weight of each block of 32. Where one is a zero its sign is not known.
func BlockExtremes(hi, lo, x []float32) {
	n := len(x) / cutBlock
	if n > 0 {
		blockExtremes.best(hi[:n], lo[:n], x[:n*cutBlock])
	}
}

// Cuts writes codes (x + min)·factor + bias, cut towards zero, from 0 to hi; each block has a factor and a min.
func Cuts(dst []uint8, x, factor, min []float32, bias, hi float32) {
	n := len(x) / cutBlock
	if n > 0 {
		cuts.best(dst[:n*cutBlock], x[:n*cutBlock], factor[:n], min[:n], bias, hi)
	}
}

type cutsBody func(dst []uint8, x, factor, min []float32, bias, hi float32)

var (
	blockExtremes = portable(blockExtremesPortable)
	cuts          = portable(cutsBody(cutsPortable))
)

func blockExtremesPortable(hi, lo, x []float32) {
	for b := range hi {
		block := x[b*cutBlock:][:cutBlock]
		most, least := block[0], block[0]
		for _, v := range block {
			most, least = max(most, v), min(least, v)
		}
		hi[b], lo[b] = most, least
	}
}

func cutsPortable(dst []uint8, x, factor, low []float32, bias, hi float32) {
	for i, v := range x {
		dst[i] = uint8(min(max(float32((v+low[i/cutBlock])*factor[i/cutBlock])+bias, 0), hi))
	}
}

// cutsOf makes a body of an assembly function.
func cutsOf(f func(dst *uint8, x, factor, min *float32, blocks uintptr, bias, hi float32)) cutsBody {
	return func(dst []uint8, x, factor, min []float32, bias, hi float32) {
		f(&dst[0], &x[0], &factor[0], &min[0], uintptr(len(factor)), bias, hi)
	}
}

func blockExtremesOf(f func(hi, lo, x *float32, blocks uintptr)) func(hi, lo, x []float32) {
	return func(hi, lo, x []float32) { f(&hi[0], &lo[0], &x[0], uintptr(len(hi))) }
}
