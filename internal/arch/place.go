package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quern/formats"
)

// A binder places the tensors of one source.
type binder struct {
	src     *formats.Source
	bound   *Bound
	name    func(*Rule) string  // the rule's name on the source's side
	gguf    bool                // the source has GGUF's names, and the tensors of older layouts
	clean   func(string) string // a source name as the rules spell it
	left    func(string) bool   // whether a tensor is of the other part of the checkpoint; nil where there is one part
	variant *Variant            // of config.json
	op      func(*Rule) func(*formats.Tensor, *Params) *formats.Tensor
	goals   []*goal            // in the order of the rules
	forms   map[string][]*goal // by GGUF name: layouts of the same tensor
	expect  map[string][]*want // by source name
	made    map[string]bool    // GGUF names

	companions map[string]*formats.Tensor // by the weight that they belong to; nil for formats that have none
}

// A goal is a tensor that a rule makes, of one source tensor or of one for each expert.
type goal struct {
	Origin
	name  string            // in GGUF
	parts []string          // names in the source
	have  []*formats.Tensor // of each part
	left  int
}

// A want is a source tensor's place in a goal.
type want struct {
	*goal
	part int
}

// place gives every source tensor its rules, and sees that every rule found its tensors.
func (b *binder) place() error {
	b.forms, b.expect, b.made = map[string][]*goal{}, map[string][]*want{}, map[string]bool{}
	for i := range b.bound.Arch.Tensors {
		b.aim(&b.bound.Arch.Tensors[i])
	}
	for _, t := range b.src.Tensors {
		name := b.clean(t.Name)
		wants, ok := b.expect[name]
		switch {
		case ok:
			for _, w := range wants {
				if err := b.give(t, w); err != nil {
					return err
				}
			}
		case b.companion(t):
		case b.left != nil && b.left(name):
			b.bound.Left = append(b.bound.Left, t.Name)
		case dropped(b.bound.Arch.Drop, name, b.bound.Params.Layers):
			b.bound.Dropped = append(b.bound.Dropped, t.Name)
		default:
			return b.unknown(t)
		}
	}
	if err := b.missing(); err != nil {
		return err
	}
	return b.scale()
}

// aim adds the goals of a rule.
func (b *binder) aim(r *Rule) {
	p := &b.bound.Params
	if b.gguf && r.asKey() {
		return
	}
	for l, name := range r.names(b.name(r), p) {
		if b.gguf && len(b.forms[r.At(r.GGUF, l, p)]) > 0 {
			continue // another layout of the same tensor
		}
		b.goal(Origin{Rule: r, Layer: l}, r.parts(name, p.At(l)))
		if b.gguf && r.Old != "" {
			b.goal(Origin{Rule: r, Layer: l}, r.parts(layerName(r.Old, l), p))
		}
	}
}

func (b *binder) goal(o Origin, parts []string) {
	g := &goal{Origin: o, name: o.Rule.At(o.Rule.GGUF, o.Layer, &b.bound.Params), parts: parts, left: len(parts)}
	if len(parts) > 1 && len(parts)*b.bound.Params.Layers > 16*len(b.src.Tensors)+1024 {
		g.parts = parts[:1] // the rest cannot be there, and a file must not make us list it
	}
	parts, g.have = g.parts, make([]*formats.Tensor, len(g.parts))
	b.goals, b.forms[g.name] = append(b.goals, g), append(b.forms[g.name], g)
	for i, part := range parts {
		b.expect[part] = append(b.expect[part], &want{g, i})
	}
}

// names yields the names of a rule with their layers, those layers that have the tensor; "{n}" counts them.
func (r *Rule) names(name string, p *Params) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		if name == "" {
			return
		}
		if p.NGrams.At(-1) {
			name = strings.Replace(name, "{ngram}", strconv.Itoa(int(p.NGrams.Layers[0])), 1)
		}
		if r.Blocks != nil {
			for l := range r.Blocks(p) {
				if !yield(l, r.At(name, l, p)) {
					return
				}
			}
			return
		}
		if !strings.Contains(name, "{}") && !strings.Contains(name, "{n}") {
			if r.When == nil || r.When(p, -1) {
				yield(-1, name)
			}
			return
		}
		n, layers := 0, p.Layers
		switch {
		case r.Hears:
			layers = p.Hear.Layers
		case r.Before:
			layers = p.Vision.Sam.Layers
		}
		for l := range layers {
			if r.When != nil && !r.When(p, l) {
				continue
			}
			if !yield(l, counted(layerName(name, l), n)) {
				return
			}
			n++
		}
	}
}

// parts are the names of the source tensors that a tensor consists of.
func (r *Rule) parts(name string, p *Params) []string {
	if before, words, after, ok := listed(name); ok {
		var parts []string
		for _, word := range strings.Split(words, ",") {
			parts = append(parts, before+word+after)
		}
		return parts
	}
	for _, of := range marks {
		before, after, stacked := strings.Cut(name, of.mark)
		if !stacked {
			continue
		}
		parts := make([]string, max(0, of.n(p)))
		for i := range parts {
			parts[i] = before + strconv.Itoa(i) + after
		}
		return parts
	}
	return []string{name}
}

// listed cuts a name at the words that stand in it in braces, with commas between.
func listed(name string) (before, words, after string, ok bool) {
	comma := strings.IndexByte(name, ',')
	if comma < 0 {
		return name, "", "", false
	}
	from, to := strings.LastIndexByte(name[:comma], '{'), strings.IndexByte(name[comma:], '}')
	return name[:from], name[from+1 : comma+to], name[comma+to+1:], true
}

// marks are those of names that stand for several tensors, and how many.
var marks = []struct {
	mark string
	n    func(p *Params) int
}{
	{"{e}", func(p *Params) int { return p.Mix.Count }},
	{"{g}", func(p *Params) int { return p.Mix.Banks() }},
	{"{h}", func(p *Params) int { return p.Heads }},
	{"{kv}", func(p *Params) int { return p.KVHeads }},
	{"{c}", func(p *Params) int { return p.Hear.Codes }},
	{"{u}", func(p *Params) int { return p.AltUp.Inputs - 1 }},
	{inParts, func(p *Params) int { return p.NGrams.Parts }},
}

// inParts marks a name of one of several parts of the rows of a matrix.
const inParts = "{s}"

// several says of a name that it stands for several tensors.
func several(name string) bool {
	for _, of := range marks {
		if strings.Contains(name, of.mark) {
			return true
		}
	}
	return strings.Contains(name, ",")
}

func layerName(name string, layer int) string {
	return strings.Replace(name, "{}", strconv.Itoa(layer), 1)
}

func counted(name string, n int) string { return strings.Replace(name, "{n}", strconv.Itoa(n), 1) }

// At is a name of the rule's in a layer.
func (r *Rule) At(name string, layer int, p *Params) string {
	if r.Blocks != nil {
		if at := r.Blocks(p); layer >= 0 && layer < len(at) {
			name = strings.Replace(name, "{at}", at[layer], 1)
		}
		return layerName(name, layer)
	}
	if !strings.Contains(name, "{n}") {
		return layerName(name, layer)
	}
	n := 0
	for l := range max(0, layer) {
		if r.When == nil || r.When(p, l) {
			n++
		}
	}
	return counted(layerName(name, layer), n)
}

// give puts a source tensor in its place, and appends the goal's tensor when this was the last of its parts.
func (b *binder) give(t *formats.Tensor, w *want) error {
	p, r := b.bound.Params.At(w.Layer), w.Rule
	if w.have[w.part] != nil {
		return b.fail(t.Name, formats.Corrupt("there twice, as %q and without its prefix", w.parts[w.part]), "")
	}
	dims := b.dims(w)
	if b.gguf && len(t.Shape) == len(dims)+1 && t.Shape[0] == 1 { // the outermost ones may be told or not
		t = shapedAs(t, t.Shape[1:]...)
	}
	if b.gguf && len(t.Shape) == 1 && len(dims) == 2 && dims[0] == 1 {
		t = shapedAs(t, 1, t.Shape[0])
	}
	if n := len(dims); b.gguf && n > 2 && len(t.Shape) < n && equal(t.Shape, dims[n-len(t.Shape):]) && t.Elems() == elems(dims) ||
		!b.gguf && n > 2 && slices.Contains(dims, 1) && equal(withoutOnes(t.Shape), withoutOnes(dims)) {
		t = shapedAs(t, dims...)
	}
	if !equal(t.Shape, dims) {
		hint := ""
		if r.Role == RoleEmbed && len(t.Shape) == 2 && t.Shape[1] == p.Embd {
			hint = fmt.Sprintf("the vocabulary was resized: vocab_size should say %d", t.Shape[0])
		}
		return b.fail(t.Name, formats.Corrupt("has shape %v, but the model's hyper-parameters say %v (%s)", t.Shape, dims, r.Shape), hint)
	}
	w.have[w.part] = t
	if w.left--; w.left > 0 {
		return nil
	}
	if r.asKey() {
		return b.keep(t, w.goal)
	}
	w.Source = t.Name
	for _, part := range w.have {
		w.Parts = append(w.Parts, part.Name)
	}
	switch {
	case !b.gguf && r.Do.Combine != nil:
		t = r.Do.Combine(w.have, p.At(w.Layer))
		w.Source = common(w.have)
	case len(w.parts) > 1 || b.stacked(w.goal):
		t = stacked(w.have)
		w.Source = t.Name
		if strings.Contains(b.name(r), inParts) {
			t = asOne(t, r.Dims(p))
		}
	}
	n := *t
	if do := b.op(r); do != nil {
		n = *do(t, p.At(w.Layer))
	}
	n.Name = w.name
	if b.made[n.Name] && dropped(b.bound.Arch.Drop, b.clean(w.Source), p.Layers) { // the same under another name
		b.bound.Dropped = append(b.bound.Dropped, w.Source)
		return nil
	}
	if b.made[n.Name] {
		return b.fail(w.Source, formats.Corrupt("%s is there in two layouts", n.Name), "")
	}
	b.made[n.Name] = true
	b.bound.Tensors = append(b.bound.Tensors, &n)
	b.bound.Origins = append(b.bound.Origins, w.Origin)
	return nil
}

// withoutOnes are the dimensions that are not one, which checkpoints of some families tell and others do not.
func withoutOnes(dims []int) []int {
	return slices.DeleteFunc(slices.Clone(dims), func(n int) bool { return n == 1 })
}

func elems(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// stacked says whether a goal's tensor has a dimension more than its parts.
func (b *binder) stacked(g *goal) bool {
	return several(b.name(g.Rule)) && g.Rule.Forms == nil || g.Rule.Old != "" && g.parts[0] != g.Rule.At(b.name(g.Rule), g.Layer, &b.bound.Params)
}

// dims is the shape that a part of a goal must have.
func (b *binder) dims(g *want) []int {
	if b.gguf {
		d := g.Rule.Dims(b.bound.Params.At(g.Layer))
		if b.stacked(g.goal) {
			d = d[1:]
		}
		return d
	}
	return g.Rule.partDims(g.part, b.bound.Params.At(g.Layer))
}

// Dims is the shape that a rule demands of the GGUF tensor.
func (r *Rule) Dims(p *Params) []int { return dimensions(r.Shape, p) }

// sourceDims is the shape that it demands of each source tensor.
func (r *Rule) sourceDims(p *Params) []int {
	switch {
	case r.From != "":
		return dimensions(r.From, p)
	case several(r.HF):
		return r.Dims(p)[1:]
	}
	return r.Dims(p)
}

// partDims is the same of one of several.
func (r *Rule) partDims(part int, p *Params) []int {
	if r.Forms != nil {
		return dimensions(r.Forms[part%len(r.Forms)], p)
	}
	return r.sourceDims(p)
}

func dimensions(letters string, p *Params) []int {
	var d []int
	for _, letter := range strings.Fields(letters) {
		d = append(d, p.Dim(letter))
	}
	return d
}
