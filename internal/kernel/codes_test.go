package kernel

import (
	"math/rand"
	"testing"
	"unsafe"
)

// bytesOf sees numbers as codes.
func bytesOf(x []float32) []int8 { return unsafe.Slice((*int8)(unsafe.Pointer(&x[0])), 4*len(x)) }

func TestUnpack(t *testing.T) {
	r := rand.New(rand.NewSource(20))
	for name, c := range allCodes {
		t.Run(name, func(t *testing.T) {
			each(t, c.body, func(t *testing.T, f, p func(code []int8, src []byte)) {
				for n := 1; n < 6; n++ {
					src := make([]byte, n*c.bytes+1)
					r.Read(src)
					got, check := guarded(n * c.block / 4)
					want := make([]int8, n*c.block)
					f(bytesOf(got), src[1:])
					check()
					p(want, src[1:])
					for i, q := range bytesOf(got) {
						if q != want[i] {
							t.Fatalf("%d blocks: code %d is %d, want %d", n, i, q, want[i])
						}
					}
				}
			})
		})
	}
}

func TestHalvesEvery(t *testing.T) {
	r := rand.New(rand.NewSource(21))
	each(t, halvesEvery, func(t *testing.T, f, p func(dst []float32, src []byte, bytes int)) {
		for n := 1; n < 40; n++ {
			bytes := 2 + r.Intn(30)
			src := make([]byte, (n-1)*bytes+2)
			r.Read(src)
			got, check := guarded(n)
			want := make([]float32, n)
			f(got, src, bytes)
			check()
			p(want, src, bytes)
			same(t, "halves", got, want)
		}
	})
}

func TestExpand(t *testing.T) {
	r := rand.New(rand.NewSource(22))
	each(t, expand, func(t *testing.T, f, p func(dst []float32, code []int8, scale, min []float32, group int)) {
		for _, group := range []int{16, 32, 64, 128, 256} {
			for n := 1; n < 5; n++ {
				code := make([]int8, n*group)
				for i := range code {
					code[i] = int8(r.Intn(256) - 128)
				}
				for _, min := range [][]float32{nil, random(r, n)} {
					got, check := guarded(n * group)
					want, scale := make([]float32, n*group), random(r, n)
					f(got, code, scale, min, group)
					check()
					p(want, code, scale, min, group)
					same(t, "numbers", got, want)
				}
			}
		}
	})
}

// What is packed is unpacked, and nothing else changes.
func TestPackInvertsUnpack(t *testing.T) {
	r := rand.New(rand.NewSource(45))
	for name, c := range allCodes {
		first, second := make([]byte, 3*c.bytes), make([]byte, 3*c.bytes)
		r.Read(first)
		r.Read(second)
		code, got := make([]int8, 3*c.block), make([]int8, 3*c.block)
		c.Unpack(code, second)
		dst := append([]byte(nil), first...)
		c.Pack(dst, code)
		c.Unpack(got, dst)
		for i := range code {
			if got[i] != code[i] {
				t.Fatalf("%s: code %d is %d, not %d", name, i, got[i], code[i])
			}
		}
		c.Unpack(code, first)
		if c.Pack(dst, code); string(dst) != string(first) {
			t.Errorf("%s: packing what was there before does not restore the block", name)
		}
	}
}
