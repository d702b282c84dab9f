package tokenizer

import "encoding/json"

// further finds the tokens that end a turn besides EOS: lists of them in generation_config.json and config.json, and Hunyuan's key. Those that
// runtimes do not know by their text become EOT and EOM, of which there is one each.
func (s *specials) further() {
	for _, id := range s.ends() {
		if !s.v.valid(id) || id == s.v.EOS || id == s.v.EOT || endings[s.v.Tokens[id]] {
			continue
		}
		if s.v.EOT < 0 {
			s.v.EOT = id
		} else if s.v.EOM < 0 {
			s.v.EOM = id
		}
	}
}

// ends are all tokens that the configurations say to end something.
func (s *specials) ends() (ids []int) {
	for _, m := range []map[string]json.RawMessage{s.generation, s.config, s.textConfig()} {
		var list []int
		if json.Unmarshal(m["eos_token_id"], &list) == nil {
			ids = append(ids, list...)
		}
		if id, ok := idIn(m, "eod_token_id"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
