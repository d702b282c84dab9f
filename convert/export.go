package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// NewExport plans a Hugging Face folder that is rebuilt from a GGUF alone: weights in float (F32, F16 or BF16; "" is the type of the
// file's first matrix, or BF16 where that is quantized), config.json, and the tokenizer's files. like, if not nil, is a folder whose
// tokenizer files are taken instead.
func NewExport(gguf *formats.Source, float string, like *formats.Source) (*Pack, error) {
	src, folder, warnings, err := rebuilt(gguf, like)
	if err != nil {
		return nil, err
	}
	if float == "" {
		float = floatOf(gguf)
	}
	p, err := NewPack(src, PackOptions{Format: "hf", Float: float, Wide: folder.Wide})
	if err != nil {
		return nil, err
	}
	p.Source, p.Warnings = gguf.Path, warnings
	return p, nil
}

// Rebuilt is a GGUF as a source in Hugging Face's layout, which nothing but the file itself was needed for.
func Rebuilt(gguf *formats.Source) (*formats.Source, error) {
	src, _, _, err := rebuilt(gguf, nil)
	return src, err
}

func rebuilt(gguf, like *formats.Source) (*formats.Source, *arch.Folder, []string, error) {
	if !isGGUF(gguf) {
		return nil, nil, nil, &formats.Error{File: gguf.Path, Err: formats.Unsupported("is no GGUF"), Hint: "quern convert --format hf writes plain weights of a folder"}
	}
	b, err := arch.Bind(gguf)
	if err != nil {
		return nil, nil, nil, err
	}
	folder, err := b.Folder()
	if err != nil {
		return nil, nil, nil, inFile(gguf.Path, err)
	}
	files, warnings, err := textFiles(gguf, folder.Config, b.Params.Context, like)
	if err != nil {
		return nil, nil, nil, err
	}
	for name, v := range folder.Files {
		if files[name], err = jsonFile(v); err != nil {
			return nil, nil, nil, err
		}
	}
	src := formats.Folder(gguf.Path)
	src.Tensors, src.Files, src.Close = folder.Tensors, gguf.Files, gguf.Close
	src.File = func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return text, nil
		}
		if like != nil && name != "config.json" && name != "README.md" {
			return like.File(name)
		}
		return nil, fs.ErrNotExist
	}
	return src, folder, warnings, nil
}

// inFile names the file of an error that does not.
func inFile(file string, err error) error {
	if e, ok := err.(*formats.Error); ok {
		c := *e
		c.File = file
		return &c
	}
	return &formats.Error{File: file, Err: err}
}

// floatOf is the type of a file's first matrix; BF16 where it is quantized.
func floatOf(gguf *formats.Source) string {
	for _, t := range gguf.Tensors {
		if len(t.Shape) >= 2 && slices.Contains([]*quantize.Type{quantize.F32, quantize.F16, quantize.BF16}, t.Type) {
			return t.Type.Name
		} else if len(t.Shape) >= 2 {
			break
		}
	}
	return quantize.BF16.Name
}

// textFiles are all files that are no weights.
func textFiles(gguf *formats.Source, config map[string]any, context int, like *formats.Source) (files map[string][]byte, warnings []string, err error) {
	files = map[string][]byte{}
	if like == nil {
		if files, err = tokenizerFiles(gguf, context); err != nil {
			return nil, nil, err
		}
		if files == nil {
			files, warnings = map[string][]byte{}, []string{"the file holds no tokenizer: the folder has none either"}
		}
	}
	generation := generationConfig(&gguf.Meta)
	for _, key := range []string{"bos_token_id", "eos_token_id", "pad_token_id"} {
		if v, own := config[key]; !own || v == nil { // embeddings of several tokens go by one that the vocabulary need not know
			config[key] = generation[key] // null where there is none: the library's guess may lie beyond the vocabulary
		}
	}
	if len(generation) > 0 {
		if files["generation_config.json"], err = jsonFile(generation); err != nil {
			return nil, nil, err
		}
	}
	if files["config.json"], err = jsonFile(config); err != nil {
		return nil, nil, err
	}
	if l := gguf.Meta.String("general.license"); l != "" {
		files["README.md"] = fmt.Appendf(nil, "---\nlicense: %s\n---\n", plainLine(l))
	}
	return files, warnings, nil
}

func jsonFile(v any) ([]byte, error) {
	if raw, ok := v.([]byte); ok {
		return raw, nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

// tokenizerFiles are those of the file's vocabulary; nil where it has none.
func tokenizerFiles(gguf *formats.Source, context int) (map[string][]byte, error) {
	if m := gguf.Meta.String(tokenizerPrefix + "model"); m == "" || m == "none" {
		return nil, nil
	}
	v, err := VocabOf(&gguf.Meta)
	if err == nil {
		var files map[string][]byte
		if files, err = v.HFFiles(context); err == nil {
			return files, nil
		}
	}
	var e *formats.Error
	if errors.As(err, &e) {
		return nil, inFile(gguf.Path, err)
	}
	return nil, &formats.Error{File: gguf.Path, Tensor: "tokenizer", Err: err, Hint: "--tokenizer names a folder that has the model's tokenizer files"}
}

// generationConfig is what a file says about how to go on with a text: the tokens that end it, and what sampling is recommended.
func generationConfig(meta *formats.Meta) map[string]any {
	out := map[string]any{}
	if v, err := VocabOf(meta); err == nil {
		for key, id := range map[string]int{"bos_token_id": v.BOS, "pad_token_id": v.PAD} {
			if id >= 0 {
				out[key] = id
			}
		}
		var ends []int
		for _, id := range []int{v.EOS, v.EOT, v.EOM} {
			if id >= 0 && !slices.Contains(ends, id) {
				ends = append(ends, id)
			}
		}
		if len(ends) == 1 {
			out["eos_token_id"] = ends[0]
		} else if len(ends) > 1 {
			out["eos_token_id"] = ends
		}
	}
	sampled := false
	for _, k := range samplingKeys {
		if x, ok := meta.Float("general.sampling." + k.key); ok && meta.Has("general.sampling."+k.key) {
			sampled = true
			if out[k.name] = x; !k.whole {
				out[k.name] = float32(x)
			}
		}
	}
	if sampled {
		out["do_sample"] = true
	}
	return out
}
