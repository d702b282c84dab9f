package kernel

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand"
	"testing"
)

// The results of all kernels as one number, the same on every architecture. Comparing bodies with the portable one cannot see
// what the compiler makes of that one elsewhere: on arm64 it fuses products with sums.
func TestTheSameBitsOnEveryMachine(t *testing.T) {
	const want = 0xdbca114ca36d3c2f
	h := fnv.New64a()
	put := func(x ...any) {
		for _, v := range x {
			if err := binary.Write(h, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := rand.New(rand.NewSource(16))
	numbers := func(n int) []float32 { // exact operations only
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Ldexp(float64(r.Intn(1<<24)-1<<23), r.Intn(10)-28))
		}
		return x
	}
	const m, k = 7, 512
	x, w := numbers(m*k), numbers(Lanes*k)
	panel, dst := make([]float32, k*Lanes), make([]float32, m*Lanes)
	PackF32(panel, w, Lanes, k)
	MatMulF32(dst, Lanes, x, k, panel, Lanes, m, k, false)
	put(dst)
	for _, c := range roundings {
		var a ActsI8
		var p PanelI8
		a.Reset(m, k, 32, c.block)
		c.f(&a, x, 0, m)
		put(a.Code, a.Scale, a.Sum, a.Start, a.Pair)
		code := make([]int8, LanesI8*k)
		for i := range code {
			code[i] = int8(r.Intn(256) - 128)
		}
		sub := make([]int16, LanesI8*k/32)
		for i := range sub {
			sub[i] = int16(r.Intn(256) - 128)
		}
		p.Reset(k, 32, c.block)
		p.Put(0, k, &RowsI8{Code: code, Scale: numbers(LanesI8 * k / c.block), Min: numbers(LanesI8 * k / c.block), Sub: sub, SubMin: sub, Ld: k, LdGroup: k / 32, LdBlock: k / c.block})
		MatMulI8(dst, LanesI8, &a, 0, m, &p, 0, k)
		put(dst[:m*LanesI8])
	}
	near, code := make([]float32, 256), make([]int8, 256) // products beside halves, where fusing shows
	for range 200 {
		scale := 0.5 + r.Float32()
		for i := range near {
			near[i] = (float32(r.Intn(254)-127) + 0.5) / scale
		}
		roundI8.best(code, near, scale)
		put(code)
	}
	half := make([]byte, 2*len(x))
	F32ToF16(half, x)
	put(half)
	F32ToBF16(half, x)
	put(half)
	put(Max(x), SumSquares(x), LogSumExp(x[:100]), Exp(x[0]))
	SiluMul(x[:301], w[:301])
	Softmax(w[:999])
	put(x[:301], w[:999])
	if got := h.Sum64(); got != want {
		t.Errorf("the kernels' results sum up to %#x, want %#x", got, uint64(want))
	}
}
