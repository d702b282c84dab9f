package convert

import (
	"fmt"

	"quern/formats"
)

// said compares the width and the groups that a configuration gives to all matrices with what these hold. quern takes both from the tensors; loaders
// believe the configuration, and make room by it.
func said(f *checkpoint) string {
	if f.gguf {
		return ""
	}
	bits, group := f.stated()
	return f.any(func(c coded) string {
		switch {
		case bits > 0 && bits != c.grid.Bits:
			return fmt.Sprintf("codes of %d bits, quantization_config says %d", c.grid.Bits, bits)
		case group != nil && wholeRow(*group, c.k) != wholeRow(c.grid.Group, c.k):
			return groupName(c.grid.Group) + ", quantization_config says " + groupName(*group)
		}
		return ""
	})
}

// wholeRow is the size of groups, 0 where one is all of a row.
func wholeRow(group, k int) int {
	if group <= 0 || group >= k {
		return 0
	}
	return group
}

// stated are the bits and the size of groups in the configuration, 0 and nil where it does not give one for all matrices.
func (f *checkpoint) stated() (bits int, group *int) {
	at := f.config
	switch f.method {
	case "gptq", "awq":
		if d, ok := at["dynamic"].(map[string]any); ok && len(d) > 0 {
			return 0, nil
		}
		return whole(at["bits"]), groupOf(at)
	case "compressed-tensors":
		groups, _ := at["config_groups"].(map[string]any)
		if len(groups) != 1 {
			return 0, nil
		}
		for _, g := range groups {
			one, _ := g.(map[string]any)
			weights, _ := one["weights"].(map[string]any)
			if weights["strategy"] == "group" {
				group = groupOf(weights)
			}
			return whole(weights["num_bits"]), group
		}
	}
	return 0, nil
}

func groupOf(m map[string]any) *int {
	n := whole(m["group_size"])
	if n == 0 {
		return nil
	}
	return &n
}

// whole is a whole number of a configuration, 0 where there is none.
func whole(v any) int {
	n, _ := formats.Whole(v)
	return n
}
