package tokenizer

import "strings"

// FromVocab makes the tokenizer of a GGUF file: what llama.cpp would do with these keys.
func FromVocab(v *Vocab) (*Tokenizer, error) {
	switch v.Model {
	case "gpt2", "gemma4":
		return gpt2FromVocab(v)
	case "llama":
		return llamaFromVocab(v)
	case "t5":
		return t5FromVocab(v)
	case "bert":
		return bertFromVocab(v)
	case "plamo2":
		return plamoFromVocab(v)
	case "rwkv":
		return worldFromVocab(v)
	case "":
		return nil, corrupt("the vocabulary does not say of which kind it is")
	}
	return nil, unsupported("tokenizers of kind %q cannot be run", v.Model)
}

func gpt2FromVocab(v *Vocab) (*Tokenizer, error) {
	name := v.Pre
	if v.Model == "gemma4" {
		name = "gemma4"
	}
	if name == "" {
		name = "default"
	}
	p := preNamed(name)
	if p == nil {
		return nil, unsupported("no pre-tokenizer is known under the name %q", name)
	}
	if len(v.Tokens) == 0 {
		return nil, corrupt("the vocabulary is empty")
	}
	b := &bpe{ids: indexOf(v.Tokens), limit: int32(len(v.Tokens)), unk: -1, chars: p.Chars, fallback: p.Chars, keepWords: p.IgnoreMerges, keepBreaks: p.WholeBreaks}
	b.setBytes()
	pairs := make([][2]string, 0, len(v.Merges))
	for i, m := range v.Merges {
		pair, ok := cutMerge(m)
		if !ok {
			return nil, corrupt("merge %d, %q, is not two parts", i, m)
		}
		pairs = append(pairs, pair)
	}
	if err := b.learn(pairs, true, false); err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, split: p.Split, model: b, spelled: newPartition(v, b.ids)}
	t.normalize = func(s string, _ place) string { return s }
	if p.Chars {
		t.normalize = func(s string, _ place) string { return strings.ReplaceAll(s, " ", blankMark) }
		t.apart = apartFrom(v.Tokens)
	}
	t.surround(is(v.AddBOS, p.AddBOS), is(v.AddEOS, false), v.BOS, v.EOS)
	t.alphabet = !p.Chars
	return t, nil
}

func llamaFromVocab(v *Vocab) (*Tokenizer, error) {
	if len(v.Tokens) == 0 {
		return nil, corrupt("the vocabulary is empty")
	}
	if len(v.Scores) > 0 && len(v.Scores) < len(v.Tokens) {
		return nil, corrupt("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
	}
	m := newSPM(indexOf(v.Tokens), v.Scores, len(v.Tokens))
	m.setBytes()
	m.unk = int32(orElse(v, v.UNK, 0))
	t := &Tokenizer{vocab: v, model: m, spelled: newPartition(v, m.ids), apart: apartFrom(v.Tokens), blank: is(v.AddSpacePrefix, true)}
	t.normalize = func(s string, at place) string {
		if t.blank && at.afterToken {
			s = " " + s
		}
		return strings.ReplaceAll(s, " ", blankMark)
	}
	t.surround(is(v.AddBOS, true), is(v.AddEOS, false), orElse(v, v.BOS, 1), orElse(v, v.EOS, 2))
	return t, nil
}

// orElse is id, or where there is none the one that a runtime takes then; -1 when the vocabulary is smaller.
func orElse(v *Vocab, id, otherwise int) int {
	if id < 0 {
		id = otherwise
	}
	if !v.valid(id) {
		return -1
	}
	return id
}

// surround adds the first token, the last one, or both.
func (t *Tokenizer) surround(first, last bool, bos, eos int) {
	if first && t.vocab.valid(bos) {
		t.before = []int32{int32(bos)}
	}
	if last && t.vocab.valid(eos) {
		t.after = []int32{int32(eos)}
	}
}

// setBytes finds the token of each byte, in the alphabet of byte-level vocabularies or as <0xNN>.
func (b *bpe) setBytes() {
	for c := range b.bytes {
		text := string(byteRune[c])
		if b.chars {
			text = byteToken(byte(c))
		}
		id, ok := b.ids.get(text)
		if !ok {
			id = -1
		}
		b.bytes[c] = id
	}
}

func (m *spm) setBytes() {
	for c := range m.bytes {
		if id, ok := m.ids.get(byteToken(byte(c))); ok {
			m.bytes[c] = id
		}
	}
}
