package calib

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quern/formats"
	"quern/internal/tokenizer"
)

// Turns are the tokens of a conversation and, for each, whether the model itself would say it: whether it lies in what an assistant
// says, or is the control token that ends it. Where that lies is found by rendering the conversation with other words in that place:
// what comes before and after stays, whatever the template does.
func (c *Chat) Turns(chat json.RawMessage) (tokens []int32, answer []bool, err error) {
	raw, err := usualNames(chat)
	if err != nil {
		return nil, nil, err
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, nil, formats.Corrupt("not a list of messages: %v", err)
	}
	if tokens, err = c.tokens(list); err != nil {
		return nil, nil, err
	}
	answer = make([]bool, len(tokens))
	for k, m := range list {
		if string(m["role"]) != `"assistant"` {
			continue
		}
		var said string
		if json.Unmarshal(m["content"], &said) != nil || strings.TrimSpace(said) == "" {
			continue // a call of a tool
		}
		from, to, err := c.turn(list, k, said, tokens)
		if err != nil {
			return nil, nil, fmt.Errorf("message %d: %w", k+1, err)
		}
		for i := max(from, 1); i < to; i++ {
			answer[i] = true
		}
	}
	return tokens, answer, nil
}

// turn finds where what message k says lies in the tokens of the conversation.
func (c *Chat) turn(list []map[string]json.RawMessage, k int, said string, whole []int32) (from, to int, err error) {
	other := slices.Clone(list)
	other[k] = maps.Clone(list[k])
	other[k]["content"] = json.RawMessage(fmt.Sprintf("%q", unlike(said)))
	changed, err := c.tokens(other)
	if err != nil {
		return 0, 0, err
	}
	for from < min(len(whole), len(changed)) && whole[from] == changed[from] {
		from++
	}
	to = len(whole)
	for i := len(changed); to > from && i > from && whole[to-1] == changed[i-1]; i-- {
		to--
	}
	end := to
	if end < len(whole) && len(bytes.TrimSpace(c.tok.Piece(whole[end]))) == 0 {
		end++ // some templates put a space before it
	}
	if end < len(whole) && c.control(whole[end]) {
		to = end + 1
	}
	return from, to, nil
}

func (c *Chat) control(id int32) bool {
	types := c.tok.Vocab().Types
	return int(id) < len(types) && types[id] == tokenizer.Control
}

// unlike is a letter that text neither begins nor ends with.
func unlike(text string) string {
	text = strings.TrimSpace(text)
	for _, l := range []string{"Q", "Z"} {
		if !strings.HasPrefix(text, l) && !strings.HasSuffix(text, l) {
			return l
		}
	}
	return "X"
}

func (c *Chat) tokens(list []map[string]json.RawMessage) ([]int32, error) {
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	messages, err := messagesOf(raw)
	if err != nil {
		return nil, err
	}
	text, err := c.render(messages)
	if err != nil {
		return nil, err
	}
	return c.tok.Encode(text, tokenizer.Options{ParseSpecial: true}), nil
}
