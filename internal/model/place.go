package model

import (
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
)

// place puts a tensor where its role says.
func (m *Model) place(t *formats.Tensor, o arch.Origin) error {
	if slices.Contains(elsewhere, o.Rule.Role) || o.Rule.Idle {
		return nil // already in Params; for images only; for nothing
	}
	if t.Rows == nil {
		return formats.Unsupported("weights of type %v cannot be decoded", t.Type)
	}
	switch o.Rule.Role {
	case arch.RoleEmbed:
		m.embed = t
		return shaped(t, m.params.Vocab, m.params.Embd)
	case arch.RoleSideEmbed:
		m.side.embed = t
		return shaped(t, m.params.Vocab, m.params.Layers*m.params.Side)
	case arch.RoleGramTable:
		m.layers[m.params.NGrams.Layers[0]].grams.table = t
		return shaped(t, m.params.NGrams.Rows, m.params.NGrams.Dim)
	case arch.RolePositions:
		m.positions = t
		return shaped(t, m.params.Context, m.params.Embd)
	case arch.RoleRelative:
		return m.placeRelative(t, o.Layer)
	case arch.RoleHash:
		return m.placeTable(t, &m.layers[o.Layer])
	case arch.RoleTypes:
		m.types = make([]float32, m.params.Embd)
		if err := shaped(t, m.params.Types, m.params.Embd); err != nil {
			return err
		}
		return t.Rows.ReadRows(m.types, 0)
	}
	slots := m.outer()
	if o.Layer >= 0 && o.Layer < len(m.layers) {
		slots = m.layers[o.Layer].slots()
	}
	if len(o.Rule.And) == 0 || len(t.Shape) == 3 {
		return put(slots, t, o.Rule.Role, o.Layer)
	}
	return split(slots, t, o)
}

// elsewhere are the roles of tensors that layers do not have.
var elsewhere = []arch.Role{arch.RoleRopeFactors, arch.RoleRopeLong, arch.RoleRopeShort, arch.RoleVision}

// put fills the slot of a role.
func put(slots []slot, t *formats.Tensor, role arch.Role, layer int) error {
	i := slices.IndexFunc(slots, func(s slot) bool { return s.role == role })
	if i < 0 {
		return formats.Unsupported("the forward pass has no use for this tensor")
	}
	s := slots[i]
	if s.stack > 0 {
		return s.putStack(t, layer)
	}
	if s.table != nil && len(t.Shape) > 2 && t.Elems() == s.n*s.k { // with dimensions of one between, of runtimes that broadcast it
		flat := *t
		flat.Shape = []int{s.n, s.k}
		t = &flat
	}
	if s.table != nil && len(t.Shape) == 2 {
		return s.readTable(t)
	}
	if s.matrix != nil && len(t.Shape) == 2 {
		s.matrix.t, s.matrix.n, s.matrix.k, s.matrix.layer, s.matrix.role = t, s.n, s.k, layer, s.role
		return shaped(t, s.n, s.k)
	}
	switch bias := strings.HasSuffix(t.Name, ".bias"); {
	case s.matrix != nil:
		s.vector = &s.matrix.bias
	case s.norm != nil && bias && len(t.Shape) == 2:
		return readHeads(&s.norm.bias, t, s.heads, s.n)
	case s.norm != nil && bias:
		s.vector = &s.norm.bias
	case s.norm != nil:
		return s.norm.read(t, s.n, s.heads)
	}
	return readVector(s.vector, t, s.n)
}

// placeTable reads which experts each token is given to.
func (m *Model) placeTable(t *formats.Tensor, l *layer) error {
	v, x := m.params.Vocab, &m.params.Mix
	if err := shaped(t, v, x.Used); err != nil {
		return err
	}
	l.table = make([]int32, v*x.Used)
	row := make([]float32, x.Used)
	for i := range v {
		if err := t.Rows.ReadRows(row, i); err != nil {
			return err
		}
		for j, e := range row {
			if !(e >= 0 && e < float32(x.Count)) {
				return formats.Corrupt("gives token %d to expert %v of %d", i, e, x.Count)
			}
			l.table[i*x.Used+j] = int32(e)
		}
	}
	return nil
}

func readVector(dst *[]float32, t *formats.Tensor, n int) error {
	if err := shaped(t, n); err != nil {
		return err
	}
	*dst = make([]float32, n)
	return t.Rows.ReadRows(*dst, 0)
}

func (s *slot) readTable(t *formats.Tensor) error {
	if err := shaped(t, s.n, s.k); err != nil {
		return err
	}
	x := make([]float32, s.n*s.k)
	if err := t.Rows.ReadRows(x, 0); err != nil {
		return err
	}
	if *s.table = x; !s.turned {
		return nil
	}
	*s.table = make([]float32, len(x))
	for i, v := range x {
		(*s.table)[i%s.k*s.n+i/s.k] = v
	}
	return nil
}

func shaped(t *formats.Tensor, want ...int) error {
	if !slices.Equal(t.Shape, want) {
		return formats.Corrupt("has shape %v, want %v", t.Shape, want)
	}
	return nil
}

// complete sees that every place is filled.
func (m *Model) complete() error {
	slots := m.outer()
	for i := range m.layers {
		slots = append(slots, m.layers[i].slots()...)
	}
	ok := m.embed != nil && (m.side.embed != nil || m.params.Side == 0)
	for _, s := range slots {
		ok = ok && (s.may || s.matrix == nil || s.matrix.t != nil) && (s.may || s.vector == nil || s.table != nil || *s.vector != nil) && (s.may || s.table == nil || *s.table != nil) && (s.may || s.norm == nil || s.norm.weight != nil)
	}
	if !ok {
		return &formats.Error{Err: formats.Corrupt("a tensor of the model is missing")}
	}
	return nil
}

// normed is how many of the given dimensions are normed together.
func (l *layer) normed(all int) int {
	if l.whole {
		return all
	}
	return l.p.HeadDim
}

// matrices are those of the slots that are filled.
func (l *layer) matrices() (ws []*weight) {
	for _, s := range l.slots() {
		if s.matrix != nil && s.matrix.t != nil {
			ws = append(ws, s.matrix)
		}
	}
	return ws
}
