package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"testing"

	"quern/internal/cpu"
)

// each runs a test for every body but the portable one, against it.
func each[F any](t *testing.T, b *bodies[F], test func(t *testing.T, f, portable F)) {
	for _, o := range b.all {
		t.Run(o.feature, func(t *testing.T) {
			if o.feature != "portable" && !cpu.Has(o.feature) {
				if cpu.Required(o.feature) {
					t.Fatalf("%s is required and this machine cannot run it", o.feature)
				}
				t.Skipf("this machine cannot run %s", o.feature)
			}
			test(t, o.f, b.all[0].f)
		})
	}
}

const canary = float32(12345.678)

// guarded is a slice of n floats between canaries; the check panics where one was written over.
func guarded(n int) ([]float32, func()) {
	all := make([]float32, n+64)
	for i := range all {
		all[i] = canary
	}
	return all[32 : 32+n : 32+n], func() {
		for i, v := range all {
			if (i < 32 || i >= 32+n) && v != canary {
				panic(fmt.Sprintf("element %d outside a slice of %d was written", i-32, n))
			}
		}
	}
}

// random is a mix of ordinary numbers, zeros and extremes.
func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch r.Intn(20) {
		case 0:
			x[i] = 0
		case 1:
			x[i] = float32(math.Ldexp(r.NormFloat64(), r.Intn(60)-30))
		default:
			x[i] = float32(r.NormFloat64())
		}
	}
	return x
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: element %d is %g (%08x), portable %g (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestFMAIsRoundedOnce(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	pick := func() float32 {
		switch r.Intn(4) {
		case 0:
			return math.Float32frombits(r.Uint32())
		case 1:
			return float32(r.Intn(1<<24)) / (1 << 12)
		}
		return float32(math.Ldexp(1+float64(r.Intn(16))/16, r.Intn(40)-20))
	}
	for range 300000 {
		x, y, z := pick(), pick(), pick()
		if r.Intn(3) == 0 {
			z = -x * y // cancellation
		}
		got := fma(x, y, z)
		if p := float64(x)*float64(y) + float64(z); math.IsNaN(p) || math.IsInf(p, 0) {
			if want := float32(p); got != want && got == got {
				t.Fatalf("fma(%g,%g,%g) = %g, want %g", x, y, z, got, want)
			}
			continue
		}
		exact := new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
		exact.Add(exact.SetPrec(2000), big.NewFloat(float64(z)))
		if want, _ := exact.Float32(); got != want {
			t.Fatalf("fma(%g,%g,%g) = %g, want %g", x, y, z, got, want)
		}
	}
}

func TestHalfConversions(t *testing.T) {
	all := make([]byte, 2<<16)
	for i := range 1 << 16 {
		all[2*i], all[2*i+1] = byte(i), byte(i>>8)
	}
	decode := func(t *testing.T, f, p func([]float32, []byte)) {
		for off := range 9 {
			n := 1<<16 - 3*off
			got, check := guarded(n)
			f(got, all[2*off:2*(off+n)])
			check()
			want := make([]float32, n)
			p(want, all[2*off:2*(off+n)])
			for i := range want { // the bits of NaN too: they reach files
				if a, b := math.Float32bits(got[i]), math.Float32bits(want[i]); a != b {
					t.Fatalf("element %d is %08x, portable %08x", i, a, b)
				}
			}
		}
	}
	t.Run("F16ToF32", func(t *testing.T) { each(t, f16ToF32, decode) })
	t.Run("BF16ToF32", func(t *testing.T) { each(t, bf16ToF32, decode) })
	r := rand.New(rand.NewSource(2))
	x := random(r, 5000)
	for i := range 3000 {
		x[i] = math.Float32frombits(r.Uint32())
	}
	encode := func(t *testing.T, f, p func([]byte, []float32)) {
		for n := range 70 {
			for _, off := range []int{0, 1, 3, 2990, 4000} {
				got, want := make([]byte, 2*n+8), make([]byte, 2*n+8)
				f(got[:2*n], x[off:off+n])
				p(want[:2*n], x[off:off+n])
				if string(got) != string(want) {
					t.Fatalf("encode of %d at %d differs", n, off)
				}
			}
		}
		got, want := make([]byte, 10000), make([]byte, 10000)
		f(got, x)
		p(want, x)
		if string(got) != string(want) {
			t.Fatal("encode of 5000 differs")
		}
	}
	t.Run("F32ToF16", func(t *testing.T) { each(t, f32ToF16, encode) })
	t.Run("F32ToBF16", func(t *testing.T) { each(t, f32ToBF16, encode) })
}

func TestHalfValuesAreExact(t *testing.T) {
	for h := range 1 << 16 {
		v := F16Value(uint16(h))
		if v == v && F16(v) != uint16(h) {
			t.Fatalf("half %04x is %g, which is half %04x", h, v, F16(v))
		}
	}
	for in, want := range map[float32]uint16{1: 0x3c00, -2: 0xc000, 65504: 0x7bff, 65520: 0x7c00, 6e-8: 1, 2e-8: 0} {
		if F16(in) != want {
			t.Errorf("F16(%g) = %04x, want %04x", in, F16(in), want)
		}
	}
}

func TestMatMulF32(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	each(t, matMulF32, func(t *testing.T, f, p func([]float32, int, []float32, int, []float32, int, int, int, bool)) {
		for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 24, 25, 31} {
			for _, k := range []int{0, 1, 2, 3, 7, 8, 33, 64} {
				ldd, ldx, ldp := Lanes+r.Intn(5), k+r.Intn(3), Lanes+r.Intn(3)
				x, panel := random(r, m*ldx+1)[1:], random(r, k*ldp+Lanes+1)[1:]
				for _, acc := range []bool{false, true} {
					got, check := guarded((m-1)*ldd + Lanes)
					want := make([]float32, len(got))
					start := random(r, len(got))
					copy(got, start)
					copy(want, start)
					f(got, ldd, x, ldx, panel, ldp, m, k, acc)
					check()
					p(want, ldd, x, ldx, panel, ldp, m, k, acc)
					same(t, fmt.Sprintf("m=%d k=%d acc=%v", m, k, acc), got, want)
				}
			}
		}
	})
}

func TestMatMulF32AgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	const m, k = 5, 40
	x, w := random(r, m*k), random(r, 20*k)
	panel, dst := make([]float32, k*Lanes), make([]float32, m*Lanes)
	PackF32(panel, w, 20, k)
	MatMulF32(dst, Lanes, x, k, panel, Lanes, m, k, false)
	for i := range m {
		for j := range Lanes {
			want, size := 0.0, 1e-30
			for p := range k {
				if j < 20 {
					want += float64(x[i*k+p]) * float64(w[j*k+p])
					size += math.Abs(float64(x[i*k+p]) * float64(w[j*k+p]))
				}
			}
			if got := float64(dst[i*Lanes+j]); math.Abs(got-want) > 1e-5*size {
				t.Fatalf("row %d output %d: %g, want %g", i, j, got, want)
			}
		}
	}
}

// actsOf makes activations with the given codes [m][k] and scales that are extreme now and then.
func actsOf(r *rand.Rand, code []int8, k, group, block int) *ActsI8 {
	a := &ActsI8{}
	m := len(code) / k
	a.Reset(m, k, group, block)
	clear(a.Code)
	clear(a.Sum)
	clear(a.Start)
	clear(a.Pair)
	copy(a.Scale, random(r, len(a.Scale)))
	for i, c := range code {
		row, q := i/k, i%k
		a.Code[(row/RowTile*k+q/4*4)*RowTile+row%RowTile*4+q%4] = c
		g := q / group
		if block > group {
			a.Pair[(row/RowTile*(k/group)+g/2*2)*RowTile+row%RowTile*2+g%2] += int16(c)
			continue
		}
		at := (row/RowTile*(k/group)+g)*RowTile + row%RowTile
		a.Sum[at] += float32(c)
		a.Start[at] -= 128 * int32(c)
	}
	return a
}

// put fills a panel with the codes [16][k], random scales, and offsets where they are wanted; integer scales are random too, some of them extreme.
func put(r *rand.Rand, code []int8, k, group, block int, min bool) *PanelI8 {
	rows := RowsI8{Code: code, Ld: k, LdGroup: k / group, LdBlock: k / block, Scale: random(r, LanesI8*k/block), Min: make([]float32, LanesI8*k/block),
		Sub: make([]int16, LanesI8*k/group), SubMin: make([]int16, LanesI8*k/group)}
	if min {
		rows.Min = random(r, len(rows.Min))
	}
	for i := range rows.Sub {
		rows.Sub[i], rows.SubMin[i] = int16(r.Intn(256)-128), int16(r.Intn(64))
		if r.Intn(3) == 0 {
			rows.Sub[i] = []int16{-128, 127}[r.Intn(2)]
		}
	}
	p := &PanelI8{}
	p.Reset(k, group, block)
	p.Put(0, k, &rows)
	return p
}

// panelOf makes an int8 panel and as many activations, extremes among them.
func panelOf(r *rand.Rand, m, k, group, block int, min bool) (*ActsI8, *PanelI8) {
	x, w := make([]int8, m*k), make([]int8, LanesI8*k)
	for i := range x {
		x[i] = int8(r.Intn(255) - 127)
	}
	for i := range w {
		w[i] = int8(r.Intn(256) - 128)
		if r.Intn(3) == 0 {
			w[i] = []int8{-128, 127}[r.Intn(2)]
		}
	}
	return actsOf(r, x, k, group, block), put(r, w, k, group, block, min)
}

func TestMatMulI8(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	each(t, matMulI8, func(t *testing.T, f, p func([]float32, int, *ActsI8, int, int, *PanelI8, int, int)) {
		for _, c := range [][3]int{{16, 16, 64}, {16, 32, 64}, {16, 256, 512}, {32, 32, 32}, {32, 32, 512}, {32, 256, 256}, {64, 64, 128}, {64, 256, 256}} {
			group, block, k := c[0], c[1], c[2]
			for _, m := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17} {
				for _, min := range []bool{false, true} {
					a, panel := panelOf(r, m+RowTile, k, group, block, min)
					ldd := LanesI8 + r.Intn(4)
					got, check := guarded((m-1)*ldd + LanesI8)
					want := make([]float32, len(got))
					part := r.Intn(k/block+1) * block
					if part > 0 {
						f(got, ldd, a, RowTile, m, panel, 0, part)
					}
					if part < k {
						f(got, ldd, a, RowTile, m, panel, part, k-part)
					}
					check()
					p(want, ldd, a, RowTile, m, panel, 0, k)
					for i := range m {
						same(t, fmt.Sprintf("%v m=%d min=%v", c, m, min), got[i*ldd:i*ldd+LanesI8], want[i*ldd:i*ldd+LanesI8])
					}
				}
			}
		}
	})
}

// Panels whose codes stay within a range, with all of them at its ends: the sums of the bodies that count on a range are as large
// as they can be, in both directions.
func TestMatMulI8OfSmallCodes(t *testing.T) {
	r := rand.New(rand.NewSource(14))
	each(t, matMulI8, func(t *testing.T, f, p func([]float32, int, *ActsI8, int, int, *PanelI8, int, int)) {
		for _, ends := range [][2]int{{0, 3}, {0, 15}, {-8, 7}, {0, 16}, {-16, 15}, {0, 31}, {-16, 16}, {-32, 31}, {0, 63}, {-32, 32}, {-64, 63}, {-64, 64},
			{-65, 0}, {0, 126}, {0, 127}, {-128, 0}, {-128, 127}, {5, 9}, {-9, -5}} {
			for _, group := range []int{16, 32, 64} {
				for _, m := range []int{3, 4, 5, 6, 7, 8} {
					w, x := make([]int8, LanesI8*128), make([]int8, m*128)
					for i := range w {
						w[i] = int8(ends[0] + r.Intn(ends[1]-ends[0]+1))
						if m > 4 {
							w[i] = int8(ends[m%2])
						}
					}
					for i := range x {
						x[i] = int8(r.Intn(255) - 127)
						if m > 4 {
							x[i] = int8(127 - 254*(i/128%2))
						}
					}
					block := group + m%2*(128-group)
					a, panel := actsOf(r, x, 128, group, block), put(r, w, 128, group, block, m/2%2 == 0)
					got, want := make([]float32, m*LanesI8), make([]float32, m*LanesI8)
					f(got, LanesI8, a, 0, m, panel, 0, 128)
					p(want, LanesI8, a, 0, m, panel, 0, 128)
					same(t, fmt.Sprintf("codes %d group=%d m=%d", ends, group, m), got, want)
				}
			}
		}
	})
}

func TestMatMulI8AgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	a, p := panelOf(r, 3, 64, 16, 32, true)
	dst := make([]float32, 3*LanesI8)
	MatMulI8(dst, LanesI8, a, 0, 3, p, 0, 64)
	for i := range 3 {
		for j := range LanesI8 {
			want, size := 0.0, 1e-30
			for g := range 4 {
				n, sum := 0, 0
				for q := g * 16; q < (g+1)*16; q++ {
					x := int(a.Code[(q/4*RowTile+i)*4+q%4])
					n += x * int(p.Code[(q/4*LanesI8+j)*4+q%4])
					sum += x
				}
				at := g/2*LanesI8 + j
				sub, min := int(p.Sub[2*(g*LanesI8+j)]), int(p.SubMin[2*at+g%2])
				if again, pair := int(p.Sub[2*(g*LanesI8+j)+1]), int(p.Pair[2*at+g%2]); again != sub || pair != sub {
					t.Fatalf("integer scale %d is %d and %d elsewhere", sub, again, pair)
				}
				scale := float64(a.Scale[g/2*RowTile+i])
				s, o := scale*float64(n*sub)*float64(p.Scale[at]), scale*float64(sum*min)*float64(p.Min[at])
				want += s + o
				size += math.Abs(s) + math.Abs(o)
			}
			if got := float64(dst[i*LanesI8+j]); math.Abs(got-want) > 1e-5*size {
				t.Fatalf("row %d output %d: %g, want %g", i, j, got, want)
			}
		}
	}
}
