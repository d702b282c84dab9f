package kernel

import (
	"fmt"
	"math/rand"
	"testing"

	"quern/internal/cpu"
)

// measure times every body of a kernel that this machine has; work is what one call does, in thousand millions of unit.
func measure[F any](b *testing.B, bodies *bodies[F], unit string, work float64, call func(f F)) {
	for _, o := range bodies.all {
		if o.feature != "portable" && !cpu.Has(o.feature) {
			continue
		}
		b.Run(o.feature, func(b *testing.B) {
			for b.Loop() {
				call(o.f)
			}
			b.ReportMetric(work*float64(b.N)/1e9/b.Elapsed().Seconds(), unit)
		})
	}
}

func filled(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%31)/16 - 1
	}
	return x
}

func BenchmarkMatMulF32(b *testing.B) {
	for _, s := range []struct{ m, k int }{{512, 1024}, {512, 4096}, {64, 4096}, {32, 64}} {
		b.Run(fmt.Sprintf("%dx%d", s.m, s.k), func(b *testing.B) {
			x, panel, dst := filled(s.m*s.k), filled(s.k*Lanes), make([]float32, s.m*Lanes)
			work := 2 * float64(s.m*s.k*Lanes)
			measure(b, matMulF32, "GFLOP/s", work, func(f func([]float32, int, []float32, int, []float32, int, int, int, bool)) {
				f(dst, Lanes, x, s.k, panel, Lanes, s.m, s.k, false)
			})
		})
	}
}

// Codes of the size that types have: which AVX2 function multiplies them depends on it.
func BenchmarkMatMulI8(b *testing.B) {
	const m, k = 60, 1024
	for _, s := range []struct {
		name                    string
		low, high, group, block int
		min                     bool
	}{{"Q8_0", -127, 127, 32, 32, false}, {"IQ4_XS", -127, 113, 32, 256, false}, {"IQ2_S", -43, 43, 16, 256, false}, {"Q6_K", -32, 31, 16, 256, false},
		{"Q5_0", -16, 15, 32, 32, false}, {"Q5_K", 0, 31, 32, 256, true}, {"Q4_0", -8, 7, 32, 32, false}, {"Q4_K", 0, 15, 32, 256, true},
		{"Q2_K", 0, 3, 16, 256, true}} {
		b.Run(s.name, func(b *testing.B) {
			r := rand.New(rand.NewSource(1))
			x, w := make([]int8, m*k), make([]int8, LanesI8*k)
			for i := range x {
				x[i] = int8(r.Intn(255) - 127)
			}
			for i := range w {
				w[i] = int8(s.low + r.Intn(s.high-s.low+1))
			}
			a, p := actsOf(r, x, k, s.group, s.block), put(r, w, k, s.group, s.block, s.min)
			dst := make([]float32, m*LanesI8)
			measure(b, matMulI8, "GOP/s", 2*m*k*LanesI8, func(f func([]float32, int, *ActsI8, int, int, *PanelI8, int, int)) {
				f(dst, LanesI8, a, 0, m, p, 0, k)
			})
		})
	}
}

const run = 4096 // elements of the kernels that walk a row

func BenchmarkHalf(b *testing.B) {
	x, h := filled(run), make([]byte, 2*run)
	decode := func(f func([]float32, []byte)) { f(x, h) }
	encode := func(f func([]byte, []float32)) { f(h, x) }
	b.Run("F32ToF16", func(b *testing.B) { measure(b, f32ToF16, "Gelem/s", run, encode) })
	b.Run("F16ToF32", func(b *testing.B) { measure(b, f16ToF32, "Gelem/s", run, decode) })
	b.Run("F32ToBF16", func(b *testing.B) { measure(b, f32ToBF16, "Gelem/s", run, encode) })
	b.Run("BF16ToF32", func(b *testing.B) { measure(b, bf16ToF32, "Gelem/s", run, decode) })
}

func BenchmarkRow(b *testing.B) {
	x, y := filled(run), filled(run)
	b.Run("ExpSum", func(b *testing.B) {
		measure(b, expSum, "Gelem/s", run, func(f func(dst, src []float32, max float32) float64) { f(y, x, 1) })
	})
	b.Run("SiluMul", func(b *testing.B) {
		g := filled(run)
		measure(b, siluMul, "Gelem/s", run, func(f func(gate, up []float32)) { f(g, x) })
	})
	b.Run("GeluTanh", func(b *testing.B) {
		measure(b, geluTanh, "Gelem/s", run, func(f func([]float32)) { f(x) })
	})
	b.Run("SumSquares", func(b *testing.B) {
		measure(b, sumSquares, "Gelem/s", run, func(f func([]float32) float64) { f(x) })
	})
	b.Run("extremes", func(b *testing.B) {
		measure(b, extremes, "Gelem/s", run, func(f func([]float32) (hi, lo float32)) { f(x) })
	})
}

func BenchmarkPack(b *testing.B) {
	w, panel := filled(Lanes*run), make([]float32, Lanes*run)
	b.Run("F32", func(b *testing.B) {
		measure(b, pack8, "Gelem/s", 8*run, func(f func(panel, w []float32, k int)) { f(panel, w, run) })
	})
	b.Run("I8", func(b *testing.B) {
		p := PanelI8{}
		rows := RowsI8{Code: make([]int8, LanesI8*run), Scale: filled(LanesI8 * run / 32), Min: filled(LanesI8 * run / 32), Ld: run, LdBlock: run / 32}
		for b.Loop() {
			p.Reset(run, 32, 32)
			p.Put(0, run, &rows)
		}
		b.ReportMetric(LanesI8*run*float64(b.N)/1e9/b.Elapsed().Seconds(), "Gelem/s")
	})
}

func BenchmarkQuantize(b *testing.B) {
	x := filled(16 * run)
	for _, c := range roundings {
		b.Run(c.name, func(b *testing.B) {
			var a ActsI8
			a.Reset(16, run, 32, c.block)
			for b.Loop() {
				c.f(&a, x, 0, 16)
			}
			b.ReportMetric(16*run*float64(b.N)/1e9/b.Elapsed().Seconds(), "Gelem/s")
		})
	}
}
