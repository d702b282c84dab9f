package bench

import (
	"context"
	"math/rand"
	"sync"

	"quern/internal/kernel"
	"quern/quantize"
)

// machine measures the limits: copying memory beyond the caches, and multiply-adds in registers.
func machine(_ context.Context, r *Report, opt Options) error {
	const size = 64 << 20
	copies := rate(opt, func() func() {
		a, b := make([]byte, size), make([]byte, size)
		return func() { copy(b, a) }
	})
	r.CopyGBs = copies * 2 * size / 1e9
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

// rowsOfMemory is a run of rows as the streaming writer hands them to encoders: larger than a core's own caches.
const rowWeights, rows = 4096, 256

func encoders(_ context.Context, r *Report, opt Options) error {
	for _, t := range quantize.Types() {
		if t.Encode == nil || rowWeights%t.Block != 0 {
			continue
		}
		size, _ := t.Size(rowWeights)
		per := func(effort int) (mweights, part float64) {
			calls := rate(opt, func() func() {
				x, dst, at := noise(rows*rowWeights), make([]byte, rows*size), 0
				return func() {
					if err := quantize.Rows(dst[at*size:][:size], t, x[at*rowWeights:][:rowWeights], rowWeights, importanceFor(t), effort); err != nil {
						panic(err) // its own numbers
					}
					at = (at + 1) % rows
				}
			})
			return calls * rowWeights / 1e6, calls * float64(4*rowWeights+size) / 1e9 / r.CopyGBs
		}
		c := Coder{Type: t.Name}
		c.Mweights, c.PartCopy = per(quantize.EffortDefault)
		if t.Ggml != nil {
			c.Ggml, c.GgmlPart = per(quantize.EffortGgml)
		}
		r.Encoders = append(r.Encoders, c)
	}
	return nil
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
	for _, t := range quantize.Types() {
		if t.Decode == nil || t.Encode == nil || rowWeights%t.Block != 0 {
			continue
		}
		size, _ := t.Size(rowWeights)
		code := encoded(t, 1)
		calls := rate(opt, func() func() {
			x, src, at := make([]float32, rows*rowWeights), make([]byte, rows*size), 0
			for i := range rows {
				copy(src[i*size:], code)
			}
			return func() {
				t.Decode(x[at*rowWeights:][:rowWeights], src[at*size:][:size])
				at = (at + 1) % rows
			}
		})
		r.Decoders = append(r.Decoders, Coder{Type: t.Name, Mweights: calls * rowWeights / 1e6,
			PartCopy: calls * float64(4*rowWeights+size) / 1e9 / r.CopyGBs})
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
	if err := quantize.Rows(code, t, noise(n*rowWeights), rowWeights, importanceFor(t), effort); err != nil {
		panic(err) // its own numbers
	}
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
