package convert

import (
	"errors"
	"slices"
	"sort"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// AdapterOfGGUF reads a GGUF adapter under the names, and in the order of rows, of the base model: a folder, its config.json alone, or a
// GGUF.
func AdapterOfGGUF(path string, base *formats.Source) (*Adapter, error) {
	src, err := formats.Open(path)
	if err != nil {
		return nil, err
	}
	a := &Adapter{Path: path, file: src.File, close: src.Close}
	b, err := arch.Bind(base)
	if err == nil {
		err = a.unpair(src, base, b)
	}
	if err != nil {
		src.Close()
		return nil, err
	}
	return a, nil
}

// A givenPair is the two tensors of a GGUF adapter for one of the base's.
type givenPair struct{ a, b *formats.Tensor }

func (a *Adapter) unpair(src, base *formats.Source, b *arch.Bound) error {
	if kind := src.Meta.String("adapter.type"); src.Meta.String("general.type") != "adapter" || kind != "lora" {
		return a.fail("adapter.type", formats.Unsupported("is %.40q: the file is no LoRA adapter", kind), "")
	}
	if name := src.Meta.String("general.architecture"); name != b.Arch.Name {
		return a.fail("general.architecture", formats.Corrupt("is %.40q, the base model is a %s", name, b.Arch.Name), "")
	}
	alpha, _ := src.Meta.Float("adapter.lora.alpha")
	a.spec = &loraSpec{alpha: alpha}
	if ids, ok := src.Meta.Value("adapter.alora.invocation_tokens").([]uint32); ok {
		for _, id := range ids {
			a.spec.invocation = append(a.spec.invocation, int(id))
		}
	}
	given := map[string]*givenPair{}
	for _, t := range src.Tensors {
		name, isA := strings.CutSuffix(t.Name, ".lora_a")
		if !isA {
			var isB bool
			if name, isB = strings.CutSuffix(t.Name, ".lora_b"); !isB {
				return a.fail(t.Name, formats.Unsupported("is no part of a low-rank change"), "")
			}
		}
		if t.Rows == nil {
			return a.fail(t.Name, formats.Unsupported("type %s cannot be decoded", t.Type), "")
		}
		if given[name] == nil {
			given[name] = &givenPair{}
		}
		if isA {
			given[name].a = t
		} else {
			given[name].b = t
		}
	}
	used := map[string]bool{}
	if err := a.modulesOf(given, layout(base, b), used); err != nil {
		return err
	}
	for name := range given {
		if !used[name] {
			return a.fail(name, formats.Unsupported("the base model has no matrix for it"), "is it the model that the adapter was trained for?")
		}
	}
	if err := a.lie(); err != nil {
		return err
	}
	a.settle()
	return a.targets()
}

// lie says whether the base stores its matrices with inputs first, as adapter_config.json can tell of all or of none.
func (a *Adapter) lie() error {
	first := ""
	for _, m := range a.modules {
		switch {
		case m.embedding:
		case first == "":
			first, a.spec.turned = m.name, m.turned
		case m.turned != a.spec.turned:
			return a.fail(m.name, formats.Unsupported("stands with inputs and outputs the other way round than %s: a folder cannot tell", first), "")
		}
	}
	return nil
}

// layout is the places of the matrices of one layout: the base's, or the first of the table.
func layout(base *formats.Source, b *arch.Bound) map[string][]arch.Place {
	all := b.Places()
	type part struct {
		gguf   string
		expert int
	}
	best := map[part]string{}
	there := map[string]bool{}
	for _, t := range base.Tensors {
		there[t.Name] = true
	}
	better := func(x, y string) bool {
		if there[x] != there[y] {
			return there[x]
		}
		return all[x][0].Layout < all[y][0].Layout
	}
	for name, places := range all {
		for _, p := range places {
			k := part{p.GGUF, p.Expert}
			if old, ok := best[k]; !ok || better(name, old) {
				best[k] = name
			}
		}
	}
	out := map[string][]arch.Place{}
	for _, name := range best {
		out[name] = all[name]
	}
	return out
}

// modulesOf makes a module of every matrix that the file has a change for.
func (a *Adapter) modulesOf(given map[string]*givenPair, places map[string][]arch.Place, used map[string]bool) error {
	var names []string
	for name := range places {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		m := &pieces{a: a, name: strings.TrimSuffix(name, ".weight")}
		for _, p := range places[name] {
			if g := given[p.GGUF]; g != nil {
				used[p.GGUF] = true
				if err := m.add(g, p); err != nil {
					return err
				}
			}
		}
		if len(m.as) > 0 {
			a.modules = append(a.modules, m.module())
		}
	}
	return nil
}

// pieces are the changes of one matrix of a folder, which may be several tensors in GGUF.
type pieces struct {
	a         *Adapter
	name      string
	embedding bool
	turned    bool // with inputs first
	in, out   int
	as, bs    [][]float32 // as: [rank, in]; bs: [out, rank], zero in rows that the piece has no part in
	ranks     []int
}

func (m *pieces) add(g *givenPair, p arch.Place) error {
	if g.a == nil || g.b == nil {
		return m.a.fail(p.GGUF, formats.Corrupt("one of its two matrices is missing"), "")
	}
	av, bv, sa, sb, err := m.slice(g, p)
	if err != nil {
		return err
	}
	out, in := p.Source[0], p.Source[1]
	if p.Turned || p.Embed {
		out, in = in, out
	}
	if p.Embed {
		sa[0], sa[1] = sa[1], sa[0]
		av, _ = (&thin{memory("", []int{sa[1], sa[0]}, av), true}).values()
	}
	rows := p.Rows
	if rows == nil {
		for i := range out {
			rows = append(rows, i)
		}
	}
	rank := sa[0]
	if rank < 1 || sa[1] != in || sb[0] != len(rows) || sb[1] != rank {
		return m.a.fail(p.GGUF, formats.Corrupt("shapes %v and %v do not fit into %v", g.a.Shape, g.b.Shape, p.Source), "is it the model that the adapter was trained for?")
	}
	if p.Columns != nil {
		moved := make([]float32, len(av))
		for i, x := range av {
			moved[i/in*in+p.Columns[i%in]] = x
		}
		av = moved
	}
	wide := make([]float32, out*rank)
	for i, to := range rows {
		copy(wide[to*rank:(to+1)*rank], bv[i*rank:(i+1)*rank])
	}
	m.in, m.out, m.embedding, m.turned = in, out, p.Embed, p.Turned
	m.as, m.bs, m.ranks = append(m.as, av), append(m.bs, wide), append(m.ranks, rank)
	return nil
}

// slice reads the matrices of a tensor, or those of one of its experts.
func (m *pieces) slice(g *givenPair, p arch.Place) (a, b []float32, sa, sb []int, err error) {
	read := func(t *formats.Tensor) ([]float32, []int) {
		shape, first := slices.Clone(t.Shape), 0
		if p.Expert >= 0 && len(shape) == 3 && p.Expert < shape[0] {
			shape = shape[1:]
			first = p.Expert * shape[0]
		}
		if len(shape) != 2 {
			err = errors.Join(err, m.a.fail(t.Name, formats.Corrupt("has shape %v", t.Shape), ""))
			return nil, []int{0, 0}
		}
		v := make([]float32, shape[0]*shape[1])
		if e := t.Rows.ReadRows(v, first); e != nil {
			err = e
		}
		return v, shape
	}
	a, sa = read(g.a)
	b, sb = read(g.b)
	return a, b, sa, sb, err
}

// module puts the pieces together: those with one first matrix share it, others lie side by side in a larger rank.
func (m *pieces) module() *module {
	a, b, rank := m.as[0], m.bs[0], m.ranks[0]
	alpha := m.a.spec.alpha
	scale := func(rank int) float64 {
		if alpha == 0 {
			return 1 // so runtimes
		}
		return alpha / float64(rank)
	}
	for i := 1; i < len(m.as); i++ {
		if slices.Equal(m.as[i], m.as[0]) && rank == m.ranks[i] {
			for j, x := range m.bs[i] {
				b[j] += x // rows of one piece are zero in the others
			}
			continue
		}
		factor := scale(m.ranks[i]) / scale(m.ranks[0])
		wide := make([]float32, m.out*(rank+m.ranks[i]))
		for o := range m.out {
			to := wide[o*(rank+m.ranks[i]):]
			copy(to, b[o*rank:(o+1)*rank])
			for k, x := range m.bs[i][o*m.ranks[i] : (o+1)*m.ranks[i]] {
				to[rank+k] = float32(float64(x) * factor)
			}
		}
		a, b, rank = append(slices.Clone(a), m.as[i]...), wide, rank+m.ranks[i]
	}
	return &module{name: m.name, embedding: m.embedding, turned: m.turned, rank: rank, scale: scale(m.ranks[0]),
		a: memory(m.name, []int{rank, m.in}, a), b: memory(m.name, []int{m.out, rank}, b)}
}

// memory is a matrix in memory.
func memory(name string, shape []int, v []float32) *formats.Tensor {
	return &formats.Tensor{Name: name, Shape: shape, Type: quantize.F32, Rows: memoryRows{v, shape[1]}}
}

type memoryRows struct {
	v    []float32
	cols int
}

func (r memoryRows) ReadRows(dst []float32, row int) error {
	copy(dst, r.v[row*r.cols:])
	return nil
}

// settle finds the rank and the factor that most modules have.
func (a *Adapter) settle() {
	count := map[[2]float64]int{}
	best := [2]float64{}
	for _, m := range a.modules {
		k := [2]float64{float64(m.rank), m.scale * float64(m.rank)}
		count[k]++
		if count[k] > count[best] || count[best] == 0 {
			best = k
		}
	}
	a.spec.r, a.spec.alpha = int(best[0]), best[1]
}
