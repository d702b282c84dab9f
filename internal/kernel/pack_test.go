package kernel

import (
	"math/rand"
	"testing"
)

func TestPack8(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	each(t, pack8, func(t *testing.T, f, p func(panel, w []float32, k int)) {
		for k := 1; k < 40; k++ {
			w := random(r, 8*k+1)[1:]
			got, check := guarded(k * Lanes)
			want := append([]float32(nil), got...)
			f(got, w, k)
			check()
			p(want, w, k)
			same(t, "panel", got, want)
		}
	})
}

func TestPackPlacesEveryWeight(t *testing.T) {
	r := rand.New(rand.NewSource(13))
	for _, k := range []int{0, 1, 8, 20, 37} {
		for n := range Lanes + 1 {
			w := random(r, n*k)
			panel, check := guarded(k * Lanes)
			PackF32(panel, w, n, k)
			check()
			for i, v := range panel {
				want := float32(0)
				if j := i % Lanes; j < n {
					want = w[j*k+i/Lanes]
				}
				if v != want {
					t.Fatalf("n=%d k=%d: place %d holds %g, want %g", n, k, i, v, want)
				}
			}
		}
	}
}

func TestInterleave(t *testing.T) {
	r := rand.New(rand.NewSource(15))
	each(t, spread4, func(t *testing.T, f, p func(dst []uint32, to int, src []uint32, ld, n int)) {
		for n := 1; n < 40; n++ {
			ld, to := n+r.Intn(5), 4+r.Intn(10)
			src := words(random(r, 3*ld+n+1)[1:])
			got, check := guarded((n-1)*to + 4)
			want := append([]float32(nil), got...)
			f(words(got), to, src, ld, n)
			check()
			p(words(want), to, src, ld, n)
			same(t, "dst", got, want)
		}
	})
}

func TestPutPlacesEveryCode(t *testing.T) {
	const k, group, block, ld, ldGroup, ldBlock = 128, 16, 32, 96, 6, 3
	rows := RowsI8{Code: make([]int8, LanesI8*ld), Scale: make([]float32, LanesI8*ldBlock), Min: make([]float32, LanesI8*ldBlock),
		Sub: make([]int16, LanesI8*ldGroup), SubMin: make([]int16, LanesI8*ldGroup), Ld: ld, LdGroup: ldGroup, LdBlock: ldBlock}
	var p PanelI8
	p.Reset(k, group, block)
	for from := 0; from < k; from += 64 {
		for lane := range LanesI8 {
			for i := range 64 {
				rows.Code[lane*ld+i] = int8((from+i)*LanesI8 + lane)
			}
			for g := range 4 {
				at := lane*ldGroup + g
				rows.Sub[at] = int16((from/group+g)*100 + lane)
				rows.SubMin[at] = -rows.Sub[at]
			}
			for b := range 2 {
				at := lane*ldBlock + b
				rows.Scale[at] = float32((from/block+b)*100 + lane)
				rows.Min[at] = -rows.Scale[at]
			}
		}
		p.Put(from, 64, &rows)
	}
	for i, c := range p.Code {
		q, lane := i/(4*LanesI8)*4+i%4, i/4%LanesI8
		if want := int8(q*LanesI8 + lane); c != want {
			t.Fatalf("place %d holds %d, want %d", i, c, want)
		}
	}
	for i, s := range p.Scale {
		if want := float32(i/LanesI8*100 + i%LanesI8); s != want || p.Min[i] != -want {
			t.Fatalf("scale %d is %g, offset %g, want %g", i, s, p.Min[i], want)
		}
	}
	for i, s := range p.Sub {
		if want := int16(i/2/LanesI8*100 + i/2%LanesI8); s != want {
			t.Fatalf("integer scale %d is %d, want %d", i, s, want)
		}
	}
	for i, s := range p.Pair {
		if want := int16((i/2/LanesI8*2+i%2)*100 + i/2%LanesI8); s != want || p.SubMin[i] != -want {
			t.Fatalf("pair %d has %d, offset %d, want %d", i, s, p.SubMin[i], want)
		}
	}
}

// A panel that had offsets forgets them.
func TestPanelWithoutOffsets(t *testing.T) {
	r := rand.New(rand.NewSource(16))
	p := put(r, make([]int8, LanesI8*64), 64, 32, 32, true)
	if p.Min == nil {
		t.Fatal("the offsets are gone")
	}
	p.Reset(64, 32, 32)
	p.Put(0, 64, &RowsI8{Code: make([]int8, LanesI8*64), Scale: make([]float32, LanesI8*2), Min: make([]float32, LanesI8*2), Ld: 64, LdBlock: 2})
	if p.Min != nil {
		t.Fatal("offsets where all are zero")
	}
}

func TestMatMulTiles(t *testing.T) {
	r := rand.New(rand.NewSource(23))
	each(t, matMulTiles, func(t *testing.T, f, p func(dst []float32, ldd int, tiles []float32, m int, panel []float32, k, column, columns int)) {
		for m := 1; m < 30; m++ {
			for _, k := range []int{1, 2, 3, 8, 33, 64} {
				ldd, part := Lanes+r.Intn(5), r.Intn(k+1)
				tiles, panel := random(r, (m+RowTile-1)/RowTile*RowTile*k), random(r, k*Lanes)
				got, check := guarded((m-1)*ldd + Lanes)
				want := append([]float32(nil), got...)
				if part > 0 {
					f(got, ldd, tiles, m, panel, k, 0, part)
				}
				if part < k {
					f(got, ldd, tiles, m, panel, k, part, k-part)
				}
				check()
				p(want, ldd, tiles, m, panel, k, 0, k)
				for i := range m {
					same(t, "row", got[i*ldd:][:Lanes], want[i*ldd:][:Lanes])
				}
			}
		}
	})
}

// Tiles give what rows give.
func TestTilesEqualRows(t *testing.T) {
	const from, k = RowTile, 37
	r := rand.New(rand.NewSource(24))
	for m := 1; m < 27; m++ {
		ld := k + r.Intn(3)
		x, panel := random(r, m*ld), random(r, k*Lanes)
		tiles, check := guarded((from + (m+RowTile-1)/RowTile*RowTile) * k)
		PackTiles(tiles, x, ld, from, m, k)
		check()
		got, want := make([]float32, m*Lanes), make([]float32, m*Lanes)
		MatMulTiles(got, Lanes, tiles, from, m, panel, k, 0, k)
		MatMulF32(want, Lanes, x, ld, panel, Lanes, m, k, false)
		same(t, "product", got, want)
		for i, v := range tiles[from*k:] {
			if row := i/(RowTile*k)*RowTile + i%RowTile; row >= m && v != 0 {
				t.Fatalf("m=%d: absent row %d holds %g", m, row, v)
			}
		}
	}
}
