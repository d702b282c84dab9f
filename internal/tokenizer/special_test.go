package tokenizer

import (
	"fmt"
	"strings"
	"testing"
)

const specialVocab = `{"a":0,"b":1,"ab":2,"\u0120":3}`

// specialJSON is a tokenizer.json with five added tokens, 4 to 8, and this post-processor.
func specialJSON(post string) string {
	s := tiny(specialVocab, `["a b"]`, `,"post_processor":`+post)
	return strings.Replace(s, `{"id":4,"content":"<|end|>","special":true}`, `{"id":4,"content":"<bos>","special":true},{"id":5,"content":"<eos>","special":true},
		{"id":6,"content":"<turn>","special":true},{"id":7,"content":"<sep>","special":true},{"id":8,"content":"<pad>"}`, 1)
}

func template(single, pair string) string {
	return `{"type":"TemplateProcessing","single":[` + single + `],"pair":[` + pair + `],"special_tokens":{"<bos>":{"ids":[4]},"<eos>":{"ids":[5]},"<sep>":{"ids":[7]}}}`
}

const (
	seqA, seqB    = `{"Sequence":{"id":"A"}}`, `{"Sequence":{"id":"B"}}`
	tBOS, tEOS    = `{"SpecialToken":{"id":"<bos>"}}`, `{"SpecialToken":{"id":"<eos>"}}`
	byteLevelPost = `{"type":"ByteLevel"}`
)

func text(flag *bool) string {
	if flag == nil {
		return "-"
	}
	return fmt.Sprint(*flag)
}

func TestSpecialTokens(t *testing.T) {
	for name, c := range map[string]struct {
		post, settings, config, generation string
		want                               string // bos eos eot unk pad, then add bos eos sep
		ids                                string // of "ab", all added
	}{
		"names":                   {byteLevelPost, `{"bos_token":"<bos>","eos_token":{"content":"<eos>"},"pad_token":"<pad>"}`, ``, ``, "4 5 -1 -1 8 - - -", "[2]"},
		"no settings":             {byteLevelPost, ``, `{"bos_token_id":4,"eos_token_id":5}`, ``, "4 5 -1 -1 -1 - - -", "[2]"},
		"names before numbers":    {byteLevelPost, `{"bos_token":"<bos>"}`, `{"bos_token_id":6}`, ``, "4 -1 -1 -1 -1 - - -", "[2]"},
		"the text model's":        {byteLevelPost, `{}`, `{"text_config":{"eos_token_id":6}}`, ``, "-1 6 -1 -1 -1 - - -", "[2]"},
		"a list, for want":        {byteLevelPost, `{}`, `{"eos_token_id":[6,5,99]}`, ``, "-1 6 -1 -1 -1 - - -", "[2]"},
		"generation, for want":    {byteLevelPost, `{}`, ``, `{"eos_token_id":[5,6],"bos_token_id":4}`, "4 5 6 -1 -1 - - -", "[2]"},
		"a list":                  {byteLevelPost, `{"eos_token":"<eos>"}`, ``, `{"eos_token_id":[5,6]}`, "-1 5 6 -1 -1 - - -", "[2]"},
		"two of them":             {byteLevelPost, `{"eos_token":"<eos>"}`, `{"eod_token_id":6,"eos_token_id":[5]}`, ``, "-1 5 6 -1 -1 - - -", "[2]"},
		"out of range":            {byteLevelPost, `{}`, `{"eos_token_id":99,"bos_token_id":-3}`, ``, "-1 -1 -1 -1 -1 - - -", "[2]"},
		"template":                {template(tBOS+","+seqA, tBOS+","+seqA+","+seqB), `{"bos_token":"<bos>","eos_token":"<eos>"}`, ``, ``, "4 5 -1 -1 -1 true - -", "[4 2]"},
		"template gives BOS":      {template(tBOS+","+seqA, ""), `{}`, ``, ``, "4 -1 -1 -1 -1 true - -", "[4 2]"},
		"template ends otherwise": {template(seqA+","+tEOS, ""), `{"eos_token":"<turn>"}`, ``, ``, "-1 5 6 -1 -1 - true -", "[2 5]"},
		"settings have the last":  {template(tBOS+","+seqA, ""), `{"bos_token":"<bos>","add_bos_token":false,"add_eos_token":true}`, ``, ``, "4 -1 -1 -1 -1 false true -", "[4 2]"},
		"separator":               {template(tBOS+","+seqA, tBOS+","+seqA+`,{"SpecialToken":{"id":"<sep>"}},`+seqB), `{"bos_token":"<bos>","sep_token":"<sep>"}`, ``, ``, "4 7 -1 -1 -1 true - true", "[4 2]"},
		"roberta":                 {`{"type":"RobertaProcessing","sep":["<eos>",5],"cls":["<bos>",4]}`, `{"cls_token":"<bos>","sep_token":"<eos>"}`, ``, ``, "4 5 -1 -1 -1 true true true", "[4 2 5]"},
		"in sequence":             {`{"type":"Sequence","processors":[` + byteLevelPost + `,` + template(tBOS+","+seqA, "") + `]}`, `{"bos_token":"<bos>"}`, ``, ``, "4 -1 -1 -1 -1 true - -", "[4 2]"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"tokenizer.json": specialJSON(c.post)}
			for file, text := range map[string]string{"tokenizer_config.json": c.settings, "config.json": c.config, "generation_config.json": c.generation} {
				if text != "" {
					files[file] = text
				}
			}
			tok, err := LoadHF(filesOf(files), HFOptions{})
			if err != nil {
				t.Fatal(err)
			}
			v := tok.Vocab()
			got := fmt.Sprintln(v.BOS, v.EOS, v.EOT, v.UNK, v.PAD, text(v.AddBOS), text(v.AddEOS), text(v.AddSEP))
			if strings.TrimSpace(got) != c.want {
				t.Errorf("got %swant %s", got, c.want)
			}
			if ids := fmt.Sprint(tok.Encode("ab", Options{AddSpecial: true})); ids != c.ids {
				t.Errorf("tokens %s, want %s", ids, c.ids)
			}
		})
	}
}

func TestChatTemplate(t *testing.T) {
	base := specialJSON(byteLevelPost)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		named map[string]string
	}{
		"none":                        {nil, "", nil},
		"a text":                      {map[string]string{"tokenizer_config.json": `{"chat_template":"x"}`}, "x", nil},
		"the file wins":               {map[string]string{"tokenizer_config.json": `{"chat_template":"x"}`, "chat_template.jinja": "y"}, "y", nil},
		"the file alone":              {map[string]string{"chat_template.jinja": "y"}, "y", nil},
		"json":                        {map[string]string{"chat_template.json": `{"chat_template":"z"}`}, "z", nil},
		"a list":                      {map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"default","template":"d"},{"name":"tool-use","template":"t"},{"name":"x"}]}`}, "d", map[string]string{"tool_use": "t"}},
		"settings before chat_t.json": {map[string]string{"tokenizer_config.json": `{"chat_template":"x"}`, "chat_template.json": `{"chat_template":"z"}`}, "x", nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"tokenizer.json": base}
			for k, v := range c.files {
				files[k] = v
			}
			tok, err := LoadHF(filesOf(files), HFOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if v := tok.Vocab(); v.ChatTemplate != c.want || fmt.Sprint(v.ChatTemplates) != fmt.Sprint(c.named) {
				t.Errorf("%q and %v", v.ChatTemplate, v.ChatTemplates)
			}
		})
	}
}
