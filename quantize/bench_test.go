package quantize

import (
	"fmt"
	"math/rand"
	"testing"
	"time"
)

// MB/s here are millions of weights in a second on one core, on average; best-MB/s are those of the fastest call, which other work on the machine
// does not slow.

func BenchmarkEncode(b *testing.B) {
	const n = 1 << 12
	x, imp := normal(n), lognormal(n)
	for _, q := range Types() {
		if q.Encode == nil {
			continue
		}
		size, _ := q.Size(n)
		dst := make([]byte, size)
		for _, e := range []struct {
			name   string
			encode func(dst []byte, src, importance []float32)
			imp    []float32
		}{{"best", q.Encode, nil}, {"best-imp", q.Encode, imp}, {"ggml", q.Ggml, nil}, {"ggml-imp", q.Ggml, imp}, {"held-imp", q.Encoder(2), imp}} {
			if e.encode == nil {
				continue
			}
			b.Run(q.Name+"/"+e.name, func(b *testing.B) {
				b.SetBytes(n)
				b.ReportAllocs()
				best := time.Hour
				for b.Loop() {
					began := time.Now()
					e.encode(dst, x, e.imp)
					best = min(best, time.Since(began))
				}
				b.ReportMetric(n/best.Seconds()/1e6, "best-MB/s")
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	const n = 1 << 12
	x := make([]float32, n)
	for _, q := range Types() {
		if q.Decode == nil {
			continue
		}
		size, _ := q.Size(n)
		src := make([]byte, size)
		if q.Encode != nil {
			q.Encode(src, normal(n), lognormal(n))
		}
		b.Run(q.Name, func(b *testing.B) {
			b.SetBytes(n)
			for b.Loop() {
				q.Decode(x, src)
			}
		})
	}
}

func BenchmarkCholesky(b *testing.B) {
	const k = 1536
	a := make([]float64, k*k)
	for i := range k {
		for j := range i + 1 {
			a[i*k+j] = 1 / float64(1+i-j)
		}
		a[i*k+i] += 1
	}
	l := make([]float64, k*k)
	for b.Loop() {
		copy(l, a)
		if err := cholesky(l, k, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAWQ is the search of one matrix, as calibration asks for it.
func BenchmarkAWQ(b *testing.B) {
	for _, k := range []int{576, 1536} {
		b.Run(fmt.Sprint(k), func(b *testing.B) {
			r := rand.New(rand.NewSource(3))
			s := gramOf(inputsLike(r, 2*k, k), k)
			w := make([]float32, 256*k)
			for i := range w {
				w[i] = float32(r.NormFloat64())
			}
			a := &AWQ{Near: func() *Nearest { return &Nearest{Grid: Grid{Bits: 4, Group: 64}, Round: RoundTo(F16), Plain: true} }}
			for b.Loop() {
				if _, err := a.Search(k, []Consumer{{w, s}}, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGPTQ rounds rows as calibration does, the factors of their inputs made before.
func BenchmarkGPTQ(b *testing.B) {
	for _, k := range []int{576, 1536} {
		b.Run(fmt.Sprint(k), func(b *testing.B) {
			r := rand.New(rand.NewSource(3))
			near := &Nearest{Grid: Grid{Bits: 4, Group: 64, Symmetric: true}, Round: RoundTo(F16)}
			g, err := NewGPTQ(near, gramOf(inputsLike(r, 2*k, k), k), OrderGroups, DefaultDamp, 1)
			if err != nil {
				b.Fatal(err)
			}
			w := make([]float32, 64*k)
			for i := range w {
				w[i] = float32(r.NormFloat64())
			}
			var c Codes
			for b.Loop() {
				if err := g.Rows(&c, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
