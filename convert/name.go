package convert

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A modelID is what the name of a Hugging Face model says about it: "meta-llama/Llama-3.1-8B-Instruct" has an organization,
// a base name, a size, and what it was tuned for. "" where it says nothing.
type modelID struct{ full, org, base, finetune, version, size string }

// The kinds of the parts of a name, between hyphens.
const (
	partBase = 1 << iota
	partSize
	partFinetune
	partVersion
	partType
)

var (
	versionPart  = regexp.MustCompile(`(?i)^(v|iter)?\d+([.]\d+)*$`)
	typePart     = regexp.MustCompile(`(?i)^(i?q\d(_\w)*|b?fp?(16|32))$`)
	sizePart     = regexp.MustCompile(`(?i)^((([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?|small|mini|medium|large|x?xl))$`)
	finetunePart = regexp.MustCompile(`(?i)^(chat|instruct|vision|lora)$`)
)

// parseID reads a name by the conventions of the reference converter. weights, if not 0, tells a size from a context
// length: "128k" is no size of a model of 8 billion weights.
func parseID(id string, weights int64) (m modelID) {
	if id == "" || strings.Contains(id, " ") {
		m.full = id // a sentence, not an identifier
		return m
	}
	org, full, slash := strings.Cut(id, "/")
	if !slash {
		org, full = "", id
	}
	if strings.HasPrefix(org, ".") {
		org = ""
	}
	m.full, m.org = full, org
	parts := slices.DeleteFunc(strings.Split(full, "-"), func(s string) bool { return s == "" })
	kinds := make([]int, len(parts))
	for i := range parts {
		parts[i], kinds[i] = partKind(parts[i], i, weights)
	}
	wordSizes(parts, kinds)
	baseName(parts, kinds)
	m.base = joined(parts, kinds, partBase, 0)
	m.finetune = joined(parts, kinds, partFinetune, 0)
	m.version = joined(parts, kinds, partVersion, partBase)
	m.size = strings.Join(unique(parts, kinds, partSize), "-")
	if m.size == "" && m.finetune == "" && m.version == "" {
		m.base = "" // too ambiguous
	}
	return m
}

// partKind recognises one part, and spells it as it will be written.
func partKind(part string, i int, weights int64) (string, int) {
	switch {
	case versionPart.MatchString(part):
		return part, partVersion
	case typePart.MatchString(part):
		return strings.ToUpper(part), partType
	case i > 0 && sizePart.MatchString(part):
		return sizeKind(strings.ReplaceAll(part, "_", "."), weights)
	case i > 0 && finetunePart.MatchString(part):
		return part, partFinetune
	}
	return part, 0
}

func sizeKind(part string, weights int64) (string, int) {
	if n := len(part); digit(part[n-1]) && n > 2 { // 7b1 is 7.1b
		part = part[:n-2] + "." + part[n-1:] + part[n-2:n-1]
	}
	n := len(part)
	if n > 1 && digit(part[n-2]) && strings.ContainsRune("kmbt", rune(part[n-1])) {
		part = part[:n-1] + strings.ToUpper(part[n-1:])
	}
	if weights != 0 {
		if f, err := strconv.ParseFloat(part[:n-1], 64); err == nil {
			says := f * math.Pow10(3*max(0, strings.IndexByte(" KMBT", part[n-1])))
			if math.Abs(says-float64(weights)) > float64(7*weights/8) {
				return part[:n-1] + strings.ToLower(part[n-1:]), partFinetune
			}
		}
	}
	return part, partSize
}

// wordSizes forgets sizes in words ("mini") where one in digits stands beside them.
func wordSizes(parts []string, kinds []int) {
	inDigits := false
	for i, p := range parts {
		inDigits = inDigits || kinds[i]&partSize != 0 && strings.ContainsAny(p, "0123456789")
	}
	for i, p := range parts {
		if inDigits && kinds[i]&partSize != 0 && !strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsLetter(r) }) {
			kinds[i] &^= partSize
		}
	}
}

// baseName marks the unrecognised parts at the start as the base name, with versions between them; what is unrecognised
// after them is what the model was tuned for. A version at the very end of the base name is a version only.
func baseName(parts []string, kinds []int) {
	atStart := true
	for i, p := range parts {
		first := []rune(p)[0]
		if atStart && (kinds[i] == 0 && unicode.IsLetter(first) || kinds[i]&partVersion != 0) {
			kinds[i] |= partBase
			continue
		}
		atStart = false
		if kinds[i] == 0 {
			kinds[i] = partFinetune
		}
	}
	for i := len(parts) - 1; i >= 0 && kinds[i]&partBase != 0 && kinds[i] != partBase; i-- {
		kinds[i] &^= partBase
	}
}

func joined(parts []string, kinds []int, with, without int) string {
	var out []string
	for i, p := range parts {
		if kinds[i]&with != 0 && kinds[i]&without == 0 {
			out = append(out, p)
		}
	}
	return strings.Join(out, "-")
}

func unique(parts []string, kinds []int, with int) []string {
	var out []string
	for i, p := range parts {
		if kinds[i]&with != 0 && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

var versionWord = regexp.MustCompile(`^(v\d+(\.\d+)*|\d.*)$`)

// title turns an identifier into a name: words in lower case get a capital letter, except versions and numbers.
func title(id string) string {
	words := strings.Fields(strings.ReplaceAll(strings.TrimSpace(id), "-", " "))
	for i, w := range words {
		if isLower(w) && !versionWord.MatchString(w) {
			words[i] = titleCase(w)
		}
	}
	return strings.Join(words, " ")
}

// isLower is true when there is a letter and all letters are small.
func isLower(w string) bool { return strings.ToLower(w) == w && strings.ToUpper(w) != w }

// titleCase raises each letter that follows something that is no letter, as Python does: "lc100k" is "Lc100K".
func titleCase(w string) string {
	after := false
	return strings.Map(func(r rune) rune {
		up := !after
		after = unicode.IsLetter(r)
		if up {
			return unicode.ToTitle(r)
		}
		return r
	}, w)
}

// sizeLabel is the number of weights, or for a mixture how many experts there are and the weights of a model with one of them.
func (p *Plan) sizeLabel() string {
	one, counts, tensors := int64(0), 0, 0
	for i := range p.Steps {
		s := &p.Steps[i]
		n := int64(s.tensor.Elems())
		if len(s.Shape) > 2 && strings.Contains(s.Name, "_exps.") {
			n /= int64(s.Shape[0])
			counts, tensors = counts+s.Shape[0], tensors+1
		}
		one += n
	}
	if tensors == 0 {
		return sizeLabel(one)
	}
	return strconv.Itoa(counts/tensors) + "x" + sizeLabel(one)
}

// sizeLabel writes a number of weights with two digits at least: 8.0B, 494M, 1.2B.
func sizeLabel(weights int64) string {
	n, unit := float64(weights)*1e-3, "K"
	switch {
	case weights > 1e12:
		n, unit = float64(weights)*1e-12, "T"
	case weights > 1e9:
		n, unit = float64(weights)*1e-9, "B"
	case weights > 1e6:
		n, unit = float64(weights)*1e-6, "M"
	}
	digits := 0
	if math.RoundToEven(n) < 10 {
		digits = 1
		if math.RoundToEven(n) == 0 {
			digits = 2
		}
	}
	return strconv.FormatFloat(n, 'f', digits, 64) + unit
}
