package tokenizer

import (
	"sort"
	"strconv"
	"strings"
)

// A ranked file is a vocabulary of tiktoken's kind: tokens are bytes, and of two neighbours that together are a token those merge first
// whose token stands first. There are no merges in it. Each kind is one value; what it does not hold (the pre-tokenizer, the special
// tokens) is in the code that is published beside it.
type ranked struct {
	File string // its name in a folder
	Pre  string // the pre-tokenizer that this code has; "" where the file tells it
	Read func(f *folder, data []byte) (*hfFile, error)
	Text map[string]string // of the special tokens by kind, where no file names them
}

var rankedFiles []ranked

func registerRanked(r ranked) ranked {
	rankedFiles = append(rankedFiles, r)
	return r
}

// longestRanked bounds a token: what is found out about one takes time with the square of its length.
const longestRanked = 1024

// readRanked reads a ranked vocabulary where no tokenizer.json is there, in the form of one.
func (f *folder) readRanked(read func(name string, use func([]byte) error) error) error {
	for _, r := range rankedFiles {
		if f.tok != nil {
			return nil
		}
		err := read(r.File, func(data []byte) (err error) {
			if f.tok, err = r.Read(f, data); err != nil {
				return err
			}
			f.lent = r.Text
			if f.opt.Pre == "" {
				f.opt.Pre = r.Pre
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// newRanked is a file of tokens in the order of their ranks, the first of which has the id first.
func newRanked(tokens []string, first int) (*hfFile, error) {
	t := &hfFile{Kind: "BPE", Vocab: newIndex(len(tokens)), Top: first + len(tokens) - 1, Unknown: -1, Ranked: map[string]int32{}}
	for i, raw := range tokens {
		if len(raw) == 0 || len(raw) > longestRanked {
			return nil, corrupt("token %d has %d bytes", i, len(raw))
		}
		if j, ok := t.Ranked[raw]; ok {
			return nil, corrupt("the tokens %d and %d are alike, %q", int(j)-first, i, raw)
		}
		id := int32(first + i)
		t.Ranked[raw] = id
		t.Vocab.add(toAlphabet(raw), id)
	}
	return t, nil
}

// special adds a control token.
func (t *hfFile) special(id int, text string) {
	t.Added = append(t.Added, added{ID: id, Content: text, Special: true})
	t.Top = max(t.Top, id)
}

// splitBy is a pre-tokenizer that cuts by a regular expression.
func (t *hfFile) splitBy(regex string) {
	no := false
	t.Pre = &node{Type: "Sequence", Pretokenizers: []node{
		{Type: "Split", Pattern: &pattern{Regex: &regex}, Behavior: "Isolated"},
		{Type: "ByteLevel", AddPrefixSpace: &no, UseRegex: &no},
	}}
}

// rankedBPE merges by the rank of what comes out.
type rankedBPE struct {
	*bpe
	ids   map[string]int32 // of the bytes of each token
	below int32            // tokens from this id on are not made
}

func (r *rankedBPE) tokens(dst []int32, word string, m *merger) []int32 {
	return m.encode(dst, word, r)
}

func (r *rankedBPE) pair(word string, left, right *symbol) (int32, uint32, bool) {
	id, ok := r.ids[word[left.start:right.end]]
	if left.id < 0 || right.id < 0 || !ok || id >= r.below {
		return 0, 0, false
	}
	return id, uint32(id), true
}

// lastMerge finds for every token the two that it is made of when everything before it has been merged. A runtime that knows merges
// only then comes to the same tokens. How many there are that cannot be made so is the result.
func (t *hfFile) lastMerge(b *bpe) (unmade int) {
	r := &rankedBPE{bpe: &bpe{bytes: b.bytes, limit: b.limit}, ids: t.Ranked}
	var m merger
	var parts []int32
	for _, e := range t.Vocab.entries {
		raw, _ := fromAlphabet(e.text)
		if len(raw) < 2 {
			continue
		}
		r.below = e.id
		if parts = m.encode(parts[:0], raw, r); len(parts) != 2 {
			unmade++
			continue
		}
		t.Merges = append(t.Merges, [2]string{t.text(parts[0]), t.text(parts[1])})
	}
	return unmade
}

// everyMerge finds every way to make a token of two others, in the order of the token, then of its parts: so the reference does for tekken.
func (t *hfFile) everyMerge() (unmade int) {
	id := func(text string) int32 {
		id, _ := t.Vocab.get(text)
		return id
	}
	for _, e := range t.Vocab.entries {
		raw, _ := fromAlphabet(e.text)
		first := len(t.Merges)
		for i := 1; i < len(raw); i++ {
			l, okL := t.Ranked[raw[:i]]
			r, okR := t.Ranked[raw[i:]]
			if okL && okR {
				t.Merges = append(t.Merges, [2]string{t.text(l), t.text(r)})
			}
		}
		ways := t.Merges[first:]
		if len(ways) == 0 && len(raw) > 1 {
			unmade++
		}
		sort.SliceStable(ways, func(i, j int) bool {
			a, b := ways[i], ways[j]
			return id(a[0]) < id(b[0]) || a[0] == b[0] && id(a[1]) < id(b[1])
		})
	}
	return unmade
}

// text is the spelling of an ordinary token.
func (t *hfFile) text(id int32) string { return t.Vocab.entries[id-t.Vocab.entries[0].id].text }

// asRanked is the model of a ranked vocabulary, and the merges that a GGUF file holds of it.
func (f *folder) asRanked(t *Tokenizer, b *bpe) error {
	tok, unmade := f.tok, 0
	if tok.IgnoreMerges {
		unmade = tok.everyMerge()
	} else {
		unmade = tok.lastMerge(b)
	}
	b.keepWords = true // tiktoken looks for the whole word first
	t.model, t.alphabet = &rankedBPE{bpe: b, ids: tok.Ranked, below: b.limit}, true
	if err := f.asBytes(t, nil); err != nil {
		return err
	}
	if unmade > 0 {
		t.vocab.Notes = append(t.vocab.Notes, strconv.Itoa(unmade)+" tokens are not made of two others: a runtime, which merges, makes others in their place")
	}
	return nil
}

// named are the special tokens of a list from an id on; the id that follows.
func (t *hfFile) named(id int, texts ...string) int {
	for _, text := range texts {
		t.special(id, text)
		id++
	}
	return id
}

// numbered are texts with a number in the place of "#".
func numbered(text string, n int) (all []string) {
	for i := range n {
		all = append(all, strings.Replace(text, "#", strconv.Itoa(i), 1))
	}
	return all
}
