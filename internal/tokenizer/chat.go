package tokenizer

import (
	"encoding/json"
	"strings"
)

// chat finds the chat templates. A chat_template.jinja wins over what tokenizer_config.json says, as it does in
// transformers; the reference converter has it the other way round, so that an edited file has no effect.
func (f *folder) chat(v *Vocab) error {
	raw := f.settings["chat_template"]
	switch {
	case f.jinja != nil:
		v.ChatTemplate = *f.jinja
		return nil
	case len(raw) == 0 || string(raw) == "null":
		raw = f.templates["chat_template"]
	}
	if len(raw) == 0 {
		return nil
	}
	if json.Unmarshal(raw, &v.ChatTemplate) == nil {
		return nil
	}
	var list []struct {
		Name     string
		Template *string
	}
	if json.Unmarshal(raw, &list) != nil {
		return in("tokenizer_config.json", corrupt("chat_template is neither a text nor a list of templates"))
	}
	for _, t := range list {
		name := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return '_'
		}, t.Name)
		switch {
		case name == "" || t.Template == nil:
		case name == "default":
			v.ChatTemplate = *t.Template
		default:
			if v.ChatTemplates == nil {
				v.ChatTemplates = map[string]string{}
			}
			v.ChatTemplates[name] = *t.Template
		}
	}
	return nil
}
