package arch

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"quern/formats"
)

// Some draft heads come with an embedding of their own for the token that stands for what is to be guessed (MiMo's DFlash), of which the target's was never trained. A file of such a draft head then holds the
// target's embedding with that row in it, and its output head apart from it.

// MaskFile is the name of that file.
const MaskFile = "mask_embedding.pt"

// readMask reads that embedding, where there is one.
func (b *Bound) readMask(src *formats.Source) error {
	raw, err := src.File(MaskFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	path := filepath.Join(src.Path, MaskFile)
	if err != nil {
		return &formats.Error{File: path, Err: err}
	}
	tensors, numbers, err := formats.ReadTorchBeside(bytes.NewReader(raw), int64(len(raw)), path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tensors, func(t *formats.Tensor) bool { return t.Name == "embedding" })
	id, ok := numbers["mask_token_id"]
	switch {
	case i < 0 || !ok:
		return &formats.Error{File: path, Err: formats.Corrupt("lacks embedding or mask_token_id")}
	case tensors[i].Rows == nil || !slices.Equal(tensors[i].Shape, []int{b.Params.Embd}):
		return &formats.Error{File: path, Tensor: "embedding", Err: formats.Corrupt("has shape %v and type %s, and the model is %d wide", tensors[i].Shape, tensors[i].Type, b.Params.Embd)}
	case int64(b.Params.Mask) != id:
		return &formats.Error{File: path, Err: formats.Corrupt("is of token %d, and config.json says that token %d stands for what is to be guessed", id, b.Params.Mask)}
	}
	b.mask = make([]float32, b.Params.Embd)
	return tensors[i].Rows.ReadRows(b.mask, 0)
}

// masked gives a draft head the target's embedding with its own row in it, and the target's output head, where it has none of its own.
func (b *Bound) masked(target *formats.Source) error {
	if b.mask == nil {
		return nil
	}
	if len(target.Tensors) == 0 {
		return &formats.Error{File: target.Path, Err: formats.Unsupported("the target's embedding is wanted whole, with the row of %s in it", MaskFile), Hint: "--target is to name a folder or a GGUF with weights"}
	}
	of, err := Bind(target)
	if err != nil {
		return err
	}
	rule := func(role Role) *Rule {
		return &b.Arch.Tensors[slices.IndexFunc(b.Arch.Tensors, func(r Rule) bool { return r.Role == role })]
	}
	take := func(role Role, from ...*formats.Tensor) *formats.Tensor {
		r := rule(role)
		if i := slices.IndexFunc(b.Origins, func(o Origin) bool { return o.Rule.Role == role }); i >= 0 {
			t := b.Tensors[i]
			b.Tensors, b.Origins = slices.Delete(b.Tensors, i, i+1), slices.Delete(b.Origins, i, i+1)
			return t
		}
		n := *cmp.Or(from...)
		n.Name = r.GGUF
		return &n
	}
	embed, head := of.Tensor("token_embd.weight"), of.Tensor("output.weight")
	if embed == nil || embed.Rows == nil {
		return &formats.Error{File: target.Path, Tensor: "token_embd.weight", Err: formats.Unsupported("the target has none that can be read"), Hint: wrongTarget}
	}
	head, embed = take(RoleOutput, head, embed), take(RoleEmbed, embed)
	want := []int{b.Params.Vocab, b.Params.Embd}
	if !slices.Equal(embed.Shape, want) || b.Params.Mask < 0 || b.Params.Mask >= want[0] {
		return b.Config.fail("vocab_size", formats.Corrupt("the target's embedding has shape %v, and the draft head says %v, with token %d for what is to be guessed", embed.Shape, want, b.Params.Mask), wrongTarget)
	}
	embed.Rows, embed.Raw = oneRow{embed.Rows, b.Params.Mask, b.mask}, nil
	b.Tensors = append([]*formats.Tensor{head, embed}, b.Tensors...)
	b.Origins = append([]Origin{{Source: head.Name, Rule: rule(RoleOutput), Layer: -1}, {Source: MaskFile, Rule: rule(RoleEmbed), Layer: -1}}, b.Origins...)
	return nil
}

// Tensor is the tensor of a GGUF name; nil if there is none.
func (b *Bound) Tensor(name string) *formats.Tensor {
	if i := slices.IndexFunc(b.Tensors, func(t *formats.Tensor) bool { return t.Name == name }); i >= 0 {
		return b.Tensors[i]
	}
	return nil
}

// oneRow is rows of which one is another.
type oneRow struct {
	rows formats.Rows
	row  int
	is   []float32
}

func (r oneRow) ReadRows(dst []float32, row int) error {
	if err := r.rows.ReadRows(dst, row); err != nil {
		return err
	}
	if at := (r.row - row) * len(r.is); at >= 0 && at < len(dst) {
		copy(dst[at:], r.is)
	}
	return nil
}
