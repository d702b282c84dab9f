package verify

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
)

// diffParams compares hyper-parameters field by field, whatever files they came from.
func diffParams(a, b *arch.Bound) []Setting {
	out := []Setting{}
	if a.Arch != b.Arch {
		out = append(out, Setting{"Architecture", a.Arch.Name, b.Arch.Name})
	}
	return diffFields(out, "", reflect.ValueOf(a.Params), reflect.ValueOf(b.Params))
}

// diffFields compares the fields of two structs, and theirs, under names with dots.
func diffFields(out []Setting, within string, a, b reflect.Value) []Setting {
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name := within + f.Name
		if f.Type.Kind() == reflect.Struct {
			out = diffFields(out, name+".", a.Field(i), b.Field(i))
			continue
		}
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if name == "Tied" || reflect.DeepEqual(x, y) || nearly(x, y) {
			continue // a stored copy of the embedding is compared as a tensor
		}
		out = append(out, Setting{name, fmt.Sprintf("%.80s", fmt.Sprint(x)), fmt.Sprintf("%.80s", fmt.Sprint(y))})
	}
	return out
}

// nearly says that two numbers differ by no more than float32 rounds.
func nearly(a, b any) bool {
	x, ok := a.(float32)
	y, ok2 := b.(float32)
	return ok && ok2 && math.Abs(float64(x)-float64(y)) <= 2e-7*math.Abs(float64(x))
}

// CompareMeta compares metadata in the order of a, then what only b has. Long values are cut.
func CompareMeta(a, b *formats.Meta) []Setting {
	out := []Setting{}
	for _, k := range a.Keys() {
		if strings.HasPrefix(k, "tokenizer.") {
			continue // compared as a tokenizer
		}
		if x, y := a.Value(k), b.Value(k); !reflect.DeepEqual(x, y) {
			out = append(out, Setting{k, printed(x), printed(y)})
		}
	}
	for _, k := range b.Keys() {
		if !a.Has(k) && !strings.HasPrefix(k, "tokenizer.") {
			out = append(out, Setting{k, "", printed(b.Value(k))})
		}
	}
	return out
}

func printed(v any) string {
	if v == nil {
		return ""
	}
	s := fmt.Sprint(v)
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return s
}

// CompareVocab compares what makes tokens of a text, and the chat template.
func CompareVocab(a, b *tokenizer.Vocab) []Setting {
	out := []Setting{}
	add := func(key string, x, y any) {
		if !reflect.DeepEqual(x, y) {
			out = append(out, Setting{key, printed(x), printed(y)})
		}
	}
	add("model", a.Model, b.Model)
	add("pre-tokenizer", a.Pre, b.Pre)
	add("number of tokens", len(a.Tokens), len(b.Tokens))
	firstAt := func(key string, n int, same func(i int) bool, show func(i int) (string, string)) {
		for i := range n {
			if !same(i) {
				x, y := show(i)
				out = append(out, Setting{fmt.Sprintf("%s %d", key, i), x, y})
				return
			}
		}
	}
	firstAt("token", min(len(a.Tokens), len(b.Tokens)), func(i int) bool { return a.Tokens[i] == b.Tokens[i] },
		func(i int) (string, string) { return a.Tokens[i], b.Tokens[i] })
	firstAt("type of token", min(len(a.Types), len(b.Types)), func(i int) bool { return a.Types[i] == b.Types[i] },
		func(i int) (string, string) { return fmt.Sprint(a.Types[i]), fmt.Sprint(b.Types[i]) })
	add("number of merges", len(a.Merges), len(b.Merges))
	firstAt("merge", min(len(a.Merges), len(b.Merges)), func(i int) bool { return a.Merges[i] == b.Merges[i] },
		func(i int) (string, string) { return a.Merges[i], b.Merges[i] })
	if !slices.Equal(a.Scores, b.Scores) {
		add("scores", len(a.Scores), fmt.Sprint(len(b.Scores), ", different"))
	}
	for _, s := range []struct {
		name string
		x, y int
	}{{"BOS", a.BOS, b.BOS}, {"EOS", a.EOS, b.EOS}, {"EOT", a.EOT, b.EOT}, {"UNK", a.UNK, b.UNK}, {"PAD", a.PAD, b.PAD}} {
		add(s.name, s.x, s.y)
	}
	for _, f := range []struct {
		name string
		x, y *bool
	}{{"adds BOS", a.AddBOS, b.AddBOS}, {"adds EOS", a.AddEOS, b.AddEOS}, {"adds a space", a.AddSpacePrefix, b.AddSpacePrefix}} {
		add(f.name, yesNo(f.x), yesNo(f.y))
	}
	add("chat template", a.ChatTemplate, b.ChatTemplate)
	return out
}

func yesNo(b *bool) string {
	if b == nil {
		return "not said"
	}
	return fmt.Sprint(*b)
}
