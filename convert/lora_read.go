package convert

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
)

// An Adapter is what low-rank training changed of a model: for some of its matrices two thin ones whose product is added, and
// tensors that were trained whole. It is read from a folder as PEFT writes it, or from a GGUF (lora_back.go). Only headers are read.
type Adapter struct {
	Path    string
	modules []*module // in the order of names
	whole   []*formats.Tensor
	frozen  map[string]bool // of whole: weights under a LoRA, which are the base's unless they have another shape
	rows    []*trainedRows
	spec    *loraSpec
	file    func(name string) ([]byte, error)
	close   func() error
}

// A module is one matrix's change: Scale·B·A, B [out, rank] and A [rank, in] as PEFT has them for a linear layer.
type module struct {
	name      string // of the module in the base model
	a, b      *formats.Tensor
	embedding bool            // A is [rank, vocabulary], B is [width, rank], and their product is turned
	turned    bool            // in a GGUF adapter: the base stores the matrix with inputs first
	magnitude *formats.Tensor // DoRA: the length of every output's weights; nil without
	rank      int
	scale     float64
}

// Trained rows of an embedding stand in the place of the base's.
type trainedRows struct {
	name string // of the embedding's module
	t    *formats.Tensor
	at   []int
}

// OpenAdapter reads the headers of a PEFT folder.
func OpenAdapter(dir string) (*Adapter, error) {
	src, err := openAdapterWeights(dir)
	if err != nil {
		return nil, err
	}
	c, err := arch.ReadConfig(formats.Folder(dir), "adapter_config.json")
	if err != nil {
		src.Close()
		return nil, err
	}
	a := &Adapter{Path: dir, file: src.File, close: src.Close, frozen: map[string]bool{}}
	if a.spec, err = readLoraSpec(c); err == nil {
		err = a.gather(src)
	}
	if err != nil {
		src.Close()
		return nil, err
	}
	return a, nil
}

// openAdapterWeights opens the first of the names that PEFT has given to weights.
func openAdapterWeights(dir string) (*formats.Source, error) {
	var first error
	for _, name := range []string{"adapter_model.safetensors", "adapter_model.bin"} {
		src, err := formats.Open(filepath.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return src, err
		}
		if first == nil {
			first = &formats.Error{File: filepath.Join(dir, name), Err: fs.ErrNotExist, Hint: "a PEFT folder has it beside adapter_config.json"}
		}
	}
	return nil, first
}

// Close releases the files.
func (a *Adapter) Close() error { return a.close() }

func (a *Adapter) fail(tensor string, err error, hint string) error {
	return &formats.Error{File: a.Path, Tensor: tensor, Err: err, Hint: hint}
}

// A loraPart is what the end of a tensor's name says about it.
type loraPart struct {
	suffix string
	to     func(m *module) **formats.Tensor // nil: a tensor that was trained whole
}

// loraParts are the names that PEFT has given to the parts of a module; "{}" stands for nothing, or for the name of the adapter in files
// that were saved with it.
var loraParts = []loraPart{
	{".lora_A{}.weight", func(m *module) **formats.Tensor { return &m.a }},
	{".lora_B{}.weight", func(m *module) **formats.Tensor { return &m.b }},
	{".lora_embedding_A{}", func(m *module) **formats.Tensor { m.embedding = true; return &m.a }},
	{".lora_embedding_B{}", func(m *module) **formats.Tensor { m.embedding = true; return &m.b }},
	{".lora_magnitude_vector{}.weight", func(m *module) **formats.Tensor { return &m.magnitude }},
	{".lora_magnitude_vector{}", func(m *module) **formats.Tensor { return &m.magnitude }},
	{".modules_to_save{}.weight", nil},
	{".modules_to_save{}.bias", nil},
	{".base_layer.weight", nil},
	{".base_layer.bias", nil},
	{".weight", nil},
	{".bias", nil},
}

// cutPart finds what a name ends with, and the module before it.
func cutPart(name string) (module string, p *loraPart) {
	for i := range loraParts {
		for _, adapter := range []string{"", ".default"} {
			if m, ok := strings.CutSuffix(name, strings.Replace(loraParts[i].suffix, "{}", adapter, 1)); ok {
				return m, &loraParts[i]
			}
		}
	}
	return "", nil
}

const trainedDelta = ".token_adapter.trainable_tokens_delta"

// gather gives every tensor its place in a module; one without a place is an error, since leaving it out would change the model.
func (a *Adapter) gather(src *formats.Source) error {
	byName := map[string]*module{}
	for _, t := range src.Tensors {
		name := strings.TrimPrefix(t.Name, "base_model.model.")
		if t.Rows == nil {
			return a.fail(t.Name, formats.Unsupported("type %s cannot be decoded", t.Type), "")
		}
		if strings.Contains(name, ".original_module.") {
			continue // a copy of what modules_to_save was before training, which PEFT saves when a vocabulary was resized
		}
		if m, ok := strings.CutSuffix(name, trainedDelta); ok {
			if err := a.trained(m, t); err != nil {
				return err
			}
			continue
		}
		at, part := cutPart(name)
		switch {
		case part == nil || strings.Contains(name, ".lora_") && part.to == nil:
			return a.fail(t.Name, formats.Unsupported("not a part of an adapter that is known here"), "LoRA, rsLoRA, DoRA and modules_to_save are")
		case part.to == nil:
			if part.suffix == ".base_layer.weight" {
				a.frozen[at+".weight"] = true
			}
			a.keep(t, at+part.suffix[strings.LastIndexByte(part.suffix, '.'):], strings.HasPrefix(part.suffix, ".modules_to_save"))
			continue
		}
		m := byName[at]
		if m == nil {
			m = &module{name: at}
			byName[at] = m
			a.modules = append(a.modules, m)
		}
		to := part.to(m)
		if *to != nil {
			return a.fail(t.Name, formats.Corrupt("there twice"), "")
		}
		*to = t
	}
	slices.SortFunc(a.modules, func(x, y *module) int { return strings.Compare(x.name, y.name) })
	for _, m := range a.modules {
		if err := a.check(m); err != nil {
			return err
		}
	}
	return a.targets()
}

// keep notes a tensor that was trained whole. Resized vocabularies are saved twice, under both names.
func (a *Adapter) keep(t *formats.Tensor, name string, sure bool) {
	n := *t
	n.Name = name
	i := slices.IndexFunc(a.whole, func(o *formats.Tensor) bool { return o.Name == name })
	switch {
	case i < 0:
		a.whole = append(a.whole, &n)
	case sure:
		a.whole[i] = &n
	}
}

// check settles the rank and the scale of a module.
func (a *Adapter) check(m *module) error {
	if m.a == nil || m.b == nil {
		return a.fail(m.name, formats.Corrupt("one of its two matrices is missing"), "")
	}
	if len(m.a.Shape) != 2 || len(m.b.Shape) != 2 {
		return a.fail(m.name, formats.Unsupported("shapes %v and %v: only linear layers and embeddings are known", m.a.Shape, m.b.Shape), "")
	}
	m.rank = m.a.Shape[0]
	if m.rank < 1 || m.b.Shape[1] != m.rank {
		return a.fail(m.name, formats.Corrupt("shapes %v and %v have no rank in common", m.a.Shape, m.b.Shape), "")
	}
	if said := a.spec.rank(m.name); said != m.rank {
		return a.fail(m.name, formats.Corrupt("has the rank %d, adapter_config.json says %d", m.rank, said), "")
	}
	if (m.magnitude != nil) != a.spec.dora {
		return a.fail(m.name, formats.Corrupt("use_dora is %v, and its magnitudes say otherwise", a.spec.dora), "")
	}
	if m.scale = a.spec.scale(m.name, m.rank); m.scale-m.scale != 0 {
		return a.fail(m.name, formats.Corrupt("its scale is no number, or several of alpha_pattern speak of it and differ"), "")
	}
	return nil
}

// targets sees that every target of the configuration is one of the modules that are there.
func (a *Adapter) targets() error {
	for _, t := range a.spec.targets {
		if !slices.ContainsFunc(a.modules, func(m *module) bool { return m.name == t || strings.HasSuffix(m.name, "."+t) }) {
			return a.fail("target_modules", formats.Corrupt("%.60q is a target, and no tensor of the adapter is for it", t), "is the adapter's file complete?")
		}
	}
	for _, s := range a.spec.saved {
		if !slices.ContainsFunc(a.whole, func(t *formats.Tensor) bool {
			n := t.Name[:strings.LastIndexByte(t.Name, '.')]
			return n == s || strings.HasSuffix(n, "."+s)
		}) {
			return a.fail("modules_to_save", formats.Corrupt("%.60q was trained whole, and no tensor of the adapter is for it", s), "is the adapter's file complete?")
		}
	}
	if len(a.modules)+len(a.whole)+len(a.rows) == 0 {
		return a.fail("", formats.Corrupt("the adapter changes nothing"), "")
	}
	return nil
}

// trained are rows of an embedding.
func (a *Adapter) trained(name string, t *formats.Tensor) error {
	at, ok := a.spec.tokensOf(name)
	if !ok || len(t.Shape) != 2 || t.Shape[0] != len(at) {
		return a.fail(t.Name, formats.Corrupt("has shape %v, adapter_config.json names %d trained tokens", t.Shape, len(at)), "")
	}
	a.rows = append(a.rows, &trainedRows{name, t, at})
	return nil
}
