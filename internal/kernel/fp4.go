package kernel

import "math"

// E2M1 numbers, doubled so that they are whole: 0, 1, 2, 3, 4, 6, 8, 12. They come in groups of sixteen.

const fp4Group = 16

// FP4Losses writes for groups of sixteen weights x, which count for w, and for as many scales of each, a multiple of four, the sum of
// w·(|x| − scale·number)², where the number is one of the nearest. An inverse is that of its scale.
func FP4Losses(loss, x, w, scale, inverse []float32) {
	if len(x) >= fp4Group {
		fp4Losses.best(loss[:len(scale)], x, w[:len(x)], scale, inverse[:len(scale)])
	}
}

// FP4Codes writes the code of each number x, of which sixteen have a scale: the nearest, of two the smaller; 8 and more where it is
// below zero. A scale may be infinite: then all codes are 0.
func FP4Codes(code []uint8, x, scale []float32) {
	if len(scale) > 0 {
		fp4Codes.best(code[:fp4Group*len(scale)], x[:fp4Group*len(scale)], scale)
	}
}

type (
	fp4LossesBody func(loss, x, w, scale, inverse []float32)
	fp4CodesBody  func(code []uint8, x, scale []float32)
)

var (
	fp4Losses = portable(fp4LossesBody(fp4LossesPortable))
	fp4Codes  = portable(fp4CodesBody(fp4CodesPortable))
)

// fp4Middles are those between the numbers.
var fp4Middles = [7]float32{0.5, 1.5, 2.5, 3.5, 5, 7, 10}

// A number has two bits after its first, and below two it is whole: adding and subtracting 2^22 times its power of two rounds it so.
func fp4LossesPortable(loss, x, w, scale, inverse []float32) {
	per := len(scale) / (len(x) / fp4Group)
	for i, d := range scale {
		var e [fp4Group]float32
		at := i / per * fp4Group
		for j, v := range x[at:][:fp4Group] {
			a := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
			y := min(float32(a*inverse[i]), 12)
			power := math.Float32frombits(math.Float32bits(max(y, 2))&0x7f800000) * (1 << 22)
			number := (y + power) - power
			off := a - float32(number*d)
			e[j] = float32(float32(w[at+j]*off) * off)
		}
		var y [8]float32
		for j := range y {
			y[j] = e[j] + e[j+8]
		}
		low, high := (y[0]+y[2])+(y[1]+y[3]), (y[4]+y[6])+(y[5]+y[7])
		loss[i] = low + high
	}
}

func fp4CodesPortable(code []uint8, x, scale []float32) {
	for g, d := range scale {
		for j, v := range x[fp4Group*g:][:fp4Group] {
			a := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
			var c uint8
			for _, m := range fp4Middles {
				if a > float32(m*d) {
					c++
				}
			}
			if c > 0 && v < 0 {
				c += 8
			}
			code[fp4Group*g+j] = c
		}
	}
}
