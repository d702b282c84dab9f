package quantize

import "math"

// The default search of MXFP4 and NVFP4. A scale is one of 256, so the ones about the obvious are simply tried, each with the codes
// that are nearest then, and the one with the least weighted error is kept.

var (
	weighMXFP4 = weighEach(flat, 0)
	weighNVFP4 = weighEach(64, 0)
)

// nearFP4 is the number nearest to half of its index: middles lie at halves, and a middle loses the same on either side.
var nearFP4 = func() (t [32]float32) {
	for i := range t {
		t[i] = float32(valuesFP4[magnitudeFP4(float32(i)/2+0.25, 1)])
	}
	return t
}()

// lossFP4 is the weighted error of the nearest codes where d is half the scale.
func lossFP4(x, w []float32, d float32) (sum float64) {
	inv := min(inverse(d), 1e38) // of the smallest d there is none
	w = w[:len(x)]
	for i, v := range x {
		a := absolute(v)
		near := nearFP4[uint32(min(float32(2*inv)*a, 31))&31]
		e := float64(a) - float64(near*d)
		sum += float64(float64(w[i]) * float64(e*e))
	}
	return sum
}

func encodeMXFP4(dst []byte, src, importance []float32) {
	var x, w [flat]float32
	var q [flat]uint8
	for ; len(src) >= flat; dst, src = dst[17:], src[flat:] {
		tame(x[:], src[:flat])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:flat], importance[flat:]
		}
		weighMXFP4(w[:], x[:], imp)
		ggmlMXFP4(dst, x[:], nil)
		first := int(dst[0])
		best, least := first, lossFP4(x[:], w[:], halfE8M0(dst[0]))
		for e := max(first-4, 0); e <= min(first+2, 254); e++ {
			if loss := lossFP4(x[:], w[:], halfE8M0(uint8(e))); loss < least {
				best, least = e, loss
			}
		}
		dst[0] = uint8(best)
		for i, v := range x {
			q[i] = codeFP4(v, halfE8M0(dst[0]))
		}
		putNibbles(dst[1:], &q)
	}
}

// reachNVFP4 is how far from ggml's the scales lie that are tried: down to about half of it, and up as far as codes go for a
// group of which one weight stands out. Where ggml's is tiny, so are the others.
const (
	belowNVFP4 = 8
	aboveNVFP4 = 5
)

func encodeNVFP4(dst []byte, src, importance []float32) {
	var x, w [64]float32
	for ; len(src) >= 64; dst, src = dst[36:], src[64:] {
		tame(x[:], src[:64])
		var imp []float32
		if importance != nil {
			imp, importance = importance[:64], importance[64:]
		}
		weighNVFP4(w[:], x[:], imp)
		for g := range 4 {
			x, w := x[16*g:][:16], w[16*g:][:16]
			var top float32
			for _, v := range x {
				top = max(top, absolute(v))
			}
			first := int(ue4m3(top / 6))
			best, least := first, math.Inf(1)
			for c := max(first-belowNVFP4, 0); c <= min(first+aboveNVFP4, 0x7e); c++ {
				if loss := lossFP4(x, w, halfUE4M3(uint8(c))); loss < least {
					best, least = c, loss
				}
			}
			dst[g] = uint8(best)
			putFP4(dst[4+8*g:], x, halfUE4M3(dst[g]))
		}
	}
}
