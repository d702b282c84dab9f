package convert

import (
	"path/filepath"
	"regexp"
	"strings"

	"quern/formats"
)

const alignment = 32 // of GGUF tensor bodies

func align(n int64) int64 { return (n + alignment - 1) / alignment * alignment }

// headerBytes is the size of a GGUF header: 24 bytes, each key with its value, each tensor's entry.
func headerBytes(meta *formats.Meta, steps []Step) int64 {
	n := int64(24)
	for _, k := range meta.Keys() {
		n += 8 + int64(len(k)) + 4 + valueBytes(meta.Value(k))
	}
	for i := range steps {
		n += 8 + int64(len(steps[i].Name)) + 4 + 8*int64(len(steps[i].Shape)) + 4 + 8
	}
	return n
}

// valueBytes is the size of a value; a list has the type and the number of its elements before them.
func valueBytes(v any) int64 {
	const list = 12
	switch v := v.(type) {
	case uint8, int8, bool:
		return 1
	case uint16, int16:
		return 2
	case uint32, int32, float32:
		return 4
	case uint64, int64, float64:
		return 8
	case string:
		return 8 + int64(len(v))
	case []string:
		n := int64(list)
		for _, s := range v {
			n += 8 + int64(len(s))
		}
		return n
	case []uint8:
		return list + int64(len(v))
	case []int8:
		return list + int64(len(v))
	case []bool:
		return list + int64(len(v))
	case []uint16:
		return list + 2*int64(len(v))
	case []int16:
		return list + 2*int64(len(v))
	case []uint32:
		return list + 4*int64(len(v))
	case []int32:
		return list + 4*int64(len(v))
	case []float32:
		return list + 4*int64(len(v))
	case []uint64:
		return list + 8*int64(len(v))
	case []int64:
		return list + 8*int64(len(v))
	case []float64:
		return list + 8*int64(len(v))
	}
	return 0
}

var shardNumber = regexp.MustCompile(`-\d{5}-of-\d{5}$`)

// stem is the name of a model without its folder, ".gguf" or ".safetensors", shard number, and the type at its end.
func stem(path string) string {
	name := filepath.Base(path)
	ext := strings.ToLower(filepath.Ext(name))
	if ext != ".gguf" && ext != ".safetensors" {
		return name
	}
	name = shardNumber.ReplaceAllString(name[:len(name)-len(ext)], "")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := RecipeByName(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	return name
}
