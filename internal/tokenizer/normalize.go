package tokenizer

import (
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A change rewrites text before it is split.
type change func(string) string

// changesOf are the steps of a tokenizer.json's normalizer.
func changesOf(n *node) ([]change, error) {
	if n == nil {
		return nil, nil
	}
	if n.growth() > 64 {
		return nil, unsupported("the normalizer makes text more than 64 times as long")
	}
	switch n.Type {
	case "Sequence":
		var all []change
		for i := range n.Normalizers {
			c, err := changesOf(&n.Normalizers[i])
			if err != nil {
				return nil, err
			}
			all = append(all, c...)
		}
		return all, nil
	case "NFC":
		return []change{norm.NFC.String}, nil
	case "NFD":
		return []change{norm.NFD.String}, nil
	case "NFKC":
		return []change{norm.NFKC.String}, nil
	case "NFKD":
		return []change{norm.NFKD.String}, nil
	case "Lowercase":
		return []change{lowercased}, nil
	case "StripAccents":
		return []change{dropped(unicode.M)}, nil
	case "BertNormalizer":
		return n.bert(), nil
	case "Nmt":
		return []change{nmt}, nil
	case "Precompiled":
		table, err := n.precompiled()
		if err != nil || table == nil {
			return nil, err
		}
		return []change{table.clusters}, nil
	case "Strip":
		return []change{func(s string) string { return strip(s, n.StripLeft, n.StripRight) }}, nil
	case "Prepend":
		return []change{func(s string) string {
			if s == "" {
				return s
			}
			return n.Prepend + s
		}}, nil
	case "Replace":
		if n.Pattern != nil && n.Pattern.String != nil {
			return []change{func(s string) string { return strings.ReplaceAll(s, *n.Pattern.String, n.Content) }}, nil
		}
		if n.Pattern != nil && n.Pattern.Regex != nil && *n.Pattern.Regex == " {2,}" {
			return []change{func(s string) string { return squeezeBlanks(s, n.Content) }}, nil
		}
	}
	return nil, unsupported("the normalizer %s is not known", n.describe())
}

// steps is a normalizer as a list of its steps.
func (n *node) steps() []*node {
	if n == nil {
		return nil
	}
	if n.Type != "Sequence" {
		return []*node{n}
	}
	var all []*node
	for i := range n.Normalizers {
		all = append(all, n.Normalizers[i].steps()...)
	}
	return all
}

// growth bounds how much longer replacing makes a text.
func (n *node) growth() float64 {
	g := 1.0
	for i := range n.Normalizers {
		g *= n.Normalizers[i].growth()
	}
	if n.Type == "Replace" && n.Pattern != nil {
		from := 2
		if n.Pattern.String != nil {
			from = len(*n.Pattern.String)
		}
		if from == 0 {
			return math.Inf(1)
		}
		g = max(1, float64(len(n.Content))/float64(from))
	}
	return g + float64(len(n.Prepend))/1024
}

func apply(changes []change, s string) string {
	for _, c := range changes {
		s = c(s)
	}
	return s
}

func strip(s string, left, right bool) string {
	if left {
		s = s[spaces(s, 0):]
	}
	if right {
		s = s[:trimSpaceBefore(s, len(s))]
	}
	return s
}

// squeezeBlanks replaces every run of two blanks or more.
func squeezeBlanks(s, by string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == ' ' {
			j++
		}
		switch {
		case j-i >= 2:
			b.WriteString(by)
			i = j
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// describe names a step and its pattern, for people who have to find it in a file.
func (n *node) describe() string {
	switch {
	case n.Pattern != nil && n.Pattern.Regex != nil:
		return n.Type + " with the pattern " + *n.Pattern.Regex
	case n.Pattern != nil && n.Pattern.String != nil:
		return n.Type + " with the text " + *n.Pattern.String
	}
	return n.Type
}
