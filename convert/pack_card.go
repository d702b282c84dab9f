package convert

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// card is the folder's README.md: what it is, what it was made from, and how.
func (r *packer) card(ctx context.Context) (string, error) {
	sums, err := hashes(ctx, r.src.Files)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	name := stem(filepath.Clean(r.Source))
	front := readCard(r.src)
	fmt.Fprint(&b, "---\n")
	if l := front.text("license"); l != "" {
		fmt.Fprintf(&b, "license: %s\n", plainLine(l))
	}
	if base := front.list("base_model"); len(base) > 0 {
		fmt.Fprintf(&b, "base_model: %s\n", plainLine(base[0]))
	}
	fmt.Fprint(&b, "library_name: transformers\ntags:\n- quern\n")
	if r.store != nil {
		fmt.Fprintf(&b, "- %s\n- %d-bit\n", r.Format, r.Grid.Bits)
	}
	fmt.Fprintf(&b, "---\n\n# %s, %s\n\n", plainLine(name), r.TypeName())
	rows := [][2]string{{"format", r.Format}}
	if r.store != nil {
		zero := "zero points"
		if r.Grid.Symmetric {
			zero = "symmetric"
		} else if r.store.Offsets {
			zero = "offsets"
		}
		group := "whole rows"
		if r.Grid.Group > 0 {
			group = fmt.Sprintf("groups of %d", r.Grid.Group)
		}
		rows = append(rows, [2]string{"codes", fmt.Sprintf("%d bits, %s, %s, scales in %s", r.Grid.Bits, group, zero, r.scale)}, [2]string{"method", r.Method})
		if len(r.skip) > 0 {
			rows = append(rows, [2]string{"as they were", strings.Join(r.skip, ", ")})
		}
	}
	rows = append(rows, [2]string{"size", fmt.Sprintf("%d weights, %.2f bits each", r.Weights, r.Bits)})
	fmt.Fprint(&b, "| | |\n| --- | --- |\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	fmt.Fprint(&b, "\nMade by quern. The weights came from files with these SHA-256 sums:\n\n```\n")
	for _, s := range sums {
		fmt.Fprintln(&b, s)
	}
	fmt.Fprint(&b, "```\n")
	if r.store != nil {
		fmt.Fprint(&b, "\nEvery code, scale and zero point was read back from these files and compared before they got their names.\n")
	}
	return b.String(), nil
}

// plainLine is text of a stranger on one line of Markdown or YAML.
func plainLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune("|`#<>:\"'", r) {
			return '-'
		}
		return r
	}, s)
}
