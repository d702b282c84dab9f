package model

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A counter counts the bytes that are read of a tensor, and fails after some.
type counter struct {
	io.ReaderAt
	read, dropped atomic.Int64
	most          int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	if n := c.read.Add(int64(len(p))); c.most > 0 && n > c.most {
		return 0, errBroken
	}
	return c.ReaderAt.ReadAt(p, off)
}

func (c *counter) Drop(_, n int64) { c.dropped.Add(n) }

// countedModel has weights of a type with stored bytes; what is read of each is counted.
func countedModel(t testing.TB, p arch.Params, q *quantize.Type) (*Model, map[string]*counter) {
	t.Helper()
	b, _ := random(t, p, false, true, stored(q))
	counters := map[string]*counter{}
	for i, ts := range b.Tensors {
		if len(ts.Shape) == 2 && b.Origins[i].Rule.Role != arch.RoleEmbed {
			c := &counter{ReaderAt: ts.Raw}
			ts.Raw, ts.Rows = c, &countedRows{ts, c}
			counters[ts.Name] = c
		}
	}
	m, err := Of(b)
	if err != nil {
		t.Fatal(err)
	}
	return m, counters
}

type countedRows struct {
	t *formats.Tensor
	r io.ReaderAt
}

func (c *countedRows) ReadRows(dst []float32, row int) error {
	size := c.t.Bytes() / int64(c.t.NumRows())
	p := make([]byte, int(size)*len(dst)/c.t.Cols())
	if _, err := c.r.ReadAt(p, int64(row)*size); err != nil {
		return err
	}
	c.t.Type.Decode(dst, p)
	return nil
}

func streamed() arch.Params {
	return arch.Params{Vocab: 960, Embd: 64, FF: 160, Layers: 5, Heads: 2, KVHeads: 1, HeadDim: 32, ValueDim: 32, RopeDim: 32,
		NormEps: 1e-6, RopeBase: 5e5, RopeScale: 1}
}

// limits are memory limits for one thread that lead to every way of holding weights, to one group and to several.
func limits(t *testing.T, m *Model, longest int) []int64 {
	t.Helper()
	var list []int64
	ways := map[budget]bool{}
	_, least := m.budget(longest, Options{MaxRAM: 1}, 1)
	if !errors.Is(least, ErrMemory) {
		t.Fatalf("a limit of one byte: %v", least)
	}
	for n := int64(threadBytes); n < threadBytes+4<<20; n += 8 << 10 {
		b, err := m.budget(longest, Options{MaxRAM: n}, 1)
		if err != nil {
			continue
		}
		if way := (budget{ahead: b.ahead, head: b.head, tokens: min(b.tokens, 600) / 150}); !ways[way] {
			ways[way] = true
			list = append(list, n)
		}
	}
	for _, l := range levels {
		if !slices.ContainsFunc(list, func(n int64) bool {
			b, _ := m.budget(longest, Options{MaxRAM: n}, 1)
			return b.ahead == l.ahead && b.head == l.head
		}) {
			t.Fatalf("no limit leads to %+v", l)
		}
	}
	return list
}

// However much memory there is, the same bits come out, and every byte of every weight of a layer is read once for a group.
func TestMemoryChangesNothing(t *testing.T) {
	for _, mode := range []Mode{Exact, Deploy} {
		m, _ := countedModel(t, streamed(), quantize.ByName("Q8_0"))
		seqs := tokens(960, 100, 1, 150, 30, 0, 99, 120)
		want, _ := logits(t, m, seqs, nil, Options{Mode: mode, Threads: 1})
		most := 0
		for _, limit := range limits(t, m, 150) {
			m, counters := countedModel(t, streamed(), quantize.ByName("Q8_0"))
			steps, opt := Step{}, Options{Mode: mode, Threads: 1, MaxRAM: limit}
			opt.Step = func(s Step) {
				if s.Done <= steps.Done || s.Layers != 5 || s.Total != 5*500 {
					t.Errorf("after %+v comes %+v", steps, s)
				}
				steps = s
			}
			got, _ := logits(t, m, seqs, nil, opt)
			if !slices.Equal(got, want) {
				t.Errorf("a limit of %d bytes changes the result", limit)
			}
			if steps.Done != steps.Total || steps.Layer != 4 {
				t.Errorf("ends at %+v", steps)
			}
			b, _ := m.budget(150, opt, 1)
			groups := 0
			for rest := seqs; len(rest) > 0; groups++ {
				rest = rest[m.Group(rest, opt):]
			}
			most = max(most, groups)
			for name, c := range counters {
				times, held := int64(groups), b.ahead > 0
				if name == "output.weight" {
					times, held = 1, b.head
				}
				size := c.ReaderAt.(interface{ Size() int64 }).Size()
				if held && c.read.Load() != times*size {
					t.Errorf("%d groups read %d bytes of the %d of %s", groups, c.read.Load(), size, name)
				}
			}
		}
		if most < 2 {
			t.Error("no limit needs two groups")
		}
	}
}

// Panels that are kept for the next run give the same bits in every mode, in whatever order modes come, save reading, and leave where memory is limited.
func TestStocks(t *testing.T) {
	m, counters := countedModel(t, streamed(), quantize.ByName("Q8_0"))
	seqs := tokens(960, 100, 1, 150)
	for _, mode := range []Mode{Deploy, Exact, Coded, Deploy} {
		fresh, _ := countedModel(t, streamed(), quantize.ByName("Q8_0"))
		for _, batch := range []int{0, 100} {
			want, _ := logits(t, fresh, seqs, nil, Options{Mode: mode, Threads: 1, MaxRAM: threadBytes + 1<<20, Batch: batch})
			for n := range 4 {
				got, _ := logits(t, m, seqs, nil, Options{Mode: mode, Threads: 2, Batch: batch})
				if !slices.Equal(got, want) {
					t.Errorf("%v: run %d differs", mode, n)
				}
			}
		}
	}
	read := func(opt Options) int64 {
		for _, c := range counters {
			c.read.Store(0)
		}
		logits(t, m, seqs, nil, opt)
		return counters["blk.3.attn_q.weight"].read.Load() + counters["output.weight"].read.Load()
	}
	if n := read(Options{Mode: Deploy, Threads: 1}); n > 0 {
		t.Errorf("%d bytes are read of what is kept", n)
	}
	if n := read(Options{Mode: Deploy, Threads: 1, MaxRAM: limits(t, m, 150)[0]}); n == 0 {
		t.Error("nothing is read of what is not kept")
	}
	if s := m.idle[len(m.idle)-1]; s.stocked > 0 || len(s.stocks)+len(s.spare) > 0 {
		t.Errorf("%d bytes are kept where memory is limited", s.stocked)
	}
}

// Reading ahead ends with the run, whatever ends it.
func TestReadingAheadEnds(t *testing.T) {
	m, counters := countedModel(t, streamed(), quantize.ByName("Q8_0"))
	before := runtime.NumGoroutine()
	for _, name := range []string{"blk.0.ffn_up.weight", "blk.3.attn_q.weight", "output.weight"} {
		c := counters[name]
		c.read.Store(0)
		c.most = 1
		s, err := m.States(context.Background(), tokens(960, 40), nil, Options{Threads: 2})
		if name == "output.weight" && err == nil {
			err = m.Logits(make([]float32, 960), s, 0, 1, Options{Threads: 2})
		}
		var e *formats.Error
		if !errors.Is(err, errBroken) || !errors.As(err, &e) || e.Tensor != name {
			t.Errorf("%s cannot be read: %v", name, err)
		}
		c.most = 0
	}
	ctx, cancel := context.WithCancel(context.Background())
	opt := Options{Threads: 2, Step: func(s Step) {
		if s.Layer == 1 {
			cancel()
		}
	}}
	if _, err := m.States(ctx, tokens(960, 40), nil, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for i := 0; runtime.NumGoroutine() > before && i < 100; i++ {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left", n-before)
	}
	if _, err := m.States(context.Background(), tokens(960, 40), nil, Options{Threads: 2}); err != nil {
		t.Errorf("after the failures: %v", err)
	}
}

func TestMemoryRefused(t *testing.T) {
	m, _ := countedModel(t, streamed(), quantize.ByName("Q8_0"))
	_, err := m.States(context.Background(), tokens(960, 40), nil, Options{MaxRAM: 1 << 20})
	if !errors.Is(err, ErrMemory) {
		t.Errorf("a megabyte: %v", err)
	}
	if n := m.Group(nil, Options{}); n != 0 {
		t.Errorf("%d of no sequences", n)
	}
}

// What lies on a shelf is what was stored; what the system need not keep is dropped only when it is asked for.
func TestShelf(t *testing.T) {
	p := streamed()
	p.FF, p.Vocab = 6016, 40000 // several parts
	m, counters := countedModel(t, p, quantize.ByName("Q8_0"))
	bare, _ := random(t, p, false, true, nil)
	plain, err := Of(bare)
	if err != nil {
		t.Fatal(err)
	}
	var s shelf
	for _, drop := range []bool{false, true} {
		ws := []weight{m.layers[1].down, plain.layers[1].down, m.head}
		if err := s.fill(context.Background(), []*weight{&ws[0], &ws[1], &ws[2]}, 0, 3, drop); err != nil {
			t.Fatal(err)
		}
		for i, w := range []weight{m.layers[1].down, plain.layers[1].down, m.head} {
			if ws[i].t == w.t || ws[i].t.Type != w.t.Type || !slices.Equal(decoded(t, ws[i].t), decoded(t, w.t)) {
				t.Errorf("weight %d changed on the shelf", i)
			}
			if err := ws[i].t.Rows.ReadRows(make([]float32, w.k), w.n); err == nil {
				t.Errorf("weight %d has a row after the last", i)
			}
		}
		c := counters["output.weight"]
		if n := c.dropped.Load(); n != map[bool]int64{true: m.head.t.Bytes()}[drop] {
			t.Errorf("%d bytes dropped", n)
		}
	}
}
