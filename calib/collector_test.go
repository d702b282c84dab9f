package calib

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// bound is a model of one layer: a matrix, three experts, a norm, an embedding and a head.
func bound() *arch.Bound {
	b := &arch.Bound{}
	add := func(name string, layer int, role arch.Role, shape ...int) {
		b.Tensors = append(b.Tensors, &formats.Tensor{Name: name, Shape: shape, Type: quantize.F32})
		b.Origins = append(b.Origins, arch.Origin{Layer: layer, Rule: &arch.Rule{Role: role}})
	}
	add("token_embd.weight", -1, arch.RoleEmbed, 9, 4)
	add("blk.0.attn_norm.weight", 0, arch.RoleAttnNorm, 4)
	add("blk.0.attn_q.weight", 0, arch.RoleQ, 8, 4)
	add("blk.0.attn_q_norm.weight", 0, arch.RoleQNorm, 2, 4)
	add("blk.0.attn_q.bias", 0, arch.RoleQ, 8)
	add("blk.0.ffn_down_exps.weight", 0, arch.RoleDownExps, 3, 4, 6)
	add("blk.0.ffn_down_exps.bias", 0, arch.RoleDownExps, 3, 4)
	add("output.weight", -1, arch.RoleOutput, 9, 4)
	return b
}

func names(c *Collector) (list []string) {
	for _, e := range c.entries {
		list = append(list, e.name)
	}
	return list
}

func TestCollectorRecords(t *testing.T) {
	if got := names(NewCollector(bound(), false)); !slices.Equal(got, []string{"blk.0.attn_q.weight", "blk.0.ffn_down_exps.weight"}) {
		t.Errorf("records %q", got)
	}
	if got := names(NewCollector(bound(), true)); len(got) != 3 || got[2] != "output.weight" {
		t.Errorf("with the output: %q", got)
	}
}

// The sums are those of a plain loop, however inputs are cut into calls.
func TestCollectorSums(t *testing.T) {
	const m, k = 37, 4
	rng := rand.New(rand.NewPCG(1, 2))
	x, want := make([]float32, m*k), make([]float64, k)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(rng.NormFloat64()*3))
		want[i%k] += float64(x[i]) * float64(x[i])
	}
	for _, step := range []int{1, 2, 5, m} {
		c := NewCollector(bound(), false)
		for from := 0; from < m; from += step {
			n := min(step, m-from)
			c.Observe(0, arch.RoleQ, x[from*k:(from+n)*k], n, k)
			c.Observe(0, arch.RoleK, x[from*k:(from+n)*k], n, k) // no tensor is there
		}
		if s := c.entries[0].stats[0]; s.Count != m || !slices.Equal(s.Diag, want) {
			t.Errorf("in steps of %d: %v of %d, want %v", step, s.Diag, s.Count, want)
		}
	}
}

// Threads that share the columns make the same sums.
func TestCollectorThreads(t *testing.T) {
	const m, k = 40, 4*columnsPerTask + 7
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, m*k)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	want := quantize.NewStats(k)
	want.Add(x, m)
	for threads := range 7 {
		c, s := &Collector{threads: threads}, quantize.NewStats(k)
		c.add(s, x, m)
		if s.Count != want.Count || !slices.Equal(s.Diag, want.Diag) {
			t.Errorf("%d threads change the sums", threads)
		}
	}
}

func TestCollectorExperts(t *testing.T) {
	c := NewCollector(bound(), false)
	c.Observe(0, arch.RoleQ, []float32{1, 2, 3, 4}, 1, 4)
	c.ObserveExpert(0, arch.RoleDownExps, 0, []float32{1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2}, 2, 6)
	c.ObserveExpert(0, arch.RoleDownExps, 2, []float32{3, 0, 0, 0, 0, 0}, 1, 6)
	m, err := c.Imatrix()
	if err != nil {
		t.Fatal(err)
	}
	e := m.Entry("blk.0.ffn_down_exps.weight")
	if !slices.Equal(e.Counts, []int64{2, 0, 1}) || !slices.Equal(e.Sums, []float32{5, 5, 5, 5, 5, 5, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0}) {
		t.Errorf("%+v", e)
	}
	cover := CoverageOf(m, 2)
	if len(cover) != 1 || cover[0].Min != 0 || cover[0].Median != 1 || cover[0].Max != 2 || !slices.Equal(cover[0].Rare, []int{1, 2}) {
		t.Errorf("coverage %+v", cover)
	}
}

func TestCollectorRefuses(t *testing.T) {
	c := NewCollector(bound(), false)
	c.Observe(0, arch.RoleQ, []float32{1, 2, 3, 4}, 1, 4)
	if _, err := c.Imatrix(); err == nil || !strings.Contains(err.Error(), "blk.0.ffn_down_exps.weight") {
		t.Errorf("a tensor that was never seen: %v", err)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1)), math.MaxFloat32} {
		c := NewCollector(bound(), false)
		c.Observe(0, arch.RoleQ, []float32{1, 2, bad, 4}, 1, 4)
		if err := c.check(); !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), `"blk.0.attn_q.weight": column 2`) {
			t.Errorf("an input of %v: %v", bad, err)
		}
	}
}

func TestChunks(t *testing.T) {
	tokens := make([]int32, 100)
	for i := range tokens {
		tokens[i] = int32(i)
	}
	text := func(c Cutting) string {
		list, err := c.Chunks(tokens)
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, l := range list {
			fmt.Fprintf(&b, "%d:%d-%d(%d) ", l[0], l[1], l[len(l)-1], len(l))
		}
		return b.String()
	}
	for _, c := range []struct {
		cut  Cutting
		want string
	}{
		{Cutting{Ctx: 32, BOS: -1}, "0:1-31(32) 32:33-63(32) 64:65-95(32) "},
		{Cutting{Ctx: 32, BOS: 7}, "7:1-31(32) 7:33-63(32) 7:65-95(32) "},
		{Cutting{Ctx: 32, BOS: -1, Most: 1}, "0:1-31(32) "},
		{Cutting{Ctx: 32, BOS: -1, First: 1}, "32:33-63(32) 64:65-95(32) "},
		{Cutting{Ctx: 32, BOS: -1, First: 2}, "text too short: 100 tokens, two chunks of 32 after the first 2 need 128"},
		{Cutting{Ctx: 51, BOS: -1}, "text too short: 100 tokens, two chunks of 51 after the first 0 need 102"},
		{Cutting{Ctx: 8, BOS: -1}, "chunks of 8 tokens: at least 16 are needed"},
	} {
		if got := text(c.cut); got != c.want {
			t.Errorf("%+v: %q, want %q", c.cut, got, c.want)
		}
	}
	if !slices.IsSorted(tokens) {
		t.Error("the tokens were changed")
	}
}
