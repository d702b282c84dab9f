package quantize

import "math"

// The 8-bit floats of checkpoints. E4M3 is the "FN" variant: no infinities, 0x7f and 0xff are NaN; E5M2 follows IEEE rules;
// E8M0 is a power of two, 0xff is NaN (OCP Microscaling Formats 1.0).
var (
	F8_E4M3 = register(float8("F8_E4M3", 3, 7, func(code byte) bool { return code&0x7f == 0x7f }))
	F8_E5M2 = register(float8("F8_E5M2", 2, 15, nil))
	F8_E8M0 = register(Type{Name: "F8_E8M0", ID: NoID, Block: 1, Bytes: 1, Decode: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(math.Ldexp(1, int(src[i])-127))
			if src[i] == 0xff {
				dst[i] = float32(math.NaN())
			}
		}
	}})

	// The packed floats below 8 bits have names and sizes, so that a file that holds them can be listed.
	F4      = register(Type{Name: "F4", ID: NoID, Block: 2, Bytes: 1})
	F6_E2M3 = register(Type{Name: "F6_E2M3", ID: NoID, Block: 4, Bytes: 3})
	F6_E3M2 = register(Type{Name: "F6_E3M2", ID: NoID, Block: 4, Bytes: 3})
)

// float8 is a sign, an exponent with the given bias, and mant bits of mantissa, decoded through a table. nan tells the codes
// that are not numbers; nil means IEEE's: the highest exponent is infinity or NaN.
func float8(name string, mant, bias int, nan func(code byte) bool) Type {
	var table [256]float32
	for c := range table {
		exp, frac := c&0x7f>>mant, c&(1<<mant-1)
		v := math.Ldexp(float64(frac), 1-bias-mant)
		if exp > 0 {
			v = math.Ldexp(float64(frac+1<<mant), exp-bias-mant)
		}
		switch {
		case nan != nil && nan(byte(c)), nan == nil && exp == 0x7f>>mant && frac != 0:
			v = math.NaN()
		case nan == nil && exp == 0x7f>>mant:
			v = math.Inf(1)
		}
		if c&0x80 != 0 {
			v = -v
		}
		table[c] = float32(v)
	}
	return Type{Name: name, ID: NoID, Block: 1, Bytes: 1, Decode: func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = table[src[i]]
		}
	}}
}
