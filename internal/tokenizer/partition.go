package tokenizer

import (
	"sort"
	"strings"
)

// A partition cuts text at the tokens of a GGUF vocabulary, as llama.cpp does: the longest token first, at every place
// where it is spelled, then the next longest in what is left. Control and unknown tokens count only when asked for,
// user-defined ones always.
type partition struct {
	ids   []int32 // the longest first
	texts []string
	quiet []bool // only when asked for
	find  *matcher
}

func newPartition(v *Vocab, ids *index) *partition {
	p := &partition{find: newMatcher()}
	has := func(text string) bool { _, ok := ids.get(text); return ok }
	quiet := map[int32]bool{}
	for i, text := range v.Tokens {
		if k := v.runtimeKind(i, has); text != "" && (k == Control || k == UserDefined || k == Unknown) {
			p.ids = append(p.ids, int32(i))
			quiet[int32(i)] = k != UserDefined
		}
	}
	sort.SliceStable(p.ids, func(i, j int) bool { return len(v.Tokens[p.ids[i]]) > len(v.Tokens[p.ids[j]]) })
	for i, id := range p.ids {
		p.texts = append(p.texts, v.Tokens[id])
		p.quiet = append(p.quiet, quiet[id])
		p.find.add(v.Tokens[id], int32(i))
	}
	return p
}

// cut looks once which tokens the text spells at all, since a vocabulary may have thousands, and cuts by these.
func (p *partition) cut(text string, special bool) []segment {
	if text == "" {
		return nil
	}
	spelled := make([]bool, len(p.ids))
	for i := 0; i < len(text); i++ {
		if p.find.roots[text[i]] != 0 {
			p.find.walk(text, i, func(_ int, n int32) { spelled[n] = true })
		}
	}
	segs := []segment{{text, -1}}
	for n, is := range spelled {
		if is && (special || !p.quiet[n]) {
			segs = cutAt(segs, p.texts[n], p.ids[n])
		}
	}
	return segs
}

// cutAt cuts every text segment at every place where it spells a token.
func cutAt(segs []segment, token string, id int32) []segment {
	var out []segment
	for _, s := range segs {
		if s.id >= 0 {
			out = append(out, s)
			continue
		}
		rest := s.text
		for {
			i := strings.Index(rest, token)
			if i < 0 {
				break
			}
			if i > 0 {
				out = append(out, segment{rest[:i], -1})
			}
			out = append(out, segment{"", id})
			rest = rest[i+len(token):]
		}
		if rest != "" {
			out = append(out, segment{rest, -1})
		}
	}
	return out
}
