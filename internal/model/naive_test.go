package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A naive is a model as float64 matrices and the forward pass as its definition says, one sequence after the other. It
// shares no code with the package.
type naive struct {
	p    arch.Params
	neox bool
	w    map[string][]float64                            // by GGUF name
	acts func(x []float64, name string) []float64        // rounds the left factor of a product; nil: not at all
	rows func(w []float64, k int, name string) []float64 // rounds the right factor, rows of k; nil: not at all
	half func(x float64) float64                         // rounds keys and values; nil: not at all
}

// logits of one sequence, [tokens][V].
func (m *naive) logits(tokens []int32) [][]float64 {
	x := make([][]float64, len(tokens))
	for i, id := range tokens {
		x[i] = append([]float64(nil), m.w["token_embd.weight"][int(id)*m.p.Embd:][:m.p.Embd]...)
	}
	for l := range m.p.Layers {
		blk := func(name string) string { return layerName("blk.{}."+name, l) }
		var q, k, v [][]float64
		for pos := range x {
			h := m.norm(x[pos], blk("attn_norm.weight"))
			q = append(q, m.turn(m.mul(h, blk("attn_q")), pos))
			k = append(k, m.round(m.turn(m.mul(h, blk("attn_k")), pos)))
			v = append(v, m.round(m.mul(h, blk("attn_v"))))
		}
		for pos := range x {
			add(x[pos], m.mul(m.attend(q[pos], k, v, pos), blk("attn_output")))
			h := m.norm(x[pos], blk("ffn_norm.weight"))
			g, u := m.mul(h, blk("ffn_gate")), m.mul(h, blk("ffn_up"))
			for i := range g {
				g[i] = g[i] / (1 + math.Exp(-g[i])) * u[i]
			}
			add(x[pos], m.mul(g, blk("ffn_down")))
		}
	}
	head := "output"
	if m.p.Tied {
		head = "token_embd"
	}
	for pos := range x {
		x[pos] = m.mul(m.norm(x[pos], "output_norm.weight"), head)
	}
	return x
}

func (m *naive) mul(x []float64, name string) []float64 {
	w, bias := m.w[name+".weight"], m.w[name+".bias"]
	if m.acts != nil {
		x = m.acts(x, name+".weight")
	}
	if m.rows != nil {
		w = m.rows(w, len(x), name)
	}
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j := range x {
			y[i] += w[i*len(x)+j] * x[j]
		}
	}
	add(y[:len(bias)], bias)
	return y
}

func (m *naive) norm(x []float64, name string) []float64 {
	sum, y := 0.0, make([]float64, len(x))
	for _, v := range x {
		sum += v * v
	}
	for i, v := range x {
		y[i] = v / math.Sqrt(sum/float64(len(x))+float64(m.p.NormEps)) * m.w[name][i]
	}
	return y
}

func (m *naive) turn(x []float64, pos int) []float64 {
	d, half := m.p.HeadDim, m.p.RopeDim/2
	for h := 0; h < len(x); h += d {
		for i := range half {
			angle := float64(pos) * math.Pow(float64(m.p.RopeBase), -float64(2*i)/float64(m.p.RopeDim)) / float64(m.p.RopeScale)
			if m.p.RopeFactors != nil {
				angle /= float64(m.p.RopeFactors[i])
			}
			a, b := h+2*i, h+2*i+1
			if m.neox {
				a, b = h+i, h+i+half
			}
			s, c := math.Sincos(angle)
			x[a], x[b] = x[a]*c-x[b]*s, x[a]*s+x[b]*c
		}
	}
	return x
}

func (m *naive) round(x []float64) []float64 {
	for i := range x {
		if m.half != nil {
			x[i] = m.half(x[i])
		}
	}
	return x
}

func (m *naive) attend(q []float64, k, v [][]float64, pos int) []float64 {
	d, share := m.p.HeadDim, m.p.Heads/m.p.KVHeads
	out := make([]float64, len(q))
	for h := range m.p.Heads {
		at, sum := h/share*d, 0.0
		for j := 0; j <= pos; j++ {
			if m.p.Window > 0 && pos-j >= m.p.Window {
				continue
			}
			dot := 0.0
			for i := range d {
				dot += q[h*d+i] * k[j][at+i]
			}
			e := math.Exp(dot / math.Sqrt(float64(d)))
			sum += e
			for i := range d {
				out[h*d+i] += e * v[j][at+i]
			}
		}
		for i := range d {
			out[h*d+i] /= sum
		}
	}
	return out
}

func add(x, y []float64) {
	for i := range x {
		x[i] += y[i]
	}
}

// memory is Rows of a matrix that is there.
type memory struct {
	x    []float32
	cols int
}

func (m memory) ReadRows(dst []float32, row int) error {
	copy(dst, m.x[row*m.cols:][:len(dst)])
	return nil
}

// random makes a checkpoint of normally distributed weights. store gives each matrix its form.
func random(t testing.TB, p arch.Params, neox, bias bool, store func(t *formats.Tensor, x []float32)) (*arch.Bound, *naive) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	b := &arch.Bound{Arch: &arch.Arch{Layer: arch.Layer{RopeNeox: neox}}, Params: p}
	ref := &naive{p: p, neox: neox, w: map[string][]float64{}}
	for _, r := range arch.Llama.Tensors {
		matrix := len(r.Dims(&p)) == 2
		if r.Role == arch.RoleRopeFactors || r.Role == arch.RoleOutput && p.Tied || r.Flag != "" && !bias || r.When != nil && !r.When(&p, 0) {
			continue
		}
		for l, name := range layers(r.GGUF, p.Layers) {
			ts := &formats.Tensor{Name: name, Shape: r.Dims(&p), Type: quantize.ByName("F32")}
			x := make([]float32, ts.Elems())
			for i := range x {
				x[i] = float32(rng.NormFloat64())
				if matrix && r.Role != arch.RoleEmbed {
					x[i] *= float32(1.5 / math.Sqrt(float64(ts.Cols())))
				}
			}
			ts.Rows = memory{x, ts.Cols()}
			if matrix && store != nil {
				store(ts, x)
			}
			ref.w[name] = decoded(t, ts)
			b.Tensors = append(b.Tensors, ts)
			b.Origins = append(b.Origins, arch.Origin{Rule: &r, Layer: l})
		}
	}
	return b, ref
}
