package kernel

import "unsafe"

var spread4 = portable(spread4Portable)

// interleave copies 4 rows of n words, ld apart, into 4 neighbouring places of the n rows of dst, which are to apart.
func interleave(dst []uint32, to int, src []uint32, ld, n int) {
	if n > 0 {
		_, _ = dst[(n-1)*to+3], src[3*ld+n-1]
		spread4.best(dst, to, src, ld, n)
	}
}

func spread4Portable(dst []uint32, to int, src []uint32, ld, n int) {
	for r := range 4 {
		for i, v := range src[r*ld:][:n] {
			dst[i*to+r] = v
		}
	}
}

// words sees elements of up to four bytes as words, whose contents do not matter.
func words[T int8 | int16 | int32 | uint32 | float32](s []T) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0]))/4)
}
