package tokenizer

import "strings"

// preTokenizer is what a tokenizer.json's pre_tokenizer amounts to.
type preTokenizer struct {
	shape       string // one step a line, see shapeOf
	bytes       bool   // there is a ByteLevel
	prefixSpace bool   // its add_prefix_space
	mark        string // Metaspace's replacement of the blank, "" where there is none
	scheme      string // Metaspace: always, first or never is a mark put before the text
	cuts        bool   // Metaspace: words begin at marks
}

// shapeOf writes a pre_tokenizer in a canonical form, in which two that split alike are spelled alike:
//
//	isolated REGEX      Split, keeping what matches and what lies between; also Digits, each by itself
//	digits              Digits, runs of them
//	punctuation         Punctuation, runs of it
//	punctuation single  Punctuation, each by itself
//	bytes               ByteLevel, after a line for GPT-2's pattern where it uses that
//	words               BertPreTokenizer
//	blanks out          WhitespaceSplit
//
// Metaspace, and the splitting at blanks where none are left, are no part of it.
func shapeOf(n *node) (preTokenizer, error) {
	var p preTokenizer
	err := p.add(n)
	p.shape = strings.TrimSuffix(p.shape, "\n")
	return p, err
}

func (p *preTokenizer) add(n *node) error {
	if n == nil {
		return nil
	}
	switch n.Type {
	case "Sequence":
		for i := range n.Pretokenizers {
			if err := p.add(&n.Pretokenizers[i]); err != nil {
				return err
			}
		}
		return nil
	case "ByteLevel":
		p.bytes = true
		p.prefixSpace = p.prefixSpace || is(n.AddPrefixSpace, true)
		if is(n.UseRegex, true) {
			p.line("isolated " + patternGPT2)
		}
		p.line("bytes")
		return nil
	case "Digits":
		if n.IndividualDigits {
			p.line(`isolated \p{N}`)
		} else {
			p.line("digits")
		}
		return nil
	case "Punctuation":
		switch n.Behavior {
		case "Contiguous":
			p.line("punctuation")
			return nil
		case "Isolated", "":
			p.line("punctuation single")
			return nil
		}
	case "BertPreTokenizer":
		p.line(bertWords)
		return nil
	case "WhitespaceSplit":
		p.line(blanksOut)
		return nil
	case "Metaspace":
		return p.metaspace(n)
	case "Split":
		return p.split(n)
	}
	return unsupported("the pre-tokenizer %s is not known", n.describe())
}

const (
	bertWords = "words"
	blanksOut = "blanks out"
)

func (p *preTokenizer) line(s string) { p.shape += s + "\n" }

func (p *preTokenizer) split(n *node) error {
	switch {
	case n.Pattern == nil:
		return corrupt("pre_tokenizer: a Split without a pattern")
	case n.Pattern.String != nil && *n.Pattern.String == " " && n.Behavior == "MergedWithPrevious":
		return nil // Gemma's: its normalizer has left no blank to split at
	case n.Pattern.Regex != nil && (n.Behavior == "Isolated" && !n.Invert || n.Behavior == "Removed" && n.Invert):
		p.line("isolated " + visible(*n.Pattern.Regex))
		return nil
	case n.Pattern.String != nil && n.Behavior == "Isolated" && !n.Invert:
		p.line("isolated text " + visible(*n.Pattern.String))
		return nil
	}
	return unsupported("the pre-tokenizer %s, %s, is not known", n.describe(), n.Behavior)
}

// visible spells line breaks out, as most patterns do themselves.
func visible(s string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
}

func (p *preTokenizer) metaspace(n *node) error {
	if n.Replacement != blankMark {
		return unsupported("a Metaspace that writes %q for a blank is not known", n.Replacement)
	}
	p.mark, p.scheme, p.cuts = n.Replacement, n.PrependScheme, is(n.Split, true)
	if p.scheme == "" { // older files say it so
		p.scheme = "never"
		if is(n.AddPrefixSpace, true) {
			p.scheme = "always"
		}
	}
	return nil
}
