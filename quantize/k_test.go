package quantize

import (
	"math/rand/v2"
	"testing"
)

// naive are decoders that read one element at a time, straight from the tables of ggml's layouts.
var naive = map[string]func(p []byte, e int) float32{
	"Q2_K": func(p []byte, e int) float32 {
		q := p[16+e/128*32+e%32] >> (e % 128 / 32 * 2) & 3
		s := p[e/16]
		return float32(float32(halfAt(p[80:])*float32(s&15))*float32(q)) - float32(halfAt(p[82:])*float32(s>>4))
	},
	"Q3_K": func(p []byte, e int) float32 {
		q := int(p[32+e/128*32+e%32]>>(e%128/32*2)&3) + int(p[e%32]>>(e/32)&1)*4 - 4
		g := e / 16
		s := p[96+g%8] >> (g / 8 * 4) & 15
		s |= p[104+g%4] >> (g / 4 * 2) & 3 << 4
		return float32(halfAt(p[108:])*float32(int(s)-32)) * float32(q)
	},
	"Q4_K": func(p []byte, e int) float32 { return naiveSix(p, e, int(p[16+e/64*32+e%32]>>(e%64/32*4)&15)) },
	"Q5_K": func(p []byte, e int) float32 {
		return naiveSix(p, e, int(p[48+e/64*32+e%32]>>(e%64/32*4)&15)+int(p[16+e%32]>>(e/32)&1)*16)
	},
	"Q6_K": func(p []byte, e int) float32 {
		h, l, k := e/128, e%32, e%128/32
		low := p[64*h+32*(k&1)+l] >> (k / 2 * 4) & 15
		high := p[128+32*h+l] >> (2 * k) & 3
		return float32(halfAt(p[208:])*float32(int8(p[192+e/16]))) * float32(int(low|high<<4)-32)
	},
}

// naiveSix takes scale and minimum of element e out of the 12 packed bytes of Q4_K and Q5_K.
func naiveSix(p []byte, e, q int) float32 {
	b, j := p[4:16], e/32
	s, m := b[j%4]&63, b[j%4+4]&63
	if j >= 4 {
		s, m = b[j+4]&15|b[j-4]>>6<<4, b[j+4]>>4|b[j]>>6<<4
	}
	return float32(float32(halfAt(p)*float32(s))*float32(q)) - float32(halfAt(p[2:])*float32(m))
}

func TestLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, one := range naive {
		q := ByName(name)
		p, x := make([]byte, q.Bytes), make([]float32, q.Block)
		for range 50 {
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			q.Decode(x, p)
			want := make([]float32, q.Block)
			for e := range want {
				want[e] = one(p, e)
			}
			sameFloats(t, q, 0, x, want)
		}
	}
}

// TestGainK holds the default search to what was measured when it was written: how much less weighted error than llama-quantize.
func TestGainK(t *testing.T) {
	const n = 1 << 14
	x, importance := normal(n), lognormal(n)
	for name, want := range map[string][2]float64{"Q2_K": {0.065, 0.015}, "Q3_K": {0.035, 0.009}, "Q4_K": {0.014, 0.012}, "Q5_K": {0.04, 0.04}, "Q6_K": {0.02, 0.018}} {
		q := ByName(name)
		size, _ := q.Size(n)
		for i, imp := range [][]float32{nil, importance} {
			ref, best := make([]byte, size), make([]byte, size)
			q.Ggml(ref, x, imp)
			q.Encode(best, x, imp)
			w := weights(q, x, imp)
			gain := 1 - relative(loss(w, x, decoded(q, best, n)))/relative(loss(w, x, decoded(q, ref, n)))
			if gain < want[i] {
				t.Errorf("%s, importance %v: %.2f %% less error than llama-quantize, want %.2f", name, imp != nil, 100*gain, 100*want[i])
			}
		}
	}
}
