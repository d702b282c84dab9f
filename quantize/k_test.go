package quantize

import (
	"hash/fnv"
	"math"
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

var kTypes = []*Type{Q2_K, Q3_K, Q4_K, Q5_K, Q6_K}

// TestGainK holds the default search to what was measured when it was written: how much less weighted squared error than
// llama-quantize, on normally distributed weights and on such with heavy tails, without importance and with it.
func TestGainK(t *testing.T) {
	const n = 1 << 15
	inputs := [][]float32{normal(n), heavyTailed(n)}
	importance := lognormal(n)
	for q, want := range map[*Type][4]float64{
		Q2_K: {0.229, 0.048, 0.283, 0.078},
		Q3_K: {0.094, 0.025, 0.095, 0.026},
		Q4_K: {0.050, 0.049, 0.060, 0.068},
		Q5_K: {0.108, 0.135, 0.112, 0.166},
		Q6_K: {0.131, 0.172, 0.123, 0.154},
	} {
		for i, want := range want {
			x, imp := inputs[i/2], [][]float32{nil, importance}[i%2]
			size, _ := q.Size(n)
			ref, best := make([]byte, size), make([]byte, size)
			q.Ggml(ref, x, imp)
			q.Encode(best, x, imp)
			gain := 1 - blockLoss(q, x, imp, best)/blockLoss(q, x, imp, ref)
			t.Logf("%s, heavy tails %v, importance %v: %.2f %%", q.Name, i/2 == 1, imp != nil, 100*gain)
			if gain < want {
				t.Errorf("%s, input %d, importance %v: %.2f %% less error than llama-quantize, want %.2f", q.Name, i/2, imp != nil, 100*gain, 100*want)
			}
		}
	}
}

// blockLoss is the sum over blocks of the relative squared error, by the encoder's objective.
func blockLoss(q *Type, x, importance []float32, code []byte) (sum float64) {
	w, y := weights(q, x, importance), decoded(q, code, len(x))
	for b := 0; b < len(x); b += q.Block {
		l, size := loss(w[b:b+q.Block], x[b:b+q.Block], y[b:b+q.Block])
		sum += l / size
	}
	return sum
}

// heavyTailed is Student's t with four degrees of freedom.
func heavyTailed(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 9))
	x := make([]float32, n)
	for i := range x {
		c := 0.0
		for range 4 {
			g := r.NormFloat64()
			c += g * g
		}
		x[i] = float32(0.02 * r.NormFloat64() / math.Sqrt(c/4))
	}
	return x
}

// Blocks that leave a search little to hold on to.
var hard = map[string]func(i int, r *rand.Rand) float32{
	"zeros":        func(i int, r *rand.Rand) float32 { return 0 },
	"constant":     func(i int, r *rand.Rand) float32 { return 0.3 },
	"negative":     func(i int, r *rand.Rand) float32 { return -0.3 - r.Float32() },
	"positive":     func(i int, r *rand.Rand) float32 { return 5 + r.Float32() },
	"two values":   func(i int, r *rand.Rand) float32 { return float32(i*7%5&1) - 0.5 },
	"lattice":      func(i int, r *rand.Rand) float32 { return float32(r.IntN(16)-8) / 8 },
	"one outlier":  func(i int, r *rand.Rand) float32 { return float32(r.NormFloat64()) + 1000*float32(1-min(1, i%512)) },
	"sparse":       func(i int, r *rand.Rand) float32 { return float32(r.NormFloat64()) * float32(1-min(1, r.IntN(30))) },
	"empty groups": func(i int, r *rand.Rand) float32 { return float32(r.NormFloat64()) * float32(i/32&1) },
	"magnitudes":   func(i int, r *rand.Rand) float32 { return float32(math.Ldexp(r.NormFloat64(), i/16%24-16)) },
	"below tiny":   func(i int, r *rand.Rand) float32 { return float32(1e-16 * r.NormFloat64()) },
	"denormal":     func(i int, r *rand.Rand) float32 { return float32(1e-40 * r.NormFloat64()) },
	"small halves": func(i int, r *rand.Rand) float32 { return float32(3e-6 * r.NormFloat64()) },
	"large":        func(i int, r *rand.Rand) float32 { return float32(2e4 * r.NormFloat64()) },
}

// With more effort on no super-block more error than ggml's, whatever it holds and whatever importance says; by default, where types search without
// ggml's candidate, a fifth at most, what halves round away apart.
func TestHardBlocks(t *testing.T) {
	const n = 4 * super
	for name, value := range hard {
		r := rand.New(rand.NewPCG(7, 8))
		x := make([]float32, n)
		for i := range x {
			x[i] = value(i, r)
		}
		some := lognormal(n)
		clear(some[16:48])
		clear(some[super : 2*super])
		one := make([]float32, n)
		one[3], one[super+40] = 1e-20, 1e20
		for _, importance := range [][]float32{nil, lognormal(n), some, one, make([]float32, n)} {
			for _, q := range kTypes {
				size, _ := q.Size(n)
				ref, best := make([]byte, size), make([]byte, size)
				q.Ggml(ref, x, importance)
				harmless(t, q, best, x, importance)
				w, y, z := weights(q, x, importance), decoded(q, best, n), decoded(q, ref, n)
				q.Encoder(2)(best, x, importance)
				more, slack := decoded(q, best, n), 1.0
				if slackOf[q] > 0 {
					slack = 6. / 5
				}
				for b := 0; b < n; b += super {
					mine, all := loss(w[b:b+super], x[b:b+super], y[b:b+super])
					theirs, _ := loss(w[b:b+super], x[b:b+super], z[b:b+super])
					longer, _ := loss(w[b:b+super], x[b:b+super], more[b:b+super])
					if longer > theirs || mine > slack*theirs+all/(1<<18) {
						t.Errorf("%s of %s, block %d: error %g, with more effort %g, ggml's %g, ratio %g", q.Name, name, b/super, mine, longer, theirs, mine/theirs)
					}
				}
			}
		}
	}
}

// Columns that calibration never saw are kept, be it a few, groups of them or whole blocks; ggml makes zeros of such groups in
// Q3_K and Q6_K.
func TestUnseenGroups(t *testing.T) {
	const n = 4 * super
	x, importance := normal(n), lognormal(n)
	clear(importance[10:70])
	clear(importance[super : 2*super])
	for i := range importance[2*super : 3*super] {
		importance[2*super+i] *= float32(i & 1)
	}
	unseen := make([]float32, n)
	for i, v := range importance {
		if v == 0 {
			unseen[i] = 1
		}
	}
	for _, q := range kTypes {
		size, _ := q.Size(n)
		code := make([]byte, size)
		q.Encode(code, x, importance)
		y := decoded(q, code, n)
		for b := 0; b < 3*super; b += super {
			if e := relative(loss(unseen[b:b+super], x[b:b+super], y[b:b+super])); e > min(0.5, 4*q.MaxRMSE) {
				t.Errorf("%s: relative error %g where importance says nothing", q.Name, e)
			}
		}
	}
}

// The bytes of the default encoders, on every machine. A change of an encoder changes its line here, knowingly.
func TestKSameEverywhere(t *testing.T) {
	const n = 1 << 12
	x, importance := dull(n, 1), dull(n, 2)
	for i, v := range importance {
		importance[i] = v * v
	}
	for q, want := range map[*Type][2]uint32{
		Q2_K: {0xb570e4d4, 0x2b45be49},
		Q3_K: {0xa3a47eb4, 0x12f3d236},
		Q4_K: {0xc776a33a, 0x57fa96b8},
		Q5_K: {0x4c1625be, 0x9f1741bc},
		Q6_K: {0xb5a20eed, 0x560abf64},
	} {
		for i, want := range want {
			size, _ := q.Size(n)
			code := make([]byte, size)
			q.Encode(code, x, [][]float32{nil, importance}[i])
			h := fnv.New32a()
			h.Write(code)
			if got := h.Sum32(); got != want {
				t.Errorf("%s, importance %v: %#x, not %#x", q.Name, i == 1, got, want)
			}
		}
	}
}

// A row costs the same memory however long it is.
func TestKAllocations(t *testing.T) {
	const n = 16 * super
	x, importance := normal(n), lognormal(n)
	for _, q := range kTypes {
		size, _ := q.Size(n)
		code, y := make([]byte, size), make([]float32, n)
		if a := testing.AllocsPerRun(5, func() {
			q.Encode(code, x, importance)
			q.Encode(code, x, nil)
			q.Ggml(code, x, importance)
			q.Ggml(code, x, nil)
			q.Decode(y, code)
		}); a > 5 {
			t.Errorf("%s: %g allocations", q.Name, a)
		}
	}
}
