package bench

import (
	"context"
	"math/rand"
	"sync"

	"quern/internal/kernel"
	"quern/quantize"
)

// machine measures the limits: copying memory that no cache holds, and multiply-adds in registers.
func machine(_ context.Context, r *Report, opt Options) error {
	size := share(opt) / 2
	copies := rate(opt, func() func() {
		a, b := present(size), present(size)
		return func() { copy(b, a) }
	})
	r.CopyGBs = copies * 2 * float64(size) / 1e9
	r.Float32 = peak(opt, kernel.PeakF32)
	r.Int8 = peak(opt, kernel.PeakI8)
	return nil
}

func peak(opt Options, f func(n int) (operations float64)) float64 {
	const n = 20000
	return rate(opt, func() func() { return func() { f(n) } }) * f(n) / 1e9
}

// products measures the float32 product as the forward pass calls it: 512 tokens, weights packed already.
func products(_ context.Context, r *Report, opt Options) error {
	for _, k := range []int{1024, 4096} {
		const m = 512
		calls := rate(opt, func() func() {
			x, panel, dst := noise(m*k), noise(k*kernel.Lanes), make([]float32, m*kernel.Lanes)
			return func() { kernel.MatMulF32(dst, kernel.Lanes, x, k, panel, kernel.Lanes, m, k, false) }
		})
		gops := calls * 2 * float64(m*k*kernel.Lanes) / 1e9
		r.Products = append(r.Products, Rate{map[int]string{1024: "float32, 512×1024×32", 4096: "float32, 512×4096×32"}[k], gops, gops / r.Float32})
	}
	return nil
}

func encoders(_ context.Context, r *Report, opt Options) error {
	mem := farOf(opt)
	for _, t := range quantize.Types() {
		if t.Encode == nil || rowWeights%t.Block != 0 {
			continue
		}
		size, _ := t.Size(rowWeights)
		c := Coder{Type: t.Name}
		c.Mweights, c.PartCopy = perWeight(r, opt, mem, 4*rowWeights+size, func(m *far, row int) {
			encode(m.codes(row, size), t, m.weights(row), quantize.EffortDefault)
		})
		c.BF16, c.BF16Part = perWeight(r, opt, mem, 2*rowWeights+size, func(m *far, row int) {
			kernel.BF16ToF32(m.row[:], m.halves(row))
			encode(m.codes(row, size), t, m.row[:], quantize.EffortDefault)
		})
		if t.Ggml != nil {
			c.Ggml, c.GgmlPart = perWeight(r, opt, mem, 4*rowWeights+size, func(m *far, row int) {
				encode(m.codes(row, size), t, m.weights(row), quantize.EffortGgml)
			})
		}
		r.Encoders = append(r.Encoders, c)
	}
	return nil
}

// perWeight measures what goes through memory row by row: how many million weights a second, and what part of copying the bytes of a row are, read and
// written.
func perWeight(r *Report, opt Options, mem []*far, bytes int, f func(m *far, row int)) (mweights, part float64) {
	thread := 0
	rows := rate(opt, func() func() {
		m := mem[thread]
		thread++
		return func() { f(m, m.next()) }
	})
	return rows * rowWeights / 1e6, rows * float64(bytes) / 1e9 / r.CopyGBs
}

// encode writes a row of noise.
func encode(dst []byte, t *quantize.Type, x []float32, effort int) {
	if err := quantize.Rows(dst, t, x, rowWeights, importanceFor(t), effort); err != nil {
		panic(err) // its own numbers
	}
}

// importanceFor is importance for the types that nobody encodes without.
func importanceFor(t *quantize.Type) []float32 {
	if !t.NeedsImportance {
		return nil
	}
	return evenly
}

var evenly = func() []float32 {
	w := make([]float32, rowWeights)
	for i := range w {
		w[i] = 1
	}
	return w
}()

func decoders(_ context.Context, r *Report, opt Options) error {
	mem := farOf(opt)
	for _, t := range quantize.Types() {
		if t.Decode == nil || t.Encode == nil || rowWeights%t.Block != 0 {
			continue
		}
		size, _ := t.Size(rowWeights)
		code := encoded(t, 1)
		for _, m := range mem {
			for row := range len(m.x) / rowWeights {
				copy(m.codes(row, size), code)
			}
		}
		c := Coder{Type: t.Name}
		c.Mweights, c.PartCopy = perWeight(r, opt, mem, 4*rowWeights+size, func(m *far, row int) {
			t.Decode(m.weights(row), m.codes(row, size))
		})
		r.Decoders = append(r.Decoders, c)
	}
	return nil
}

// encoded is some rows of noise in a type.
func encoded(t *quantize.Type, n int) []byte {
	size, _ := t.Size(rowWeights)
	code := make([]byte, n*size)
	effort := quantize.EffortDefault
	if t.Ggml != nil {
		effort = quantize.EffortGgml
	}
	encode(code, t, noise(n*rowWeights), effort)
	return code
}

// noise is n numbers, bell-shaped and the same every time. Nobody writes to them.
func noise(n int) []float32 { return allNoise()[:n] }

var allNoise = sync.OnceValue(func() []float32 {
	r := rand.New(rand.NewSource(1))
	x := make([]float32, 4<<20)
	for i := range x {
		x[i] = float32(r.NormFloat64() * 0.02)
	}
	return x
})
