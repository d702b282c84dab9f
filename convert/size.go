package convert

import (
	"path/filepath"
	"regexp"
	"strings"

	"quern/formats"
)

// measure sets the files of the output and its size.
func (p *Plan) measure(splitBytes int64, splitTensors int) error {
	var list []*formats.Tensor
	for _, s := range p.entries() {
		list = append(list, &formats.Tensor{Name: s.Name, Shape: s.Shape, Type: s.to})
	}
	var err error
	if p.Files, err = formats.GGUFSizes(p.Out, &p.Meta, list, formats.CreateOptions{SplitBytes: splitBytes, SplitTensors: splitTensors}); err != nil {
		return err
	}
	p.Size, p.header = 0, 0
	for _, f := range p.Files {
		p.Size += f.Bytes
		p.header += f.Header
	}
	return nil
}

// Name gives the output its name, and divides it into files as Run will with the same options.
func (p *Plan) Name(out string, opt RunOptions) error {
	p.Out = out
	return p.measure(opt.SplitBytes, opt.SplitTensors)
}

var shardNumber = regexp.MustCompile(`-\d{5}-of-\d{5}$`)

// stem is the name of a model without its folder, ".gguf" or ".safetensors", shard number, and the type at its end.
func stem(path string) string {
	name := filepath.Base(path)
	ext := strings.ToLower(filepath.Ext(name))
	if ext != ".gguf" && ext != ".safetensors" {
		return name
	}
	name = shardNumber.ReplaceAllString(name[:len(name)-len(ext)], "")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := RecipeByName(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	return name
}
