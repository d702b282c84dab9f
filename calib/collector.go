package calib

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// A Collector adds up the inputs of a model's matrices. Its methods are for one goroutine.
type Collector struct {
	at      map[place][]*entry
	entries []*entry // in the order of the model's tensors
	threads int      // that add columns of an input at once
}

// A place is where in the forward pass a product is computed.
type place struct {
	layer int
	role  arch.Role
}

// An entry is a tensor that is multiplied with: a matrix, or several of the same shape.
type entry struct {
	name   string
	stats  []*quantize.Stats // of each matrix
	routed bool              // matrices see tokens of their own; otherwise each sees all
}

// NewCollector prepares for the matrices that llama-imatrix records: those of the layers, and the output head when it is
// asked for. A head that is the embedding is none of its own; experts' biases lie in a matrix, and are none; nor is what nothing multiplies with.
func NewCollector(b *arch.Bound, output bool) *Collector {
	c := &Collector{at: map[place][]*entry{}}
	for i, t := range b.Tensors {
		if len(t.Shape) < 2 || b.Origins[i].Rule.Idle || strings.HasSuffix(t.Name, ".bias") || slices.Contains(normed, b.Origins[i].Rule.Role) || slices.Contains(arch.SwitchRoles, b.Origins[i].Rule.Role) || b.Origins[i].Layer < 0 && !(output && t.Name == outputName) {
			continue
		}
		e := &entry{name: t.Name, routed: slices.Contains(routed, b.Origins[i].Rule.Role)}
		for range matrices(t) {
			e.stats = append(e.stats, quantize.NewStats(t.Cols()))
		}
		o := b.Origins[i]
		p := place{o.Layer, o.Rule.Role}
		c.at[p] = append(c.at[p], e)
		c.entries = append(c.entries, e)
	}
	return c
}

// normed are weights of norms, of which some families have a row for each head, what is added to scores, convolutions, tables, and numbers of heads that keep a state: nothing is multiplied with them.
var normed = []arch.Role{arch.RoleQNorm, arch.RoleKNorm, arch.RoleQGain, arch.RoleRelative, arch.RoleStateConv, arch.RoleStateDecay, arch.RoleStatePast, arch.RoleStateNorm,
	arch.RoleHash, arch.RolePoolBias, arch.RoleIndexBias, arch.RoleMixShift, arch.RoleMixBonus, arch.RoleMixHigh, arch.RoleConvR, arch.RoleConvK, arch.RoleConvV, arch.RoleGramConv}

// routed are the matrices that the router chooses tokens for.
var routed = []arch.Role{arch.RoleGateExps, arch.RoleUpExps, arch.RoleDownExps, arch.RoleGateGroups, arch.RoleUpGroups, arch.RoleDownGroups}

const outputName = "output.weight"

// matrices is how many lie in a tensor one behind the other.
func matrices(t *formats.Tensor) int {
	n := 1
	for _, d := range t.Shape[:len(t.Shape)-2] {
		n *= d
	}
	return n
}

// Observe adds the inputs x [m][k] of a product. It is a model.Options.Observe.
func (c *Collector) Observe(layer int, role arch.Role, x []float32, m, k int) {
	c.ObserveExpert(layer, role, 0, x, m, k)
}

// ObserveExpert adds the inputs of one of several matrices: those that the router sent to an expert.
func (c *Collector) ObserveExpert(layer int, role arch.Role, expert int, x []float32, m, k int) {
	for _, e := range c.at[place{layer, role}] {
		if expert < len(e.stats) && k == len(e.stats[expert].Diag) {
			c.add(e.stats[expert], x[:m*k], m)
		}
	}
}

// columnsPerTask is a width at which threads do not get into each other's way.
const columnsPerTask = 256

// add shares the columns of an input among threads. Each column is added up by one, so the sums are the same for any number.
func (c *Collector) add(s *quantize.Stats, x []float32, m int) {
	k := len(s.Diag)
	if c.threads <= 1 || k < 2*columnsPerTask || m < 16 {
		s.Add(x, m)
		return
	}
	s.Count += int64(m)
	tasks := min(c.threads, k/columnsPerTask)
	var all sync.WaitGroup
	for i := range tasks {
		all.Go(func() { s.AddColumns(x, k*i/tasks, k*(i+1)/tasks) })
	}
	all.Wait()
}

// wants says whether anything is recorded at a place.
func (c *Collector) wants(layer int, role arch.Role) bool { return len(c.at[place{layer, role}]) > 0 }

// bytes is the memory of the sums.
func (c *Collector) bytes() (n int64) {
	for _, e := range c.entries {
		n += 8 * int64(len(e.stats)) * int64(len(e.stats[0].Diag))
	}
	return n
}

// check finds sums that are not finite: the model, or its computation, is broken.
func (c *Collector) check() error {
	for _, e := range c.entries {
		for _, s := range e.stats {
			if i := slices.IndexFunc(s.Diag, func(d float64) bool { return !(d <= math.MaxFloat32) }); i >= 0 {
				return &formats.Error{Tensor: e.name, Err: formats.Corrupt("column %d of its inputs is not finite", i)}
			}
		}
	}
	return nil
}

// Imatrix is what was collected, as a file holds it. A tensor whose inputs were never seen is an error that names it.
func (c *Collector) Imatrix() (*formats.Imatrix, error) {
	m := &formats.Imatrix{}
	for _, e := range c.entries {
		f, seen := e.entry()
		if !seen {
			return nil, &formats.Error{Tensor: e.name, Err: fmt.Errorf("the forward pass never multiplied with this tensor")}
		}
		m.Entries = append(m.Entries, f)
	}
	m.Sort()
	return m, nil
}

// entry is what a file holds of a tensor, and whether any of its inputs were seen.
func (e *entry) entry() (f formats.ImatrixEntry, seen bool) {
	f.Name = e.name
	for i, s := range e.stats {
		if i == 0 || e.routed {
			f.Counts = append(f.Counts, s.Count)
		}
		seen = seen || s.Count > 0
		for _, d := range s.Diag {
			f.Sums = append(f.Sums, float32(d))
		}
	}
	return f, seen
}
