package convert

import (
	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
)

// meet tells a draft head of the model that it guesses for. A GGUF was told when it was made, and other models have none.
func meet(bound *arch.Bound, target, src *formats.Source) error {
	switch {
	case bound.IsDraft() && !isGGUF(src):
		return bound.MeetTarget(target)
	case target == nil:
		return nil
	case bound.IsDraft():
		return &formats.Error{File: src.Path, Err: option("a target is named, and this GGUF holds already what there is to know of it")}
	}
	return &formats.Error{File: src.Path, Err: option("a target is named, which only draft heads have, and this is a model (%s)", bound.Arch.Name)}
}

// WantsWeights says of a draft head that its file holds some of its target's weights.
func WantsWeights(src *formats.Source) bool {
	_, err := src.File(arch.MaskFile)
	return err == nil
}

// targetVocab is the vocabulary of the model that a draft head guesses for, with a token for each row of the draft head's embedding.
func targetVocab(target *formats.Source, bound *arch.Bound, pre string) (*tokenizer.Vocab, error) {
	if isGGUF(target) {
		return ggufVocab(target, pre)
	}
	return sized(target, pre, bound.Params.Vocab, tokenizer.HFVocab)
}
