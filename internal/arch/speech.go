package arch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quern/formats"
)

// Speech is what a language model that speaks has beside Params' sizes: behind the tokens of a text, its embedding has codes of sound, which are what it predicts.
type Speech struct {
	Codes    int      // of sound
	Wide     int      // the width of embeddings of a text before they were made the model's
	Names    []string // of the codes, as tokens
	End      int      // the token that ends what is said
	AddEnd   bool     // never
	Suppress []int32  // tokens that are no sound
	Voice    bool     // a vector stands before a voice
	Score    float32  // of the codes, in vocabularies whose tokens have scores
	Endless  bool     // no token begins or ends anything
}

func (s *Speech) dim(letter string, p *Params) int {
	switch letter {
	case "said":
		return s.Codes
	case "texts":
		return p.Vocab - s.Codes
	case "padded": // tokens of a text, and a row that stands for none
		return p.Vocab - s.Codes + 1
	case "wide":
		return s.Wide
	}
	return 0
}

// talker is a configuration of what speaks as that of a language model: vocab_size counts tokens of a text there, and codec_vocab_size codes of sound.
func talker(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	out := maps.Clone(m)
	out["codec_vocab_size"], out["vocab_size"] = m["vocab_size"], m["text_vocab_size"]
	return out
}

// codeNames names the codes of sound after the keys of a configuration that say what they mean ("codec_bos_id": 2149, "spk_id": {"vivian": 3065}), as the reference converter
// does; a code without a meaning has its number.
func (s *Speech) codeNames(c *Config) error {
	s.Names = make([]string, s.Codes)
	named := map[int]string{}
	give := func(key, name string, v any) error {
		if v == nil {
			return nil
		}
		f, ok := number(v)
		i := int(f)
		switch {
		case !ok || float64(i) != f:
			return c.wrong(key, v, "a code of sound")
		case i < 0 || i >= s.Codes:
			return c.fail(key, formats.Corrupt("is code %d of %d", i, s.Codes), "")
		case named[i] != "":
			return c.fail(key, formats.Unsupported("is code %d, which %s has too: runtimes look for both by name", i, named[i]), "")
		}
		named[i], s.Names[i] = key, "<|"+name+"|>"
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(c.talking())) {
		prefix, ok := strings.CutSuffix(key, "_id")
		v := c.talking()[key]
		inner, several := v.(map[string]any)
		switch {
		case !ok:
		case several:
			for _, k := range slices.Sorted(maps.Keys(inner)) {
				if err := give(key+"."+k, prefix+"_"+k, inner[k]); err != nil {
					return err
				}
			}
		default:
			if err := give(key, prefix, v); err != nil {
				return err
			}
		}
	}
	for i, name := range s.Names {
		s.Names[i] = cmp.Or(name, fmt.Sprintf("<|codec_%d|>", i))
	}
	return nil
}

// talking is the part of a configuration that is of what speaks.
func (c *Config) talking() map[string]any {
	m, _ := c.root["talker_config"].(map[string]any)
	return m
}
