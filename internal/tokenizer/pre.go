package tokenizer

import "sort"

// A pre is one kind of pre-tokenizer: how it splits text into words before anything is merged, and what a runtime that
// knows it by name (tokenizer.ggml.pre) assumes besides.
type pre struct {
	Names []string // as llama.cpp spells them, the first is the one that is written
	// Shape is how a tokenizer.json of this kind describes its pre_tokenizer, see shapeOf; "" where it has no such thing.
	Shape string
	Split splitter
	HF    splitter // where tokenizers splits otherwise than runtimes do

	IgnoreMerges bool // a word that is a token is not merged
	AddBOS       bool // by default
	Chars        bool // no byte-level alphabet: characters, U+2581 for the blank
	WholeBreaks  bool // of words only runs of line breaks are not merged

	// Among kinds of one shape: whether the rest of a tokenizer speaks for this one. nil is the kind that is left over.
	Fits func(e *evidence) bool
}

// evidence is what tells kinds of pre-tokenizer apart that split alike.
type evidence struct {
	ignoreMerges, nfc, prefixSpace bool
	token                          func(text string) bool // whether there is such a token
	modelType                      string                 // of config.json
}

var pres []*pre

func register(p pre) *pre {
	pres = append(pres, &p)
	return &p
}

// preNamed finds a kind by any of its names, or returns nil.
func preNamed(name string) *pre {
	for _, p := range pres {
		for _, n := range p.Names {
			if n == name {
				return p
			}
		}
	}
	return nil
}

// preShaped finds a kind by its shape: of several one that the evidence speaks for, otherwise the one that is left over.
func preShaped(shape string, e *evidence) *pre {
	var left *pre
	for _, p := range pres {
		if p.Shape == "" || p.Shape != shape {
			continue
		}
		if p.Fits == nil {
			left = p
		} else if p.Fits(e) {
			return p
		}
	}
	return left
}

// isolated is the shape of a byte-level pre-tokenizer that splits by patterns, one after the other.
func isolated(patterns ...string) string {
	shape := ""
	for _, p := range patterns {
		shape += "isolated " + p + "\n"
	}
	return shape + "bytes"
}

// PreNames lists every name that a pre-tokenizer is known by.
func PreNames() []string {
	var names []string
	for _, p := range pres {
		names = append(names, p.Names...)
	}
	sort.Strings(names)
	return names
}
