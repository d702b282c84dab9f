package convert

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quern/formats"
	"quern/internal/arch"
	"quern/quantize"
)

// kind is the general.type of a file.
func kind(bound *arch.Bound) string {
	if bound.Arch.Projector != "" {
		return "mmproj"
	}
	return "model"
}

// stored is the type that a rule asks for whatever the recipe says, nil where it asks for none.
func stored(r *arch.Rule, base *quantize.Type) *quantize.Type {
	switch {
	case r.Store == arch.StoreConv && base.Name == "F16":
		return base
	case r.Store == arch.StoreConv:
		return quantize.ByName("F32")
	case r.Store == arch.StoreConvs && base.Name == "F32":
		return base
	case r.Store == arch.StoreConvs:
		return quantize.ByName("F16")
	}
	return quantize.ByName(r.Store)
}

// leave says which tensors of a model that sees belong to the other file, and how that is made.
func (p *Plan) leave(bound *arch.Bound, opt Options) {
	if len(bound.Left) == 0 || opt.Mmproj {
		return
	}
	p.Dropped = append(p.Dropped[:len(p.Dropped):len(p.Dropped)], bound.Left...)
	said := fmt.Sprintf("%d tensors of what stands around the language model (%s) are not in this file", len(bound.Left), groups(bound.Left))
	if _, err := arch.BindTower(p.src); err != nil {
		p.warn(fmt.Sprintf("%s, and --mmproj would refuse them: %s", said, withHint(err)))
		return
	}
	p.warn(fmt.Sprintf("%s: quern convert %s --mmproj writes them", said, p.Source))
}

// withHint is an error with what it says to do.
func withHint(err error) string {
	var e *formats.Error
	if !errors.As(err, &e) || e.Hint == "" {
		return err.Error()
	}
	return fmt.Sprintf("%v (%s)", err, e.Hint)
}

// groups are the beginnings that names have in common, with a star each.
func groups(names []string) string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		parts := strings.SplitN(n, ".", 3)
		if len(parts) > 1 && parts[0] == "model" {
			parts = []string{parts[0] + "." + parts[1], strings.Join(parts[2:], ".")}
		}
		head := parts[0]
		if len(parts) > 1 && parts[1] != "" {
			head += ".*"
		}
		if !seen[head] {
			seen[head] = true
			out = append(out, head)
		}
	}
	return strings.Join(out, ", ")
}

// MmprojName is OutName for the file of tower and projector: "llava/" gives "mmproj-llava-F16.gguf".
func MmprojName(source, typ string) string {
	name := OutName(source, typ)
	return filepath.Join(filepath.Dir(name), "mmproj-"+filepath.Base(name))
}
