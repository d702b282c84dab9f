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

func TestPackI8PlacesEveryCode(t *testing.T) {
	var p PanelI8
	const k, group = 64, 16
	p.Reset(k, group)
	for lane := range LanesI8 - 1 { // the last lane stays empty
		code, scale, low := make([]int8, k), make([]float32, k/group), make([]float32, k/group)
		for i := range code {
			code[i] = int8(i*LanesI8 + lane)
		}
		for g := range scale {
			scale[g], low[g] = float32(g*100+lane), -float32(g*100+lane)
		}
		p.Pack(lane, code, scale, low)
	}
	for i, c := range p.Code {
		q, lane := i/(4*LanesI8)*4+i%4, i/4%LanesI8
		want := int8(q*LanesI8 + lane)
		if lane == LanesI8-1 {
			want = 0
		}
		if c != want {
			t.Fatalf("place %d holds %d, want %d", i, c, want)
		}
	}
	for i, s := range p.Scale {
		want := float32(i/LanesI8*100 + i%LanesI8)
		if i%LanesI8 == LanesI8-1 {
			want = 0
		}
		if s != want || p.Min[i] != -want {
			t.Fatalf("scale %d is %g, offset %g, want %g", i, s, p.Min[i], want)
		}
	}
}
