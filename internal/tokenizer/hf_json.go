package tokenizer

import (
	"encoding/json"
	"unsafe"
)

// hfFile is tokenizer.json, the form in which Hugging Face's tokenizers library keeps a whole tokenizer.
type hfFile struct {
	Added      []added
	Normalizer *node
	Pre        *node
	Post       *node
	Decoder    *node

	Kind         string // of the model: BPE, Unigram, WordPiece, WordLevel
	Vocab        *index // in the order of the file
	Merges       [][2]string
	later        bool     // merges are skipped …
	unread       *reader  // … and begin here
	Joined       []string // the merges as they are written, when that is "left right"
	Top          int      // the highest id of model and added tokens
	Unk          string
	FuseUnk      bool
	ByteFallback bool
	IgnoreMerges bool
	Prefix       string // continuing_subword_prefix
	Suffix       string // end_of_word_suffix

	Ranked map[string]int32 // of a ranked vocabulary: the id of the bytes of each token

	Scores     []float64 // Unigram: of each entry
	Unknown    int       // Unigram: the id of the unknown token, -1 for none
	MostInWord int       // WordPiece: characters of the longest word that is looked at
}

// A node is any of the steps of a tokenizer.json: a normalizer, pre-tokenizer, post-processor or decoder. Which of the
// fields it has depends on its type.
type node struct {
	Type          string
	Normalizers   []node
	Pretokenizers []node
	Processors    []node
	Decoders      []node

	Pattern          *pattern
	Content          string
	Behavior         string
	Invert           bool
	Prepend          string
	Replacement      string
	PrependScheme    string `json:"prepend_scheme"`
	AddPrefixSpace   *bool  `json:"add_prefix_space"`
	Split            *bool
	UseRegex         *bool `json:"use_regex"`
	IndividualDigits bool  `json:"individual_digits"`
	StripLeft        bool  `json:"strip_left"`
	StripRight       bool  `json:"strip_right"`

	Charsmap     string `json:"precompiled_charsmap"`
	CleanText    *bool  `json:"clean_text"`
	Chinese      *bool  `json:"handle_chinese_chars"`
	StripAccents *bool  `json:"strip_accents"`
	Lowercase    *bool

	Single, Pair  []templatePiece
	SpecialTokens map[string]struct{ IDs []int } `json:"special_tokens"`
	Cls, Sep      json.RawMessage
}

type pattern struct{ String, Regex *string }

type templatePiece struct {
	SpecialToken *struct{ ID string }
	Sequence     *struct{ ID string }
}

// highestID bounds what a list indexed by ids may take: the largest vocabularies have some 10⁵.
const highestID = 1 << 24

func readHFFile(data []byte, later bool) (*hfFile, error) {
	f := &hfFile{later: later, Vocab: newIndex(0), Top: -1, Unknown: -1, MostInWord: 100}
	r := &reader{s: unsafe.String(unsafe.SliceData(data), len(data))} // a copy would take as long as reading the file, and data is not changed
	model := false
	err := r.object(func(key string) error {
		switch key {
		case "added_tokens":
			return f.small(r, key, &f.Added)
		case "normalizer":
			return f.small(r, key, &f.Normalizer)
		case "pre_tokenizer":
			return f.small(r, key, &f.Pre)
		case "post_processor":
			return f.small(r, key, &f.Post)
		case "decoder":
			return f.small(r, key, &f.Decoder)
		case "model":
			model = true
			return f.readModel(r)
		}
		_, err := r.raw()
		return err
	})
	if err == nil && !model {
		err = corrupt("has no model")
	}
	if err != nil {
		return nil, err
	}
	for _, a := range f.Added {
		if a.ID < 0 || a.ID >= highestID {
			return nil, corrupt("added token %q has the id %d", a.Content, a.ID)
		}
		f.Top = max(f.Top, a.ID)
	}
	return f, nil
}

// small reads a value with encoding/json.
func (f *hfFile) small(r *reader, key string, to any) error {
	raw, err := r.raw()
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(raw), to); err != nil {
		return corrupt("%s: %v", key, err)
	}
	return nil
}

func (f *hfFile) readModel(r *reader) error {
	err := r.object(func(key string) error { return f.readPart(r, key) })
	if err == nil && f.Kind == "" { // older files leave it out
		switch {
		case f.Scores != nil:
			f.Kind = "Unigram"
		case f.Prefix != "" && len(f.Merges) == 0 && f.unread == nil:
			f.Kind = "WordPiece"
		default:
			f.Kind = "BPE"
		}
	}
	if err == nil && (f.Kind == "Unigram") != (f.Scores != nil) {
		err = corrupt("the vocabulary is not one of the kind %s", f.Kind)
	}
	return err
}

func (f *hfFile) readPart(r *reader, key string) error {
	switch key {
	case "type":
		return f.small(r, key, &f.Kind)
	case "unk_token":
		return f.small(r, key, &f.Unk)
	case "fuse_unk":
		return f.small(r, key, &f.FuseUnk)
	case "byte_fallback":
		return f.small(r, key, &f.ByteFallback)
	case "ignore_merges":
		return f.small(r, key, &f.IgnoreMerges)
	case "continuing_subword_prefix":
		return f.small(r, key, &f.Prefix)
	case "end_of_word_suffix":
		return f.small(r, key, &f.Suffix)
	case "unk_id":
		return f.readUnknown(r)
	case "max_input_chars_per_word":
		return f.small(r, key, &f.MostInWord)
	case "vocab":
		if r.peek() == '{' {
			return f.readVocab(r)
		}
		return f.readScores(r)
	case "merges":
		if !f.later {
			return f.readMerges(r)
		}
		at := *r
		f.unread = &at
	}
	_, err := r.raw()
	return err
}

func (f *hfFile) readVocab(r *reader) error {
	f.Vocab = newIndex((len(r.s) - r.i) / 72) // an entry takes 20 to 35 bytes of the file, and merges as much again, or twice that
	return r.object(func(token string) error {
		id, err := r.integer()
		if err != nil {
			return err
		}
		if id < 0 || id >= highestID {
			return corrupt("token %q has the id %d", token, id)
		}
		f.Vocab.put(token, int32(id))
		f.Top = max(f.Top, id)
		return nil
	})
}

// readMerges reads merges of either form: "left right", or since tokenizers 0.20 ["left", "right"].
func (f *hfFile) readMerges(r *reader) error {
	f.Merges = make([][2]string, 0, f.Vocab.len())
	return r.array(func() error {
		if r.peek() != '[' {
			s, err := r.str()
			if err != nil {
				return err
			}
			pair, ok := cutMerge(s)
			if !ok {
				return corrupt("merge %d, %q, is not two parts", len(f.Merges), s)
			}
			f.Merges = append(f.Merges, pair)
			if f.Joined == nil {
				f.Joined = make([]string, 0, cap(f.Merges))
			}
			f.Joined = append(f.Joined, s)
			return nil
		}
		var pair [2]string
		n := 0
		err := r.array(func() error {
			s, err := r.str()
			if err == nil && n < 2 {
				pair[n] = s
			}
			n++
			return err
		})
		if err == nil && n != 2 {
			err = corrupt("merge %d has %d parts", len(f.Merges), n)
		}
		f.Merges = append(f.Merges, pair)
		return err
	})
}
