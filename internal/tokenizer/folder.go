package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
)

// HFOptions of LoadHF.
type HFOptions struct {
	Pre       string // name of the pre-tokenizer, overrides what the files say
	VocabSize int    // of the model, from config.json; 0: as many as there are
}

// A folder is what the tokenizer files of a Hugging Face checkpoint say.
type folder struct {
	opt HFOptions
	few bool    // only the vocabulary is wanted, no tokens
	tok *hfFile // tokenizer.json, or nil
	sp  *spFile // tokenizer.model or spiece.model, or nil

	plamo []listedToken // tokenizer.jsonl, where there is none of these
	world []string      // rwkv_vocab_v20230424.txt likewise: bytes by id

	settings   map[string]json.RawMessage // tokenizer_config.json, nil when absent
	specials   map[string]json.RawMessage // special_tokens_map.json
	config     map[string]json.RawMessage // config.json
	generation map[string]json.RawMessage // generation_config.json
	extra      []added                    // added_tokens.json
	listed     []added                    // added_tokens_decoder of tokenizer_config.json

	lent map[string]string // texts of special tokens by kind, where no file names them

	jinja     *string // chat_template.jinja
	templates map[string]json.RawMessage
}

// openFolder reads every file that there is.
func openFolder(file func(string) ([]byte, error), opt HFOptions, few bool) (*folder, error) {
	f := &folder{opt: opt, few: few}
	read := func(name string, use func([]byte) error) error {
		data, err := file(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return in(name, use(data))
	}
	there := func(name string) bool {
		_, err := file(name)
		return err == nil
	}
	into := func(to any) func([]byte) error {
		return func(data []byte) error {
			if err := json.Unmarshal(data, to); err != nil {
				return corrupt("%v", err)
			}
			return nil
		}
	}
	later := few && (there("tokenizer.model") || there("spiece.model"))
	for _, l := range []struct {
		name string
		use  func([]byte) error
	}{
		{"config.json", into(&f.config)},
		{"tokenizer.json", func(data []byte) (err error) { f.tok, err = readHFFile(data, later); return err }},
		{"tokenizer_config.json", into(&f.settings)},
		{"special_tokens_map.json", into(&f.specials)},
		{"generation_config.json", into(&f.generation)},
		{"added_tokens.json", f.readExtra},
		{"chat_template.json", into(&f.templates)},
		{"chat_template.jinja", func(data []byte) error { s := string(data); f.jinja = &s; return nil }},
	} {
		if err := read(l.name, l.use); err != nil {
			return nil, err
		}
	}
	if err := f.readListed(f.settings["added_tokens_decoder"]); err != nil {
		return nil, in("tokenizer_config.json", err)
	}
	if err := f.readRanked(read); err != nil {
		return nil, err
	}
	if f.tok == nil || f.tok.Kind == "BPE" && f.tok.ByteFallback {
		for _, name := range []string{"tokenizer.model", "spiece.model"} {
			if f.sp != nil {
				break
			}
			if err := read(name, func(data []byte) (err error) { f.sp, err = readSentencePiece(data); return err }); err != nil {
				return nil, err
			}
		}
	}
	if f.tok == nil && f.sp == nil {
		if err := read("tokenizer.jsonl", f.readPlamo); err != nil {
			return nil, err
		}
		if err := read(WorldFile, f.readWorld); err != nil {
			return nil, err
		}
	}
	if f.tok != nil && f.tok.unread != nil && !f.unmerged() {
		if err := f.tok.readMerges(f.tok.unread); err != nil {
			return nil, in("tokenizer.json", err)
		}
	}
	if f.tok != nil && len(f.tok.Merges) == 0 && !f.unmerged() && f.tok.Kind == "BPE" && f.tok.Ranked == nil {
		if err := read("merges.txt", f.tok.readMergesText); err != nil {
			return nil, err
		}
	}
	return f, f.size()
}

// unmerged says that merges do not matter: the vocabulary comes from tokenizer.model, and nothing is tokenized.
func (f *folder) unmerged() bool {
	return f.few && f.sp != nil && !slices.Contains(mergedTypes, textIn(f.config, "model_type"))
}

// gap is how many ids without a token there may be, beside as many as there are tokens: a few bytes of file must not
// make lists of millions. Models leave some hundreds unused.
const gap = 1 << 16

// size settles how many tokens there are, and sees that the number is one that these files can mean.
func (f *folder) size() error {
	if f.opt.VocabSize == 0 {
		f.opt.VocabSize = f.number("vocab_size")
	}
	known := 0
	if f.tok != nil {
		known = f.tok.Top + 1
		if n := f.tok.Vocab.len() + len(f.tok.Added); known > 2*n+gap {
			return in("tokenizer.json", corrupt("there are %d tokens, and one has the id %d", n, f.tok.Top))
		}
	}
	if f.sp != nil {
		known = max(known, len(f.sp.Pieces))
	}
	known = max(known, len(f.plamo), len(f.world))
	if f.opt.VocabSize < 0 || f.opt.VocabSize > 2*known+gap {
		return in("config.json", corrupt("the vocabulary is said to have %d tokens, the tokenizer has %d", f.opt.VocabSize, known))
	}
	return nil
}

// number is a whole number of config.json, or of the text model in it; 0 when there is none.
func (f *folder) number(key string) int {
	n, _ := idIn(f.config, key)
	if n < 0 {
		n, _ = idIn(f.textConfig(), key)
	}
	return max(n, 0)
}

func (f *folder) textConfig() map[string]json.RawMessage {
	var text map[string]json.RawMessage
	if json.Unmarshal(f.config["text_config"], &text) != nil {
		return nil
	}
	return text
}

// idIn is the whole number under a key; -1 when there is something else, and whether there is anything.
func idIn(m map[string]json.RawMessage, key string) (id int, found bool) {
	raw, ok := m[key]
	if !ok || string(raw) == "null" {
		return -1, false
	}
	if json.Unmarshal(raw, &id) != nil || id < 0 {
		return -1, true
	}
	return id, true
}

// textIn is the string under a key, or "".
func textIn(m map[string]json.RawMessage, key string) string {
	var s string
	if json.Unmarshal(m[key], &s) != nil {
		return ""
	}
	return s
}

// boolIn is the boolean under a key, or nil.
func boolIn(m map[string]json.RawMessage, key string) *bool {
	var b *bool
	if json.Unmarshal(m[key], &b) != nil {
		return nil
	}
	return b
}
