package arch

import (
	"fmt"
	"slices"
	"strconv"

	"quern/formats"
)

// A Refusal names a setting that the table does not describe: a key of config.json or of GGUF whose value is none of
// Unless.
type Refusal struct {
	HF, GGUF string
	Unless   []string
	Why      string
}

// allows says of a value that it is one of Unless; numbers are compared as numbers, however they are written.
func (r *Refusal) allows(v any) bool {
	said := fmt.Sprint(v)
	x, err := strconv.ParseFloat(said, 64)
	return slices.ContainsFunc(r.Unless, func(allowed string) bool {
		if allowed == said {
			return true
		}
		y, other := strconv.ParseFloat(allowed, 64)
		return err == nil && other == nil && x == y
	})
}

// refuse stops at settings that the table does not describe, said or assumed.
func (a *Arch) refuse(c *Config, variant *Variant) error {
	for _, r := range a.Refuse {
		if r.HF == "" || slices.Contains(variant.Ignore, r.HF) {
			continue
		}
		v, ok := c.Value(r.HF)
		if !ok {
			v, ok = variant.Defaults[r.HF]
		}
		if !ok || v == nil || r.allows(v) {
			continue
		}
		return c.fail(r.HF, formats.Unsupported("is %.60q: %s, which the %s family does not have", fmt.Sprint(v), r.Why, a.Name),
			"a file of this architecture would be another model; if this one makes no use of it, take it out of config.json")
	}
	return nil
}
