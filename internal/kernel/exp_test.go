package kernel

import (
	"math"
	"math/rand"
	"testing"
)

func TestExp(t *testing.T) {
	worst := 0.0
	for x := -103.9; x < 88.7; x += 0.00173 {
		v := float32(x)
		want := math.Exp(float64(v))
		ulp := math.Max(math.Ldexp(1, -149), math.Abs(float64(math.Nextafter32(float32(want), math.MaxFloat32))-float64(float32(want))))
		worst = math.Max(worst, math.Abs(float64(Exp(v))-want)/ulp)
	}
	if worst > 2 {
		t.Errorf("Exp is wrong by %.2f units in the last place", worst)
	}
	inf := float32(math.Inf(1))
	if Exp(0) != 1 || Exp(-inf) != 0 || Exp(inf) != inf || Exp(200) != inf || Exp(-200) != 0 || Exp(float32(math.NaN())) == Exp(float32(math.NaN())) {
		t.Error("Exp of 0, an infinity or NaN is wrong")
	}
}

func TestReductions(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	x := random(r, 600)
	for i := range x {
		if x[i] > 80 {
			x[i] = 80
		}
	}
	lengths := func(test func(x []float32)) {
		for n := 1; n < 140; n++ {
			test(x[n%7 : n%7+n])
		}
		test(x[3:])
	}
	t.Run("ExpSum", func(t *testing.T) {
		each(t, expSum, func(t *testing.T, f, p func(dst, src []float32, max float32) float64) {
			lengths(func(x []float32) {
				got, check := guarded(len(x))
				want := make([]float32, len(x))
				a, b, c := f(got, x, 1.5), p(want, x, 1.5), f(nil, x, 1.5)
				check()
				same(t, "exp", got, want)
				if a != b || a != c {
					t.Fatalf("sum of %d: %g and %g, portable %g", len(x), a, c, b)
				}
			})
		})
	})
	t.Run("SumSquares", func(t *testing.T) {
		each(t, sumSquares, func(t *testing.T, f, p func([]float32) float64) {
			lengths(func(x []float32) {
				if a, b := f(x), p(x); a != b {
					t.Fatalf("%d: %g, portable %g", len(x), a, b)
				}
			})
		})
	})
	t.Run("extremes", func(t *testing.T) {
		each(t, extremes, func(t *testing.T, f, p func([]float32) (hi, lo float32)) {
			lengths(func(x []float32) {
				hi, lo := f(x)
				if a, b := p(x); a != hi || b != lo {
					t.Fatalf("%d: %g and %g, portable %g and %g", len(x), hi, lo, a, b)
				}
			})
		})
	})
	t.Run("SiluMul", func(t *testing.T) {
		each(t, siluMul, func(t *testing.T, f, p func(gate, up []float32)) {
			lengths(func(x []float32) {
				up := random(r, len(x))
				got, check := guarded(len(x))
				want := append([]float32(nil), x...)
				copy(got, x)
				f(got, up)
				check()
				p(want, up)
				same(t, "silu", got, want)
			})
		})
	})
	t.Run("GeluTanh", func(t *testing.T) {
		each(t, geluTanh, func(t *testing.T, f, p func(x []float32)) {
			lengths(func(x []float32) {
				got, check := guarded(len(x))
				want := append([]float32(nil), x...)
				copy(got, x)
				f(got)
				check()
				p(want)
				same(t, "gelu", got, want)
			})
		})
	})
	t.Run("scale", func(t *testing.T) {
		each(t, scale, func(t *testing.T, f, p func([]float32, float32)) {
			lengths(func(x []float32) {
				got, check := guarded(len(x))
				want := append([]float32(nil), x...)
				copy(got, x)
				f(got, 0.37)
				check()
				p(want, 0.37)
				same(t, "scale", got, want)
			})
		})
	})
}

func TestSoftmax(t *testing.T) {
	x := []float32{1, 2, 3, -1000}
	Softmax(x)
	for i, want := range []float64{0.09003057317, 0.24472847105, 0.66524095577, 0} {
		if math.Abs(float64(x[i])-want) > 1e-7 {
			t.Errorf("softmax %d = %g, want %g", i, x[i], want)
		}
	}
	if got := LogSumExp([]float32{1000, 1000}); math.Abs(got-1000-math.Ln2) > 1e-6 {
		t.Errorf("LogSumExp = %g", got)
	}
}

// The largest and the smallest element know neither where a NaN stood nor which zero came first.
func TestExtremesOfNaNAndZeros(t *testing.T) {
	nan, negative := float32(math.NaN()), float32(math.Copysign(0, -1))
	each(t, extremes, func(t *testing.T, f, p func([]float32) (hi, lo float32)) {
		for _, n := range []int{1, 7, 16, 17, 32, 50} {
			for at := range n {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(1 + (i*7)%n)
				}
				x[at] = nan
				if hi, lo := f(x); hi == hi || lo == lo {
					t.Fatalf("NaN at %d of %d: %g and %g", at, n, hi, lo)
				}
				for i := range x {
					x[i] = negative
				}
				x[n-1-at] = 0
				if hi, lo := f(x); math.Float32bits(hi) != 0 || math.Float32bits(lo) != 0 {
					t.Fatalf("zeros: %08x and %08x", math.Float32bits(hi), math.Float32bits(lo))
				}
			}
		}
	})
}

func TestLog(t *testing.T) {
	r := rand.New(rand.NewSource(10))
	for i := range 200000 {
		x := math.Float64frombits(r.Uint64() &^ (1 << 63))
		switch i % 4 {
		case 1:
			x = math.Exp(r.Float64() * 20)
		case 2:
			x = 1 + r.NormFloat64()/float64(int(1)<<r.Intn(50)+1)
		}
		if !(x > 0) || math.IsInf(x, 0) {
			continue
		}
		got, want := log(x), math.Log(x)
		if x < 0x1p-1022 {
			want = math.Log(x*0x1p60) - 60*math.Ln2 // on amd64 math.Log is wrong here
		}
		if ulp := math.Nextafter(math.Abs(want), math.Inf(1)) - math.Abs(want); math.Abs(got-want) > 3*ulp { // math.Log errs by one
			t.Fatalf("log(%g) = %g, want %g", x, got, want)
		}
	}
	inf := math.Inf(1)
	if log(1) != 0 || log(0) != -inf || log(inf) != inf || log(-1) == log(-1) || log(math.NaN()) == log(math.NaN()) {
		t.Error("log of 0, 1, an infinity or NaN is wrong")
	}
}

// Every body of the exponential, over its whole range and beyond: subnormal results, infinities, NaN.
func TestExpBodies(t *testing.T) {
	x := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), 88.72284, 88.8, 200, -104, -1e30}
	for v := float32(-106); v < 90; v += 0.0137 {
		x = append(x, v)
	}
	want := make([]float32, len(x))
	for i, v := range x {
		want[i] = Exp(v)
	}
	each(t, expSum, func(t *testing.T, f, p func(dst, src []float32, max float32) float64) {
		got := make([]float32, len(x))
		f(got, x, 0)
		same(t, "exp", got, want)
	})
	each(t, siluMul, func(t *testing.T, f, p func(gate, up []float32)) {
		got, silu := append([]float32(nil), x...), append([]float32(nil), x...)
		f(got, x)
		p(silu, x)
		same(t, "silu", got, silu)
	})
	each(t, geluTanh, func(t *testing.T, f, p func([]float32)) {
		got, gelu := append([]float32(nil), x...), append([]float32(nil), x...)
		f(got)
		p(gelu)
		same(t, "gelu", got, gelu)
	})
}

// GeluTanh against its definition in float64, near zero and far from it, infinities and NaN.
func TestGeluTanh(t *testing.T) {
	for v := -12.0; v < 12; v += 0.00171 {
		x := float64(float32(v))
		got := []float32{float32(x)}
		GeluTanh(got)
		want := x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		if math.Abs(float64(got[0])-want) > 2e-6*math.Max(math.Abs(want), 0.03) {
			t.Fatalf("GeluTanh(%g) = %g, want %g", x, got[0], want)
		}
	}
	x := []float32{float32(math.Inf(1)), float32(math.NaN()), 0, 1e30, -1e9, -50}
	GeluTanh(x)
	if !math.IsInf(float64(x[0]), 1) || x[1] == x[1] || x[2] != 0 || x[3] != 1e30 || x[4] != 0 || x[5] != 0 {
		t.Errorf("GeluTanh of what is far away is %v", x)
	}
}

func TestKernelsDoNotAllocate(t *testing.T) {
	x, up, half := make([]float32, 333), make([]float32, 333), make([]byte, 666)
	dst, panel := make([]float32, 5*Lanes), make([]float32, 70*Lanes)
	var small, large ActsI8
	small.Reset(5, 256, 32, 32)
	large.Reset(5, 256, 16, 256)
	outF64, inF64, panelF64 := make([]float64, 5*LanesF64), make([]float64, 5*60), make([]float64, 60*LanesF64)
	rows := make([]float32, 5*256)
	acts, weights := panelOf(rand.New(rand.NewSource(15)), 5, 256, 32, 256, false)
	for name, f := range map[string]func(){
		"Softmax":      func() { Softmax(x) },
		"LogSumExp":    func() { LogSumExp(x) },
		"SumSquares":   func() { SumSquares(x) },
		"SiluMul":      func() { SiluMul(x, up) },
		"GeluTanh":     func() { GeluTanh(x) },
		"Max":          func() { Max(x) },
		"F16":          func() { F32ToF16(half, x); F16ToF32(x, half) },
		"BF16":         func() { F32ToBF16(half, x); BF16ToF32(x, half) },
		"MatMulF32":    func() { MatMulF32(dst, Lanes, x, 60, panel, Lanes, 5, 60, false) },
		"SubF64":       func() { SubF64(outF64, LanesF64, inF64, 60, panelF64, 5, 60) },
		"MatMulI8":     func() { MatMulI8(dst, LanesI8, acts, 0, 5, weights, 0, 256) },
		"PackF32":      func() { PackF32(panel, rows, 19, 60) },
		"QuantizeQ8_0": func() { QuantizeQ8_0(&small, rows, 0, 5) },
		"QuantizeQ8_K": func() { QuantizeQ8_K(&large, rows, 0, 5) },
	} {
		f()
		if n := testing.AllocsPerRun(20, f); n != 0 {
			t.Errorf("%s allocates %g times", name, n)
		}
	}
}
