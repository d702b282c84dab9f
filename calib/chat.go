package calib

import (
	"encoding/json"
	"fmt"

	"quern/formats"
	"quern/internal/jinja"
	"quern/internal/tokenizer"
)

// Tokens are those of all documents, one after the other. A text has what the model wants around every text; special says whether
// what spells a control token there becomes that token. A conversation is rendered by the model's own template, in which it always
// does, and which says itself what stands around it.
func (s *Subject) Tokens(docs []Document, special bool) ([]int32, error) {
	var all []int32
	var chat *Chat
	for i, d := range docs {
		if d.Chat == nil {
			all = append(all, s.Tokenizer.Encode(d.Text, tokenizer.Options{AddSpecial: true, ParseSpecial: special})...)
			continue
		}
		if chat == nil {
			var err error
			if chat, err = NewChat(s.Tokenizer, s.src.Path); err != nil {
				return nil, err
			}
		}
		messages, err := messagesOf(d.Chat)
		if err != nil {
			return nil, fmt.Errorf("conversation %d: %w", i+1, err)
		}
		text, err := chat.render(messages)
		if err != nil {
			return nil, fmt.Errorf("conversation %d: %w", i+1, err)
		}
		all = append(all, s.Tokenizer.Encode(text, tokenizer.Options{ParseSpecial: true})...)
	}
	return all, nil
}

// A Chat renders conversations as a model wants them.
type Chat struct {
	tok      *tokenizer.Tokenizer
	template *jinja.Template
}

// NewChat reads the chat template of the tokenizer of the checkpoint at path.
func NewChat(tok *tokenizer.Tokenizer, path string) (*Chat, error) {
	text := tok.Vocab().ChatTemplate
	if text == "" {
		return nil, &formats.Error{File: path, Err: formats.Unsupported("the model has no chat template to render conversations with"),
			Hint: "use a text, or a field that holds one (--field)"}
	}
	t, err := jinja.Parse(text)
	if err != nil {
		return nil, &formats.Error{File: path, Err: formats.Unsupported("%v", err)}
	}
	return &Chat{tok, t}, nil
}

// render makes a text of a list of messages, with the variables that transformers gives a template.
func (c *Chat) render(messages any) (string, error) {
	v := c.tok.Vocab()
	vars := map[string]any{"messages": messages, "tools": nil, "documents": nil, "add_generation_prompt": false}
	for name, id := range map[string]int{"bos_token": v.BOS, "eos_token": v.EOS, "unk_token": v.UNK, "pad_token": v.PAD} {
		if id >= 0 {
			vars[name] = string(c.tok.Piece(int32(id)))
		}
	}
	text, err := c.template.Render(vars)
	if err != nil {
		return "", formats.Unsupported("%v", err)
	}
	return text, nil
}

// messagesOf reads a list of messages under their usual names.
func messagesOf(chat json.RawMessage) (any, error) {
	raw, err := usualNames(chat)
	if err != nil {
		return nil, err
	}
	return jinja.FromJSON(raw)
}

// usual are the roles by which other data sets call them.
var usual = map[string]string{"human": "user", "gpt": "assistant", "bot": "assistant"}

// usualNames turns messages of the form {from, value} into {role, content}.
func usualNames(chat json.RawMessage) (json.RawMessage, error) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(chat, &list); err != nil {
		return nil, formats.Corrupt("not a list of messages: %v", err)
	}
	changed := false
	for _, m := range list {
		if m["role"] != nil || m["from"] == nil || m["value"] == nil {
			continue
		}
		var role string
		if err := json.Unmarshal(m["from"], &role); err != nil {
			return nil, formats.Corrupt("the sender of a message is not a text")
		}
		if name, ok := usual[role]; ok {
			role = name
		}
		m["role"] = json.RawMessage(fmt.Sprintf("%q", role))
		m["content"] = m["value"]
		delete(m, "from")
		delete(m, "value")
		changed = true
	}
	if !changed {
		return chat, nil
	}
	return json.Marshal(list)
}
