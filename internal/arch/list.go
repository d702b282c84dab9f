package arch

import (
	"math"

	"quern/formats"
)

// maxList bounds the lists of a config.json that become hyper-parameters.
const maxList = 1 << 12

// assignInts stores a whole number, a list of them, or a list of such lists, one behind the other.
func (c *Config) assignInts(key string, v any, to *[]int32) error {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if err := c.assignInts(key, e, to); err != nil {
				return err
			}
		}
		return nil
	}
	f, ok := number(v)
	if !ok || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return c.wrong(key, v, "a whole number")
	}
	if len(*to) == maxList {
		return c.fail(key, formats.Corrupt("a list of more than %d numbers", maxList), "")
	}
	*to = append(*to, int32(f))
	return nil
}

// assignFloats stores a list of numbers.
func (c *Config) assignFloats(key string, v any, to *[]float32) error {
	list, ok := v.([]any)
	if floats, isDefault := v.([]float32); isDefault {
		*to = floats
		return nil
	}
	if !ok || len(list) > maxList {
		return c.wrong(key, v, "a list of numbers")
	}
	for _, e := range list {
		f, ok := number(e)
		if !ok || math.Abs(f) > math.MaxFloat32 {
			return c.wrong(key, v, "a list of numbers")
		}
		*to = append(*to, float32(f))
	}
	return nil
}
