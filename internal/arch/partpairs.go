package arch

import (
	"math"

	"quern/formats"
)

// Of the pairs of a head only the first, of the highest frequencies, are rotated in some families; frequencies are those of the whole head ("proportional").
// Runtimes know it as a list that frequencies are divided by: the others stand still behind a number that is too large.

const still = float32(1e30)

// hfPartPairs reads how many there are.
func (a *Arch) hfPartPairs(c *Config, key string, p *Params) error {
	if f, err := c.Float(key+".factor", 1); err != nil || f != 1 {
		if err == nil {
			err = c.fail(key+".factor", formats.Unsupported("is %v: frequencies are divided besides, which files of the %s family do not tell", f, a.Name), "")
		}
		return err
	}
	part, err := c.Float(key+".partial_rotary_factor", 1)
	if err != nil {
		return err
	}
	if !(part >= 0 && part <= 1) {
		return c.fail(key+".partial_rotary_factor", formats.Corrupt("is %v, which is no part of a head", part), "")
	}
	p.RopeType, p.RopePart = "proportional", float32(part)
	return nil
}

// pairFactors is the list of a head of dim dimensions of which a part is rotated.
func pairFactors(dim int, part float32) []float32 {
	f := make([]float32, dim/2)
	n := int(float64(dim) * float64(part) / 2)
	for i := range f {
		if f[i] = 1; i >= n {
			f[i] = still
		}
	}
	return f
}

// rotated is how many pairs of a list are.
func rotated(factors []float32) (n int) {
	for n < len(factors) && factors[n] == 1 {
		n++
	}
	return n
}

// partPairs says whether a list is one of those: rounded to half precision the large number is infinite.
func partPairs(factors []float32) bool {
	for _, f := range factors[rotated(factors):] {
		if !(f >= 1e29 && f <= math.MaxFloat32) {
			return false
		}
	}
	return true
}
