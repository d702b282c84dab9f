package kernel

var nameNibbles = portable(nameNibblesPortable)

// NameNibbles turns nibbles into the levels that they name, in whole blocks that fill dst: half bytes at the beginning of every stride bytes of src
// hold 2·half levels, the low nibbles the first ones. half is 8 or 16.
func NameNibbles(dst []int8, src []byte, half, stride int, levels *[16]int8) {
	if n := len(dst) / (2 * half); n > 0 {
		nameNibbles.best(dst[:2*half*n], src[:stride*(n-1)+half], half, stride, levels)
	}
}

func nameNibblesPortable(dst []int8, src []byte, half, stride int, levels *[16]int8) {
	for at := 0; len(dst) > 0; at, dst = at+stride, dst[2*half:] {
		for j, b := range src[at:][:half] {
			dst[j], dst[j+half] = levels[b&15], levels[b>>4]
		}
	}
}
