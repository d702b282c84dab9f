package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"quern/formats"
	"quern/internal/arch"
	"quern/internal/tokenizer"
)

// HashWeights is the SHA-256 of what a model computes with: hyper-parameters, and tensors by name with their types and stored
// bytes. It does not depend on the file that holds them, but does on the types.
func HashWeights(src *formats.Source) (string, error) {
	b, err := arch.Bind(src)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v\n", b.Arch.Name, b.Params)
	tensors := slices.Clone(b.Tensors)
	slices.SortFunc(tensors, func(x, y *formats.Tensor) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	for _, t := range tensors {
		fmt.Fprintf(h, "%s %v %s\n", t.Name, t.Shape, t.Type.Name)
		if err := hashTensor(h, t); err != nil {
			return "", &formats.Error{File: src.Path, Tensor: t.Name, Err: err}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashTensor(h hash.Hash, t *formats.Tensor) error {
	if t.Raw != nil {
		_, err := io.CopyBuffer(h, io.NewSectionReader(t.Raw, 0, t.Bytes()), make([]byte, 1<<20))
		return err
	}
	row := make([]float32, t.Cols())
	var b []byte
	for i := range t.NumRows() {
		if err := t.Rows.ReadRows(row, i); err != nil {
			return err
		}
		b = b[:0]
		for _, v := range row {
			b = putFloat(b, v)
		}
		h.Write(b)
	}
	return nil
}

// HashVocab is the SHA-256 of what makes tokens of a text.
func HashVocab(v *tokenizer.Vocab) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d %d %s %s %s\n", v.Model, v.Pre, v.BOS, v.EOS, yesNo(v.AddBOS), yesNo(v.AddEOS), yesNo(v.AddSpacePrefix))
	for _, list := range [][]string{v.Tokens, v.Merges} {
		for _, s := range list {
			fmt.Fprintf(h, "%d:%s", len(s), s)
		}
		io.WriteString(h, "\n")
	}
	_ = binary.Write(h, binary.LittleEndian, v.Types) // a hash takes everything
	_ = binary.Write(h, binary.LittleEndian, v.Scores)
	return hex.EncodeToString(h.Sum(nil))
}

// Key addresses what a base predicts by everything that it depends on.
func (h *BaselineHeader) Key() string {
	s := fmt.Sprintf("%s %s %d %d %d %s %s %s", h.Kind, h.Mode, h.Ctx, h.BOS, h.Chunks, h.Weights, h.Tokenizer, h.Text)
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
