package convert

import (
	"path/filepath"
	"regexp"
	"slices"
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

// weightFile reports whether a path is that of a file of weights, by how it ends.
func weightFile(path string) bool {
	return slices.Contains([]string{".gguf", ".safetensors", ".bin", ".pt", ".pth", ".ckpt"}, strings.ToLower(filepath.Ext(path)))
}

// stem is the name of a model without its folder, how a file of weights ends, shard number, and the type at its end.
func stem(path string) string {
	name := filepath.Base(path)
	if !weightFile(name) {
		return name
	}
	name = shardNumber.ReplaceAllString(strings.TrimSuffix(name, filepath.Ext(name)), "")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := RecipeByName(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	return name
}
