package arch

import (
	"slices"
	"strings"

	"quern/formats"
)

// A Key is one hyper-parameter: its name in GGUF, its names in config.json, and the field that holds it.
type Key struct {
	GGUF string   // "{a}" stands for the family's name; without it, a place that the writer fills; "" where only config.json has it
	Old  []string // names that older files used, same meaning
	HF   []string // names in config.json, dots descend; the first that is there counts

	// Field returns the pointer to the value: *int (written as u32), *float32 (f32), *bool, *string, or a list, *[]int32,
	// *[]uint64, *[]float32, *[]bool or *[]string. nil marks the place of a key that is not a hyper-parameter, such as general.file_type.
	Field func(*Params) any
	// Each is where the values of all layers are kept, in families whose layers differ: files tell a list then, of which Field's is the largest. nil: they do not.
	Each func(*Params) *[]int32
	// Count takes the length of a list of config.json.
	Count bool
	// Words are the numbers that GGUF has for the words of config.json.
	Words map[string]int
	// Default fills the field when the checkpoint says nothing, after all other keys are read; nil: the key must be there.
	Default func(*Params)
	// When says whether the key is written; nil: always.
	When func(*Params) bool
}

// WriteKeys puts the hyper-parameters into meta in the order of the table. place is called for the keys that are not
// hyper-parameters, and sets them itself.
func (a *Arch) WriteKeys(meta *formats.Meta, p *Params, place func(key string)) {
	for _, k := range a.Keys {
		if k.Field == nil {
			place(k.GGUF)
			continue
		}
		if k.When != nil && !k.When(p) {
			continue
		}
		name := a.keyName(k.GGUF)
		switch v := k.Field(p).(type) {
		case *int:
			if k.Each != nil && len(*k.Each(p)) > 0 {
				meta.Set(name, *k.Each(p))
				continue
			}
			meta.Set(name, uint32(*v))
		case *float32:
			meta.Set(name, *v)
		case *bool:
			meta.Set(name, *v)
		case *string:
			meta.Set(name, *v)
		case *[]int32:
			meta.Set(name, *v)
		case *[]uint64:
			meta.Set(name, *v)
		case *[]float32:
			meta.Set(name, *v)
		case *[]string:
			meta.Set(name, *v)
		case *[]bool:
			meta.Set(name, *v)
		}
	}
}

func (a *Arch) keyName(k string) string { return strings.ReplaceAll(k, "{a}", a.Name) }

// has says whether the family's files have a key.
func (a *Arch) has(key string) bool {
	return slices.ContainsFunc(a.Keys, func(k Key) bool { return k.GGUF == key })
}

// number is the number that stands for a word or a list of config.json; anything else stays as it is.
func (k *Key) number(v any) any {
	if list, ok := v.([]any); ok && k.Count {
		return len(list)
	}
	if word, ok := v.(string); ok && k.Words != nil {
		if n, known := k.Words[word]; known {
			return n
		}
	}
	return v
}
