package kernel

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// coded are rows of random codes, groups as long as they may be among them, and scales.
func coded(r *rand.Rand, rows, groups int) I16 {
	x := I16{make([]uint32, rows*groups*wordsI16), make([]float32, rows*groups)}
	kind := r.Intn(3)
	code := func(i int) uint32 {
		c := r.Intn(8001) - 4000
		switch {
		case kind == 0:
			c = 5792 * (1 - 2*r.Intn(2)) // all that 64 equal ones may be
		case kind == 1 && i%wordsI16 == 0:
			c = topI16 * (1 - 2*r.Intn(2))
		case kind == 1:
			c /= 4000
		}
		return uint32(uint16(int16(c)))
	}
	for i := range x.Code {
		x.Code[i] = code(1) | code(i)<<16
	}
	for i := range x.Scale {
		x.Scale[i] = float32(r.NormFloat64())
	}
	return x
}

func TestMatMulI16(t *testing.T) {
	r := rand.New(rand.NewSource(52))
	each(t, matMulI16, func(t *testing.T, f, p func(dst []float32, ldd int, x *I16, from, m int, panel I16, groups, group, n int)) {
		for m := 1; m < 30; m++ {
			for _, groups := range []int{1, 2, 3, 7} {
				ldd, part, from := Lanes+r.Intn(5), r.Intn(groups+1), r.Intn(2)*RowTile
				x, panel := coded(r, (from+m+RowTile-1)/RowTile*RowTile, groups), coded(r, Lanes, groups)
				got, check := guarded((m-1)*ldd + Lanes)
				want := append([]float32(nil), got...)
				if part > 0 {
					f(got, ldd, &x, from, m, panel, groups, 0, part)
				}
				if part < groups {
					f(got, ldd, &x, from, m, panel, groups, part, groups-part)
				}
				check()
				p(want, ldd, &x, from, m, panel, groups, 0, groups)
				for i := range m {
					same(t, "row", got[i*ldd:][:Lanes], want[i*ldd:][:Lanes])
				}
			}
		}
	})
}

// numbers of all magnitudes, subnormal ones, infinities and NaNs among them, in some groups only numbers that are near the greatest.
func anyNumbers(r *rand.Rand, groups int) []float32 {
	x := make([]float32, groups*GroupI16)
	for g := range groups {
		e, apart := r.Intn(256), 1+r.Intn(20)
		for i := range GroupI16 {
			b := r.Uint32()
			switch g % 3 {
			case 0:
				b = b&0x807fffff | uint32(max(0, e-r.Intn(apart)))<<23
			case 1:
				b = b&0x80000fff | uint32(e)<<23 | 0x7ff000 // where rounding needs one bit more
			}
			x[g*GroupI16+i] = math.Float32frombits(b)
		}
	}
	return x
}

func TestCodeI16(t *testing.T) {
	r := rand.New(rand.NewSource(51))
	each(t, codeI16, func(t *testing.T, f, p func(code []uint32, scale, x []float32)) {
		for range 300 {
			x := anyNumbers(r, codedGroups+1) // a row may end with part of a group
			sameCodes(t, func(code []uint32, scale []float32) { f(code, scale, x) }, func(code []uint32, scale []float32) { p(code, scale, x) })
		}
	})
}

func TestCodeHalf(t *testing.T) {
	r := rand.New(rand.NewSource(55))
	for _, bodies := range []*bodies[func(code []uint32, scale []float32, x []byte)]{codeF16, codeBF16} {
		each(t, bodies, func(t *testing.T, f, p func(code []uint32, scale []float32, x []byte)) {
			for range 300 {
				x := make([]byte, 2*(codedGroups+1)*GroupI16)
				r.Read(x)
				for i := 1; i < len(x) && r.Intn(4) > 0; i += 2 {
					x[i] &= 0xbf // finite ones
				}
				sameCodes(t, func(code []uint32, scale []float32) { f(code, scale, x) }, func(code []uint32, scale []float32) { p(code, scale, x) })
			}
		})
	}
}

const codedGroups = 5

// roundRows codes n rows of k numbers.
func roundRows(c *I16, rows []float32, n, k int) {
	c.Reset(n, k)
	for i := range n {
		c.RoundF32(i, rows[i*k:][:k])
	}
}

// sameCodes compares what two bodies make of the same numbers.
func sameCodes(t *testing.T, f, p func(code []uint32, scale []float32)) {
	t.Helper()
	const n = codedGroups * wordsI16
	got, want := make([]uint32, n+1), make([]uint32, n)
	scale, right := make([]float32, codedGroups+1), make([]float32, codedGroups)
	f(got[:n], scale[:codedGroups])
	p(want, right)
	if !slices.Equal(got[:n], want) || got[n] != 0 || scale[codedGroups] != 0 {
		t.Fatalf("codes are %x, want %x", got, want)
	}
	same(t, "scales", scale[:codedGroups], right)
}

// Half precision and bfloat16 are coded as the numbers that they are, in a row whose last group is not whole, too.
func TestRoundHalf(t *testing.T) {
	r := rand.New(rand.NewSource(56))
	x := make([]float32, 3*GroupI16+7)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	half := make([]byte, 2*len(x))
	for _, c := range []struct {
		encode func(dst []byte, x []float32)
		decode func(dst []float32, x []byte)
		round  func(x *I16, i int, row []byte)
	}{{F32ToF16, F16ToF32, (*I16).RoundF16}, {F32ToBF16, BF16ToF32, (*I16).RoundBF16}} {
		c.encode(half, x)
		c.decode(x, half)
		var got, want I16
		got.Reset(1, len(x))
		c.round(&got, 0, half)
		roundRows(&want, x, 1, len(x))
		if !slices.Equal(got.Code, want.Code) {
			t.Fatalf("codes are %x, want %x", got.Code, want.Code)
		}
		same(t, "scales", got.Scale, want.Scale)
	}
}

// Codes are nearest to their numbers with the least scale that holds them; one that is not finite spoils its group alone.
func TestRoundI16(t *testing.T) {
	r := rand.New(rand.NewSource(53))
	const groups = 600
	x := anyNumbers(r, groups)
	var c I16
	roundRows(&c, x, 2, len(x)/2)
	for g := range groups {
		most, finite := 0.0, true
		for _, v := range x[g*GroupI16:][:GroupI16] {
			most = max(most, math.Abs(float64(v)))
			finite = finite && !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
		}
		s := float64(c.Scale[g])
		if math.IsNaN(s) {
			if finite && most < math.MaxFloat32*(1-0x1p-14) {
				t.Fatalf("group %d of numbers up to %g has no scale", g, most)
			}
			continue
		}
		if !finite {
			t.Fatalf("group %d has a scale", g)
		}
		if f, _ := math.Frexp(s); f != 0.5 {
			t.Fatalf("%g is no power of two", s)
		}
		length, half := 0.0, 0.0 // of the codes, and of those with half the scale
		for i, v := range x[g*GroupI16:][:GroupI16] {
			code := int16(c.Code[(g*GroupI16+i)/2] >> (16 * (i % 2)))
			want := math.RoundToEven(float64(v) / s)
			if float64(code) != want || math.Abs(want) > topI16 {
				t.Fatalf("%g is coded %d of %g, want %g", v, code, s, want)
			}
			length += want * want
			half += 4 * float64(v) / s * float64(v) / s
		}
		if length > lengthI16 {
			t.Fatalf("codes of group %d are as long as the root of %g", g, length)
		}
		if s > 0x1p-126 && most/s*2 < topI16+0.4 && half < lengthI16*(1-1e-3) {
			t.Fatalf("numbers up to %g, of the length %g, have the scale %g", most, math.Sqrt(half)/2*s, s)
		}
	}
}

// A product of rows whose length is no multiple of the group is that of the numbers that their codes stand for.
func TestProductI16(t *testing.T) {
	r := rand.New(rand.NewSource(54))
	const m, n, k = 17, 30, 2*GroupI16 + 11
	x, w := make([]float32, m*k), make([]float32, n*k)
	for _, s := range [][]float32{x, w} {
		for i := range s {
			s[i] = float32(r.NormFloat64())
		}
	}
	var xc, wc, tiles, panel I16
	roundRows(&xc, x, m, k)
	roundRows(&wc, w, n, k)
	tiles.Reset(2*RowTile, k)
	tiles.Tile(&xc, 0, m, k)
	panel.Reset(Lanes, k)
	panel.Pack(&wc, n, k)
	got := make([]float32, m*Lanes)
	MatMulI16(got, Lanes, &tiles, 0, m, panel, GroupsI16(k), 0, GroupsI16(k))
	value := func(c *I16, row, i int) float64 {
		g := GroupsI16(k)
		return float64(int16(c.Code[row*g*wordsI16+i/2]>>(16*(i%2)))) * float64(c.Scale[row*g+i/GroupI16])
	}
	for i := range m {
		for j := range n {
			coded, exact := 0.0, 0.0
			for p := range k {
				coded += value(&xc, i, p) * value(&wc, j, p)
				exact += float64(x[i*k+p]) * float64(w[j*k+p])
			}
			if d := math.Abs(float64(got[i*Lanes+j]) - coded); d > 1e-5 {
				t.Fatalf("output %d, %d is %g from the sum of coded products", i, j, d)
			}
			if d := math.Abs(float64(got[i*Lanes+j]) - exact); d > 1e-2 {
				t.Fatalf("output %d, %d is %g from the sum of products", i, j, d)
			}
		}
	}
}

func BenchmarkCodeI16(b *testing.B) {
	x, code, scale := filled(run), make([]uint32, run/2), make([]float32, run/GroupI16)
	measure(b, codeI16, "Gelem/s", run, func(f func(code []uint32, scale, x []float32)) { f(code, scale, x) })
	raw := make([]byte, 2*run)
	for _, bodies := range []*bodies[func(code []uint32, scale []float32, x []byte)]{codeF16, codeBF16} {
		measure(b, bodies, "Gelem/s", run, func(f func(code []uint32, scale []float32, x []byte)) { f(code, scale, raw) })
	}
}

func BenchmarkMatMulI16(b *testing.B) {
	r := rand.New(rand.NewSource(1))
	for _, s := range []struct{ m, groups int }{{60, 9}, {60, 12}, {60, 24}, {516, 9}} {
		x, panel, dst := coded(r, s.m, s.groups), coded(r, Lanes, s.groups), make([]float32, s.m*Lanes)
		measure(b, matMulI16, "GOP/s", float64(2*s.m*s.groups*GroupI16*Lanes), func(f func([]float32, int, *I16, int, int, I16, int, int, int)) {
			f(dst, Lanes, &x, 0, s.m, panel, s.groups, 0, s.groups)
		})
	}
}
