package kernel

// What happens to single elements of a row between products. Every product is rounded before a sum.

var (
	add          = portable(addPortable)
	scaleBy      = portable(scaleByPortable)
	rotatePairs  = portable(rotatePairsPortable)
	rotateHalves = portable(rotateHalvesPortable)
)

// Add is x += h.
func Add(x, h []float32) { add.best(x, h[:len(x)]) }

func addPortable(x, h []float32) {
	for i := range x {
		x[i] += h[i]
	}
}

// ScaleBy is dst = x·f·by, in this order.
func ScaleBy(dst, x, by []float32, f float32) { scaleBy.best(dst[:len(x)], x, by[:len(x)], f) }

func scaleByPortable(dst, x, by []float32, f float32) {
	for i, v := range x {
		dst[i] = float32(v*f) * by[i]
	}
}

// RotatePairs turns (x[2i], x[2i+1]) by the angle of cos[i] and sin[i].
func RotatePairs(x, cos, sin []float32) { rotatePairs.best(x[:2*len(cos)], cos, sin[:len(cos)]) }

func rotatePairsPortable(x, cos, sin []float32) {
	for i, c := range cos {
		p := x[2*i : 2*i+2 : 2*i+2]
		a, b, s := p[0], p[1], sin[i]
		p[0] = float32(a*c) - float32(b*s)
		p[1] = float32(a*s) + float32(b*c)
	}
}

// RotateHalves turns (lo[i], hi[i]).
func RotateHalves(lo, hi, cos, sin []float32) {
	n := len(cos)
	rotateHalves.best(lo[:n], hi[:n], cos, sin[:n])
}

func rotateHalvesPortable(lo, hi, cos, sin []float32) {
	for i, c := range cos {
		a, b, s := lo[i], hi[i], sin[i]
		lo[i] = float32(a*c) - float32(b*s)
		hi[i] = float32(a*s) + float32(b*c)
	}
}
