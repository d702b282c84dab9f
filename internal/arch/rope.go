package arch

import (
	"math"
	"math/big"

	"quern/formats"
)

// hfRope reads the part of a config.json that says how positions beyond the training length are handled. Since version 5
// transformers writes it as rope_parameters, with rope_theta inside; before it was rope_scaling, or null.
func (a *Arch) hfRope(c *Config, p *Params) error {
	key := "rope_parameters"
	if layers, _ := c.Object(key + ".full_attention"); layers != nil {
		key += ".full_attention" // each kind of layers has its own
	} else if pooled, _ := c.Object(key + ".compress"); pooled != nil {
		key += ".compress"
	}
	obj, err := c.Object(key)
	if err != nil {
		return err
	}
	if obj == nil {
		key = "rope_scaling"
		if obj, err = c.Object(key); err != nil || obj == nil {
			return err
		}
	}
	typeKey := key + ".rope_type"
	if _, _, ok := c.Find(typeKey); !ok {
		typeKey = key + ".type" // its name until transformers 4.43
	}
	kind, err := c.String(typeKey)
	if err != nil {
		return err
	}
	switch kind {
	case "", "default", "none":
		return nil
	case "dynamic":
		p.Stretched = true // within the context of training nothing changes
		return nil
	case "linear":
		f, err := c.Float(key+".factor", 0)
		if err != nil {
			return err
		}
		if !(f > 0) || f > math.MaxFloat32 {
			return c.fail(key+".factor", formats.Corrupt("linear scaling needs a positive factor"), "")
		}
		p.RopeType, p.RopeScale = "linear", float32(f)
		return nil
	case "llama3":
		if a.hasRole(RoleRopeFactors) {
			p.RopeType = "llama3"
			return nil
		}
	case "longrope", "su": // its first name
		if a.hasRole(RoleRopeLong) {
			return a.hfLongRope(c, key, p)
		}
	case "proportional":
		if a.Layer.PartPairs {
			return a.hfPartPairs(c, key, p)
		}
	case "mrope", "xdrope":
		if a.has("{a}.rope.dimension_sections") {
			return nil // unscaled: time, height and width rotate a part of each head
		}
	case "yarn":
		if a.has("{a}.rope.scaling.yarn_beta_fast") {
			return a.hfYarn(c, key, p)
		}
	}
	return c.fail(typeKey, formats.Unsupported("rope scaling %q is not known for this family; not every family has each of linear, yarn, llama3 and longrope", kind), "")
}

// llama3 are the parameters of Llama 3.1's position scaling.
type llama3 struct{ factor, low, high, context float64 }

func readLlama3(c *Config) (l llama3, err error) {
	key := "rope_parameters"
	if obj, _ := c.Object(key); obj == nil {
		key = "rope_scaling"
	} else if obj, _ := c.Object(key + ".full_attention"); obj != nil {
		key += ".full_attention" // each kind of layers has its own
	}
	for _, f := range []struct {
		to   *float64
		name string
		def  float64
	}{{&l.factor, "factor", 8}, {&l.low, "low_freq_factor", 1}, {&l.high, "high_freq_factor", 4},
		{&l.context, "original_max_position_embeddings", 8192}} {
		if *f.to, err = c.Float(key+"."+f.name, f.def); err != nil {
			return l, err
		}
		if !(*f.to > 0) || *f.to > math.MaxFloat32 {
			return l, c.fail(key+"."+f.name, formats.Corrupt("must be positive"), "")
		}
	}
	return l, nil
}

// factors are the numbers that divide the frequency of each pair of dimensions: 1 for wavelengths far below the original
// context, factor for those beyond it, a smooth step between. The arithmetic is float32 in the order in which the
// reference converter's library does it (a quotient of a number by a tensor is the number times the reciprocal), because
// these numbers are stored.
// Where layers rotate a part of each head only, the rest divides by one.
func (l llama3) factors(p *Params) []float32 {
	out := l.divide(frequencies(float64(p.RopeBase), p.RopeDim))
	for len(out) < p.HeadDim/2 {
		out = append(out, 1)
	}
	return out
}

// frequencies are those of the pairs of a head's dimensions.
func frequencies(base float64, dim int) []float32 {
	out := make([]float32, dim/2)
	for i := range out {
		exponent := float32(2*i) / float32(dim)
		out[i] = 1 / pow(base, exponent)
	}
	return out
}

func (l llama3) divide(freqs []float32) []float32 {
	out := make([]float32, len(freqs))
	factor, low, context := float32(l.factor), float32(l.low), float32(l.context)
	lowWave, highWave := l.context/l.low, l.context/l.high
	for i, freq := range freqs {
		wave := float32((1 / freq) * float32(2*math.Pi))
		switch w := float64(wave); {
		case w < highWave:
			out[i] = 1
		case w > lowWave:
			out[i] = factor
		case l.low == l.high: // no step between
			out[i] = 1
		default:
			smooth := (float32((1/wave)*context) - low) / float32(l.high-l.low)
			out[i] = 1 / (float32((1-smooth)/factor) + smooth)
		}
	}
	return out
}

// pow is base^x rounded to float32, the same on every machine: the powers base^(1/2^k) of x's binary digits, multiplied
// with 160 bits. A float32 in [0,1) has at most 24 significant digits, so the product is exact to far below the rounding.
func pow(base float64, x float32) float32 {
	f, _ := power(base, float64(x)).Float32()
	return f
}

// power is base^x for x in [0,1).
func power(base, x float64) *big.Float {
	const prec = 160
	y := new(big.Float).SetPrec(prec).SetInt64(1)
	root := new(big.Float).SetPrec(prec).SetFloat64(base)
	for rest := x; rest > 0; {
		root.Sqrt(root)
		rest *= 2
		if rest >= 1 {
			y.Mul(y, root)
			rest--
		}
	}
	return y
}
