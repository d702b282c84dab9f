package tokenizer

import (
	"encoding/json"
	"sort"
	"strconv"
)

// tidyAdded gives an added token that the vocabulary has too the id that it has there, as tokenizers does, and drops those
// that the model has no row for.
func (f *folder) tidyAdded() {
	kept := f.tok.Added[:0]
	for _, a := range f.tok.Added {
		if id, ok := f.tok.Vocab.get(a.Content); ok {
			a.ID = int(id)
		}
		if f.opt.VocabSize == 0 || a.ID < f.opt.VocabSize {
			kept = append(kept, a)
		}
	}
	f.tok.Added = kept
}

// spellings sets what is looked for in text before and after normalizing.
func (f *folder) spellings(t *Tokenizer, changes []change) {
	var raw, normalized []added
	for _, a := range f.tok.Added {
		if a.Normalized && len(changes) > 0 {
			normalized = append(normalized, a)
		} else {
			raw = append(raw, a)
		}
	}
	t.spelled = newAddedSet(raw, func(s string) string { return s })
	if len(normalized) > 0 {
		t.normalized = newAddedSet(normalized, func(s string) string { return apply(changes, s) })
	}
}

// byID is a list of added tokens in the order of their ids. Two of one id contradict each other.
func byID(all []added) ([]added, error) {
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	for i, a := range all {
		if a.ID < 0 || a.ID >= highestID {
			return nil, corrupt("an added token has the id %d", a.ID)
		}
		if i > 0 && a.ID == all[i-1].ID {
			return nil, corrupt("two added tokens have the id %d", a.ID)
		}
	}
	return all, nil
}

// readExtra reads added_tokens.json: an object of ids by text.
func (f *folder) readExtra(data []byte) error {
	var ids map[string]int
	if err := json.Unmarshal(data, &ids); err != nil {
		return corrupt("%v", err)
	}
	for text, id := range ids {
		f.extra = append(f.extra, added{ID: id, Content: text})
	}
	var err error
	f.extra, err = byID(f.extra)
	return err
}

// readListed reads tokenizer_config.json's added_tokens_decoder: an object of tokens by id.
func (f *folder) readListed(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	var tokens map[string]added
	if err := json.Unmarshal(raw, &tokens); err != nil {
		return corrupt("added_tokens_decoder: %v", err)
	}
	for key, a := range tokens {
		id, err := strconv.Atoi(key)
		if err != nil {
			return corrupt("added_tokens_decoder has the id %q", key)
		}
		a.ID = id
		f.listed = append(f.listed, a)
	}
	var err error
	f.listed, err = byID(f.listed)
	return err
}
