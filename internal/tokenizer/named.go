package tokenizer

// endings are the texts that end a turn or a text in one family of models or another. llama.cpp takes a token so spelled
// for a control token whatever its type says.
var endings = map[string]bool{
	"<|eot_id|>": true, "<|im_end|>": true, "<|end|>": true, "<|return|>": true, "<|call|>": true, "<|flush|>": true,
	"<|calls|>": true, "<end_of_turn>": true, "<|endoftext|>": true, "</s>": true, "<|eom_id|>": true, "<EOT>": true,
	"_<EOT>": true, "[EOT]": true, "[EOS]": true, "<|end_of_text|>": true, "<end_of_utterance>": true, "<eos>": true,
	"<turn|>": true, "<|tool_response>": true, "<｜end▁of▁sentence｜>": true, "[e~[": true,
}

// shown are tokens of gpt-oss that llama.cpp never hides.
var shown = map[string]bool{"<|channel|>": true, "<|message|>": true, "<|start|>": true, "<|constrain|>": true}

// runtimeKind is what llama.cpp takes a token for, whatever its type says.
func (v *Vocab) runtimeKind(id int, has func(text string) bool) int32 {
	switch text := v.Tokens[id]; {
	case text == "</s>" && (has("<|tool_response>") || has("<|plamo:eos|>")):
		return Normal
	case text == "<|end|>" && (has("<|call|>") || has("<|calls|>")) && (has("<|return|>") || has("<|flush|>")), shown[text]:
		return UserDefined
	case endings[text]:
		return Control
	}
	return v.kind(id)
}
