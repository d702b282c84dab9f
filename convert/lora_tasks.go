package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// Checkpoints of jina-embeddings-v3 hold an adapter for each of some tasks beside the weights that these change. What torch parametrizes has its own names (its code's
// xlm-roberta-flash-implementation, rotary.py beside it, lora.py): of a linear layer A is [tasks, rank, in] and B [tasks, out, rank], of an embedding A is [tasks, rows, rank] and B [tasks, rank, width].
const (
	ofTasks      = ".parametrizations.weight."
	original     = ofTasks + "original"
	taskA, taskB = ofTasks + "0.lora_A", ofTasks + "0.lora_B"
)

// WithoutTasks takes a checkpoint with adapters for tasks apart: the model without any, under the names that it would have without, and the adapter of one task.
func WithoutTasks(src *formats.Source, task string) (*formats.Source, *Adapter, error) {
	fail := func(key string, err error, hint string) error {
		return &formats.Error{File: src.Path, Tensor: key, Err: err, Hint: hint}
	}
	if isGGUF(src) {
		return nil, nil, fail("", formats.Unsupported("a GGUF holds no adapters for tasks"), "give the folder that it was made from")
	}
	c, err := arch.ReadConfig(src, "config.json")
	if err != nil {
		return nil, nil, err
	}
	tasks := words(c, "lora_adaptations")
	at := slices.Index(tasks, task)
	switch {
	case len(tasks) == 0:
		return nil, nil, fail("lora_adaptations", formats.Unsupported("config.json names no tasks: the checkpoint has no adapters of its own"), "quern lora merge BASE ADAPTER adds one that lies elsewhere")
	case at < 0:
		return nil, nil, fail("lora_adaptations", formats.Unsupported("has no task %.60q", task), "its tasks are "+strings.Join(tasks, ", "))
	}
	a := &Adapter{Path: src.Path + " (" + task + ")", file: nothingBeside, close: func() error { return nil }, frozen: map[string]bool{}, spec: &loraSpec{task: task}}
	if a.spec.alpha, err = c.Float("lora_alpha", 1); err != nil {
		return nil, nil, err
	}
	if said, _ := c.Object("task_instructions"); said != nil {
		a.spec.instruction, _ = said[task].(string)
	}
	base := *src
	base.Tensors = nil
	byName := map[string]*module{}
	for _, t := range src.Tensors {
		name := strings.TrimPrefix(t.Name, "roberta.")
		part, thin := strings.CutSuffix(name, taskA)
		if !thin {
			part, thin = strings.CutSuffix(name, taskB)
		}
		if thin {
			if err := a.taskPart(byName, t, part, len(tasks), at); err != nil {
				return nil, nil, err
			}
			continue
		}
		n := *t
		n.Name = strings.Replace(name, original, ".weight", 1)
		base.Tensors = append(base.Tensors, &n)
	}
	if err := a.settleTask(); err != nil {
		return nil, nil, err
	}
	bare, err := withoutTasks(c)
	if err != nil {
		return nil, nil, err
	}
	base.File = func(name string) ([]byte, error) {
		if name == "config.json" {
			return bare, nil
		}
		return src.File(name)
	}
	return &base, a, nil
}

// withoutTasks is a config.json that names no task more, and still that of a model that may have some.
func withoutTasks(c *arch.Config) ([]byte, error) {
	text, err := c.Text()
	if err != nil {
		return nil, err
	}
	root := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	root["lora_adaptations"] = []any{}
	delete(root, "task_instructions")
	return jsonFile(root)
}

// nothingBeside are the files of an adapter that lies in its model's folder.
func nothingBeside(string) ([]byte, error) { return nil, fs.ErrNotExist }

// taskPart is one task's part of a tensor, in memory.
func (a *Adapter) taskPart(byName map[string]*module, t *formats.Tensor, name string, tasks, at int) error {
	if strings.HasPrefix(name, "pooler.") {
		return nil // which the model is converted without
	}
	if len(t.Shape) != 3 || t.Shape[0] != tasks {
		return a.fail(t.Name, formats.Corrupt("has shape %v, there are %d tasks", t.Shape, tasks), "")
	}
	if t.Rows == nil {
		return a.fail(t.Name, formats.Unsupported("type %s cannot be decoded", t.Type), "")
	}
	v := make([]float32, t.Shape[1]*t.Shape[2])
	if err := t.Rows.ReadRows(v, at*t.Shape[1]); err != nil {
		return err
	}
	one := heldFloats(t.Name, t.Shape[1:], v)
	m := byName[name]
	if m == nil {
		m = &module{name: name}
		byName[name] = m
		a.modules = append(a.modules, m)
	}
	if strings.HasSuffix(t.Name, "A") {
		m.a = one
	} else {
		m.b = one
	}
	return nil
}

// heldFloats is a matrix in memory.
func heldFloats(name string, shape []int, v []float32) *formats.Tensor {
	raw := make([]byte, 4*len(v))
	quantize.F32.Encode(raw, v, nil)
	return formats.Held(&formats.Tensor{Name: name, Shape: shape}, quantize.F32, raw)
}

// settleTask gives the parts of modules the form that PEFT's have: an embedding's are the other way round there, and a table of parts of a text, of which no row is looked up, counts as a layer.
func (a *Adapter) settleTask() error {
	slices.SortFunc(a.modules, func(x, y *module) int { return strings.Compare(x.name, y.name) })
	for _, m := range a.modules {
		if m.a == nil || m.b == nil {
			return a.fail(m.name, formats.Corrupt("one of its two matrices is missing"), "")
		}
		switch {
		case strings.HasSuffix(m.name, "token_type_embeddings"):
			m.a, m.b = m.b, m.a
		case strings.HasSuffix(m.name, "word_embeddings"):
			m.embedding = true
			for _, t := range []**formats.Tensor{&m.a, &m.b} {
				v, err := (&thin{*t, true}).values()
				if err != nil {
					return err
				}
				*t = heldFloats((*t).Name, []int{(*t).Cols(), (*t).NumRows()}, v)
			}
		}
		if m.rank = m.a.Shape[0]; m.rank < 1 || m.b.Shape[1] != m.rank {
			return a.fail(m.name, formats.Corrupt("shapes %v and %v have no rank in common", m.a.Shape, m.b.Shape), "")
		}
		m.scale = a.spec.alpha / float64(m.rank)
	}
	if len(a.modules) == 0 {
		return a.fail("", formats.Corrupt("config.json names tasks, and no tensor is of an adapter"), fmt.Sprintf("their names end in %s", taskA))
	}
	return nil
}
