package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
	"quern/quantize"
)

// Merge is a source in Hugging Face's layout with adapters added, one after the other, each times its factor (1 is as it was trained).
// Nothing is computed before rows are asked for. A GGUF is a base, too: it is rebuilt as a folder first (Rebuilt). What an adapter has and
// the base has no place for is an error.
func Merge(base *formats.Source, adapters []*Adapter, factors []float64) (*formats.Source, []string, error) {
	if isGGUF(base) {
		var err error
		if base, err = Rebuilt(base); err != nil {
			return nil, nil, err
		}
	}
	out := *base
	m := &merger{src: &out, byName: map[string]*formats.Tensor{}, touched: map[string]bool{}}
	out.Tensors = slices.Clone(base.Tensors)
	for _, t := range out.Tensors {
		m.byName[t.Name] = t
	}
	if err := m.config(base); err != nil {
		return nil, nil, err
	}
	for i, a := range adapters {
		if a.spec.invocation != nil {
			return nil, nil, a.fail("alora_invocation_tokens", formats.Unsupported("the adapter works on what follows certain tokens only: it cannot be merged"), "")
		}
		if err := m.add(a, factors[i]); err != nil {
			return nil, nil, err
		}
	}
	for i, t := range out.Tensors {
		out.Tensors[i] = m.byName[t.Name]
	}
	if err := m.tie(); err != nil {
		return nil, nil, err
	}
	if err := m.files(base, adapters); err != nil {
		return nil, nil, err
	}
	return &out, m.notes, m.bound()
}

type merger struct {
	src     *formats.Source
	byName  map[string]*formats.Tensor
	touched map[string]bool         // changed by any adapter
	earlier map[string]bool         // changed by those before this one
	plain   map[string]string       // names of the base's tensors by what they are without the layout of a model around a language model
	places  map[string][]arch.Place // of the names that checkpoints of the base's family have, in any layout
	untied  bool
	root    map[string]any // config.json
	notes   []string
}

func (m *merger) config(base *formats.Source) error {
	c, err := arch.ReadConfig(base, "config.json")
	if err != nil {
		return err
	}
	if c.RoundsWeights() {
		return &formats.Error{File: filepath.Join(base.Path, "config.json"), Err: formats.Unsupported("its weights are rounded where they are used, and the adapter is for what that makes: a sum would be rounded, too"),
			Hint: "convert the base into a GGUF first, which holds rounded weights, and merge into that"}
	}
	text, err := c.Text()
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	return d.Decode(&m.root)
}

// find is the base's tensor of a module, under the name that the adapter gives it or with another prefix.
func (m *merger) find(name string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(name, "model."), "backbone.")
	for _, n := range []string{name, rest, "model." + rest, "model." + name, "backbone." + rest} {
		if m.byName[n] != nil {
			return n
		}
	}
	if m.plain == nil { // of a model around a language model
		m.plain = map[string]string{}
		for _, t := range m.src.Tensors {
			m.plain[arch.Plain(t.Name)] = t.Name
		}
	}
	if plain := m.plain[arch.Plain(name)]; plain != "" {
		return plain
	}
	return m.otherName(name)
}

// add applies one adapter.
func (m *merger) add(a *Adapter, factor float64) error {
	m.earlier = maps.Clone(m.touched)
	for _, t := range a.whole {
		if err := m.whole(a, t); err != nil {
			return err
		}
	}
	for _, mod := range a.modules {
		if err := m.module(a, mod, factor); err != nil {
			return err
		}
	}
	for _, r := range a.rows {
		if err := m.trained(a, r); err != nil {
			return err
		}
	}
	return nil
}

// set puts a tensor in the place of the base's, of the base's type: codes and bytes are gone.
func (m *merger) set(name string, shape []int, rows formats.Rows) {
	n := *m.byName[name]
	n.Shape, n.Rows, n.Raw, n.Scale = shape, rows, nil, nil
	if n.Type.Block != 1 {
		n.Type = quantize.BF16
	}
	m.byName[name], m.touched[name] = &n, true
}

const headTensor, embedTensor = "lm_head.weight", "model.embed_tokens.weight"

// whole replaces a tensor; embeddings and heads may have more rows than the base's.
func (m *merger) whole(a *Adapter, t *formats.Tensor) error {
	name := m.find(t.Name)
	if name == "" && t.Name == headTensor && m.find(embedTensor) != "" {
		name = m.untie()
	}
	if name == "" {
		return a.fail(t.Name, formats.Corrupt("the base model has no such tensor"), "is it the model that the adapter was trained for?")
	}
	if m.earlier[name] {
		return a.fail(t.Name, formats.Unsupported("was trained whole, and another adapter has changed it already"), "")
	}
	base := m.byName[name]
	if len(t.Shape) == 2 && len(base.Shape) == 2 && t.Shape[0] != base.Shape[0] && t.Shape[1] == base.Shape[1] && m.vocabulary(name) {
		m.resize(t.Shape[0])
	} else if slices.Equal(t.Shape, base.Shape) {
		if m.find(embedTensor) == name && a.alone() && m.byName[headTensor] == nil {
			m.untie() // the head that training saw was the base's
		}
	} else {
		return a.fail(t.Name, formats.Corrupt("has shape %v, the base model's has %v", t.Shape, base.Shape), "is it the model that the adapter was trained for?")
	}
	m.set(name, t.Shape, t.Rows)
	return nil
}

// vocabulary says of a tensor that it has a row for every token.
func (m *merger) vocabulary(name string) bool {
	return strings.HasSuffix(name, "embed_tokens.weight") || strings.HasSuffix(name, "lm_head.weight") || strings.HasSuffix(name, "wte.weight") ||
		strings.HasSuffix(name, "embed_in.weight") || strings.HasSuffix(name, "embed_out.weight")
}

// resize makes config.json say how large the vocabulary is now.
func (m *merger) resize(n int) {
	at := m.root
	if text, ok := m.root["text_config"].(map[string]any); ok {
		if _, has := text["vocab_size"]; has {
			at = text
		}
	}
	if said := json.Number(fmt.Sprint(n)); at["vocab_size"] != said {
		at["vocab_size"] = said
		m.notes = append(m.notes, fmt.Sprintf("the vocabulary has %d entries now", n))
	}
}

// untie gives a model whose head is its embedding a head of its own.
func (m *merger) untie() string {
	head := *m.byName[m.find(embedTensor)]
	head.Name = headTensor
	m.byName[headTensor] = &head
	m.src.Tensors = append(m.src.Tensors, &head)
	m.root["tie_word_embeddings"] = false
	m.untied, m.touched[headTensor] = true, true
	return headTensor
}

// alone says that an adapter's copy of the embedding was trained beside a head that stayed as it was.
func (a *Adapter) alone() bool {
	return !a.spec.tying && slices.Contains(a.spec.saved, "embed_tokens") && !slices.ContainsFunc(a.whole, func(t *formats.Tensor) bool { return t.Name == headTensor })
}

// tie makes a head that turned out to be the embedding's equal the embedding again.
func (m *merger) tie() error {
	if !m.untied {
		return nil
	}
	head, embed := m.byName[headTensor], m.byName[m.find(embedTensor)]
	same, err := equalRows(head, embed)
	if err != nil {
		return err
	}
	if !same {
		m.notes = append(m.notes, "the base model's head was its embedding; an adapter changes one of them, so both are stored")
		return nil
	}
	m.src.Tensors = slices.DeleteFunc(m.src.Tensors, func(t *formats.Tensor) bool { return t.Name == headTensor })
	m.root["tie_word_embeddings"] = true
	return nil
}

// equalRows compares two matrices, some rows at a time.
func equalRows(x, y *formats.Tensor) (bool, error) {
	if !slices.Equal(x.Shape, y.Shape) {
		return false, nil
	}
	step := max(1, smallBlock/x.Cols())
	a, b := make([]float32, step*x.Cols()), make([]float32, step*x.Cols())
	for row := 0; row < x.NumRows(); row += step {
		n := min(step, x.NumRows()-row) * x.Cols()
		if err := x.Rows.ReadRows(a[:n], row); err != nil {
			return false, err
		}
		if err := y.Rows.ReadRows(b[:n], row); err != nil {
			return false, err
		}
		if !slices.Equal(a[:n], b[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// module adds a product.
func (m *merger) module(a *Adapter, mod *module, factor float64) error {
	name := m.find(mod.name + ".weight")
	if name == "" && mod.name == "lm_head" && m.find(embedTensor) != "" {
		name = m.untie()
	}
	if name == "" {
		return a.fail(mod.name, formats.Corrupt("the base model has no such module"), "is it the model that the adapter was trained for?")
	}
	base := m.byName[name]
	if base.Ranks > 0 {
		return a.fail(mod.name, formats.Unsupported("the base's rows are laid out for %d processors, and an adapter's are not told to be", base.Ranks), "convert and export the base, which joins them, and merge into that folder")
	}
	if base.Rows == nil {
		return a.fail(mod.name, formats.Unsupported("the base's type %s cannot be decoded", base.Type), "")
	}
	if len(base.Shape) != 2 {
		return a.fail(mod.name, formats.Unsupported("the base's tensor has shape %v", base.Shape), "only matrices take a LoRA")
	}
	if strings.HasSuffix(name, "embed_tokens.weight") && m.byName[headTensor] == nil {
		m.untie()
	}
	rows, err := m.product(a, mod, base, factor)
	if err != nil {
		return err
	}
	m.set(name, base.Shape, rows)
	return nil
}

// product is the base's rows plus those of a module.
func (m *merger) product(a *Adapter, mod *module, base *formats.Tensor, factor float64) (formats.Rows, error) {
	in, out := mod.a.Shape[1], mod.b.Shape[0]
	fits := base.Shape[0] == out && base.Shape[1] == in
	flips := base.Shape[0] == in && base.Shape[1] == out
	r := &lowRank{base: base.Rows, rows: base.Shape[0], cols: base.Shape[1], rank: mod.rank, scale: mod.scale * factor, magnitude: mod.magnitude}
	switch turned := mod.embedding || a.spec.turned; {
	case flips && (turned || !fits):
		r.left, r.right, r.perColumn = &thin{mod.a, true}, &thin{mod.b, true}, true
	case fits && !mod.embedding:
		r.left, r.right = &thin{mod.b, false}, &thin{mod.a, false}
	default:
		return nil, a.fail(mod.name, formats.Corrupt("makes %d of %d, the base model's matrix has shape %v", out, in, base.Shape), "is it the model that the adapter was trained for?")
	}
	if mod.magnitude == nil {
		return r, nil
	}
	if factor != 1 {
		return nil, a.fail(mod.name, formats.Unsupported("DoRA's directions and lengths belong together: it cannot be added times %v", factor), "leave --scale out")
	}
	if n := mod.magnitude.Elems(); n != out {
		return nil, a.fail(mod.name, formats.Corrupt("has %d magnitudes for %d outputs", n, out), "")
	}
	return r, nil
}

// trained replaces rows of an embedding.
func (m *merger) trained(a *Adapter, r *trainedRows) error {
	name := m.find(r.name + ".weight")
	if name == "" {
		return a.fail(r.name, formats.Corrupt("the base model has no such module"), "is it the model that the adapter was trained for?")
	}
	base := m.byName[name]
	at := map[int]int{}
	for i, row := range r.at {
		if len(base.Shape) != 2 || r.t.Cols() != base.Cols() || row >= base.Shape[0] {
			return a.fail(r.name, formats.Corrupt("row %d of %d columns does not fit into %v", row, r.t.Cols(), base.Shape), "")
		}
		at[row] = i
	}
	m.set(name, base.Shape, &replaced{base.Rows, r.t.Rows, base.Cols(), at})
	return nil
}

// files are those beside the weights: a tokenizer that lies with an adapter is the one that it was trained with.
func (m *merger) files(base *formats.Source, adapters []*Adapter) error {
	config, err := jsonFile(m.root)
	if err != nil {
		return err
	}
	first := base.File
	for _, a := range adapters {
		for _, name := range tokenizerKinds {
			if _, err := a.file(name); err == nil {
				first = a.file
				m.notes = append(m.notes, "the tokenizer is the one that lies with "+a.Path)
				break
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	own := maps.Clone(tokenizerNames)
	m.src.File = func(name string) ([]byte, error) {
		switch {
		case name == "config.json":
			return config, nil
		case own[name]:
			return first(name)
		}
		return base.File(name)
	}
	return nil
}

var tokenizerNames = map[string]bool{"tokenizer.json": true, "tokenizer.model": true, "tokenizer.jsonl": true, tokenizer.WorldFile: true, "tokenizer_config.json": true, "special_tokens_map.json": true,
	"added_tokens.json": true, "vocab.json": true, "merges.txt": true, "chat_template.jinja": true, "chat_template.json": true}

// bound sees that the model takes every tensor that was changed.
func (m *merger) bound() error {
	b, err := arch.Bind(m.src)
	if err != nil && m.untied && m.byName[headTensor] != nil {
		return &formats.Error{File: m.src.Path, Tensor: headTensor, Err: fmt.Errorf("an adapter changes one of head and embedding, which are one in the base model: %w", err)}
	}
	if err != nil {
		return err
	}
	for _, name := range b.Dropped {
		if m.touched[name] {
			return &formats.Error{File: m.src.Path, Tensor: name, Err: formats.Unsupported("an adapter changes it, and a %s has no place for it", b.Arch.Name)}
		}
	}
	return nil
}
