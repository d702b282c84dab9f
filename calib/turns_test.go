package calib

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What the assistant says is marked, with the token that ends its turn and nothing else, whatever the messages are called.
func TestTurns(t *testing.T) {
	const chat = `[{"role": "system", "content": "S"}, {"role": "user", "content": "One?"}, {"role": "assistant", "content": "First answer."},
		{"from": "human", "value": "assistant says nothing"}, {"from": "gpt", "value": "Second."}]`
	s := chatty(t, "smollm2")
	c, err := NewChat(s.Tokenizer, s.src.Path)
	if err != nil {
		t.Fatal(err)
	}
	tokens, answer, err := c.Turns(json.RawMessage(chat))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for i, id := range tokens {
		if !answer[i] {
			continue
		}
		if !answer[i-1] {
			said = append(said, "")
		}
		said[len(said)-1] += string(s.Tokenizer.Piece(id))
	}
	if want := []string{"First answer.<|im_end|>", "Second.<|im_end|>"}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	whole, err := s.Tokens([]Document{{Chat: json.RawMessage(chat)}}, false)
	if err != nil || !slices.Equal(whole, tokens) {
		t.Errorf("the tokens are not those of the conversation: %v", err)
	}
}

// Every published template that takes a conversation of two turns marks both answers.
func TestTurnsOfTemplates(t *testing.T) {
	const chat = `[{"role": "user", "content": "One?"}, {"role": "assistant", "content": "Apples."}, {"role": "user", "content": "Two?"}, {"role": "assistant", "content": "Pears."}]`
	for _, name := range []string{"smollm2", "gemma-3", "qwen3", "llama-3"} {
		t.Run(name, func(t *testing.T) {
			s := chatty(t, name)
			c, err := NewChat(s.Tokenizer, s.src.Path)
			if err != nil {
				t.Skip(err)
			}
			tokens, answer, err := c.Turns(json.RawMessage(chat))
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			for i, id := range tokens {
				if answer[i] {
					said.Write(s.Tokenizer.Piece(id))
				}
			}
			if got := strings.ReplaceAll(said.String(), "▁", " "); !strings.Contains(got, "Apples.") || !strings.Contains(got, "Pears.") || strings.Contains(got, "Two") {
				t.Errorf("%q", got)
			}
		})
	}
}
