package bench

import (
	"quern/internal/cpu"
	"quern/internal/kernel"
)

// A far is what one thread reads and writes, row by row. All threads' together are many times what caches hold, so that whoever has gone through
// one finds nothing of it there when he begins again: weights of a model come from memory too, and go there.
type far struct {
	x    []float32
	half []byte // the same as bfloat16
	code []byte // as much room as for x
	at   int    // the row that comes next

	row [rowWeights]float32 // what is in a cache: a row between two steps
}

const (
	rowWeights   = 4096 // what encoders are called with
	timesCache   = 16
	unknownCache = 32 << 20 // of a machine that does not say
)

// share is how many bytes a thread's buffers take.
func share(opt Options) int {
	cache := cpu.LastCache()
	if cache <= 0 {
		cache = unknownCache
	}
	all := timesCache * cache
	if opt.Memory > 0 {
		all = min(all, opt.Memory)
	}
	return max(int(all/int64(opt.Threads)), 1<<20)
}

// farOf makes one for each thread.
func farOf(opt Options) []*far {
	n := share(opt) / (4 + 2 + 4) / rowWeights * rowWeights
	fs := make([]*far, opt.Threads)
	for i := range fs {
		f := &far{x: make([]float32, n), half: make([]byte, 2*n), code: present(4 * n)}
		for at := 0; at < n; {
			at += copy(f.x[at:], allNoise())
		}
		kernel.F32ToBF16(f.half, f.x)
		fs[i] = f
	}
	return fs
}

// present is memory that is there: a page that was never written is read from one that many share.
func present(n int) []byte {
	p := make([]byte, n)
	for at := 0; at < n; at += 4096 {
		p[at] = 1
	}
	return p
}

// next is the next row: its number in memory.
func (f *far) next() (row int) {
	if row = f.at; (row+1)*rowWeights == len(f.x) {
		f.at = 0
	} else {
		f.at++
	}
	return row
}

// weights and codes are a row as it lies in memory; of codes size is what one takes.
func (f *far) weights(row int) []float32      { return f.x[row*rowWeights:][:rowWeights] }
func (f *far) halves(row int) []byte          { return f.half[2*row*rowWeights:][:2*rowWeights] }
func (f *far) codes(row int, size int) []byte { return f.code[row*size:][:size] }
