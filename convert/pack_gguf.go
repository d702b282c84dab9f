package convert

import (
	"strings"

	"quern/formats"
	"quern/internal/arch"
)

// Unfold is a GGUF as a source in Hugging Face's layout: names, row order and text files of the folder like, which is the model that the
// GGUF was made from or one of its kind. Codes of blocks stay readable.
func Unfold(gguf, like *formats.Source) (*formats.Source, error) {
	b, err := arch.Bind(gguf)
	if err != nil {
		return nil, err
	}
	out := *gguf
	out.Format, out.File, out.Tensors = like.Format, like.File, nil
	for i, t := range b.Tensors {
		o := b.Origins[i]
		if o.Rule.HF == "" {
			continue // made from hyper-parameters, which config.json has
		}
		if len(t.Shape) > 2 || o.Rule.Do.Forward != nil && o.Rule.Do.Inverse == nil || strings.Count(o.Rule.HF, "{}") > 1 {
			return nil, &formats.Error{File: gguf.Path, Tensor: t.Name, Err: formats.Unsupported("this tensor's way back into a folder (%s) is not known", o.Rule.HF)}
		}
		n := formats.WithCodes(t)
		if o.Rule.Do.Inverse != nil {
			n = o.Rule.Do.Inverse(n, b.Params.At(o.Layer))
		}
		c := *n
		c.Name = o.Rule.At(o.Rule.HF, o.Layer, &b.Params)
		out.Tensors = append(out.Tensors, &c)
	}
	check, err := arch.Bind(&out) // the folder's config.json must describe the same model
	if err != nil {
		return nil, err
	}
	return &out, same(gguf, like, &b.Params, &check.Params)
}

// same refuses a folder that describes another model than the GGUF does.
func same(gguf, like *formats.Source, a, b *arch.Params) error {
	for _, f := range []struct {
		name string
		a, b any
	}{{"layers", a.Layers, b.Layers}, {"heads", a.Heads, b.Heads}, {"key-value heads", a.KVHeads, b.KVHeads}, {"head size", a.HeadDim, b.HeadDim},
		{"rope base", a.RopeBase, b.RopeBase}, {"norm epsilon", a.NormEps, b.NormEps}} {
		if f.a != f.b {
			return &formats.Error{File: like.Path, Tensor: "config.json", Err: formats.Corrupt("describes another model than %s: %s %v, not %v", gguf.Path, f.name, f.b, f.a)}
		}
	}
	return nil
}
