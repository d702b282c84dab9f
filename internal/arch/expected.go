package arch

import (
	"cmp"
	"slices"
	"strings"

	"quern/formats"
	"quern/quantize"
)

// maxExpected bounds what a configuration may make: twice the tensors of the largest model there is.
const maxExpected = 1 << 18

// Expected lists the tensors that a checkpoint of a configuration has, in the order of its files: names, shapes, and the type in which
// weights are said to be stored. There are no weights. Of two layouts it is the first of the table, or the last if that is asked for.
func Expected(c *Config, last bool) ([]*formats.Tensor, error) {
	c = c.Language() // a tower's tensors are in another file
	a, v, class, err := findClass(c)
	if err != nil {
		return nil, err
	}
	var p Params
	if err := a.readConfig(c, v, &p); err != nil {
		return nil, err
	}
	made, seen := map[string]bool{}, map[string]bool{}
	var list []*formats.Tensor
	rules := slices.Clone(a.Tensors)
	if last {
		slices.Reverse(rules)
	}
	for i := range rules {
		r := &rules[i]
		there, err := a.says(c, v, r)
		if err != nil {
			return nil, err
		}
		there = there || r.Role == RoleDraftRows && p.Draft.Rows > 0
		for l, name := range r.names(r.HF, &p) {
			gguf := r.At(r.GGUF, l, &p)
			if !there || made[gguf] {
				continue
			}
			made[gguf] = true
			for e, part := range r.parts(name, &p) {
				if seen[part] {
					continue
				}
				seen[part] = true
				if slices.Contains(v.Bare, class) {
					part = strings.TrimPrefix(part, a.prefix())
				}
				list = append(list, &formats.Tensor{Name: part, Shape: r.partDims(e, p.At(l)), Type: storedType(c)})
			}
			if len(list) > maxExpected {
				return nil, c.fail("", formats.Unsupported("a model of more than %d tensors", maxExpected), "")
			}
		}
	}
	slices.SortFunc(list, func(a, b *formats.Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// says whether a configuration has a rule's tensor. Of tensors that are optional without a key to ask, only the output head is
// there, where it is not the embedding.
func (a *Arch) says(c *Config, v *Variant, r *Rule) (bool, error) {
	if !r.Optional {
		return true, nil
	}
	if r.Flag != "" {
		return v.flag(c, r.Flag)
	}
	if _, ok := c.Value("tie_word_embeddings"); !ok {
		tied, _ := v.Defaults["tie_word_embeddings"].(bool)
		return r.Role == RoleOutput && !tied, nil
	}
	tied, err := c.Bool("tie_word_embeddings")
	return r.Role == RoleOutput && !tied, err
}

// storedType is the type that a configuration names; without, the one that most models have.
func storedType(c *Config) *quantize.Type {
	for _, key := range []string{"dtype", "torch_dtype"} {
		switch name, _ := c.String(key); name {
		case "float16":
			return quantize.ByName("F16")
		case "float32":
			return quantize.ByName("F32")
		}
	}
	return quantize.ByName("BF16")
}
