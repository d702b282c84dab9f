package tokenizer

import "unicode"

// The parts of what readers take for one character (Unicode Standard Annex 29, extended grapheme clusters).
type clusterPart uint8

const (
	partOther clusterPart = iota
	partCR
	partLF
	partControl
	partExtend // marks, and the joiner
	partPrepend
	partSpacing
	partL // Hangul: first, middle and last letters, syllables without and with a last one
	partV
	partT
	partLV
	partLVT
	partRegion
)

// clusterEnd is where the cluster that begins at i ends. It does without the rule for pictographs that joiners connect and
// the one for Indic conjuncts, which only make clusters of six bytes or more out of smaller ones that no table of
// characters speaks of.
func clusterEnd(s string, i int) int {
	r, n := decode(s, i)
	last := classInCluster(r)
	regions := 0
	for i += n; i < len(s); i += n {
		if last == partRegion {
			regions++
		}
		r, n = decode(s, i)
		next := classInCluster(r)
		if !clings(last, next) && !(next == partRegion && regions%2 == 1) {
			break
		}
		last = next
	}
	return i
}

// clings reports whether no boundary lies between two parts.
func clings(a, b clusterPart) bool {
	switch {
	case a == partCR:
		return b == partLF
	case a == partLF || a == partControl || b == partCR || b == partLF || b == partControl:
		return false
	case b == partExtend || b == partSpacing || a == partPrepend:
		return true
	case a == partL:
		return b == partL || b == partV || b == partLV || b == partLVT
	case a == partLV || a == partV:
		return b == partV || b == partT
	case a == partLVT || a == partT:
		return b == partT
	}
	return false
}

func classInCluster(r rune) clusterPart {
	switch {
	case r < 0:
		return partOther
	case r == '\r':
		return partCR
	case r == '\n':
		return partLF
	case r < 0x20 || r == 0x7f:
		return partControl
	case r < 0x7f:
		return partOther
	case r == 0x200c || r == 0x200d || unicode.In(r, unicode.Me, unicode.Mn, unicode.Other_Grapheme_Extend) || r >= 0x1f3fb && r <= 0x1f3ff:
		return partExtend
	case unicode.In(r, unicode.Prepended_Concatenation_Mark) || prepends(r):
		return partPrepend
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
		return partControl
	case r == 0x0e33 || r == 0x0eb3 || unicode.Is(unicode.Mc, r) && !standsAlone(r):
		return partSpacing
	case unicode.Is(unicode.Regional_Indicator, r):
		return partRegion
	}
	return hangul(r)
}

func hangul(r rune) clusterPart {
	switch {
	case r >= 0xac00 && r <= 0xd7a3 && (r-0xac00)%28 == 0:
		return partLV
	case r >= 0xac00 && r <= 0xd7a3:
		return partLVT
	case r >= 0x1100 && r <= 0x115f || r >= 0xa960 && r <= 0xa97c:
		return partL
	case r >= 0x1160 && r <= 0x11a7 || r >= 0xd7b0 && r <= 0xd7c6:
		return partV
	case r >= 0x11a8 && r <= 0x11ff || r >= 0xd7cb && r <= 0xd7fb:
		return partT
	}
	return partOther
}

// prepends are the letters that go before another one in writing (Indic_Syllabic_Category Consonant_Preceding_Repha and
// Consonant_Prefixed).
func prepends(r rune) bool {
	switch r {
	case 0x0d4e, 0x111c2, 0x111c3, 0x1193f, 0x11941, 0x11a3a, 0x11d46, 0x11f02:
		return true
	}
	return r >= 0x11a84 && r <= 0x11a89
}

// standsAlone are the spacing marks that the annex excepts, of Burmese and its neighbours.
func standsAlone(r rune) bool {
	switch {
	case r == 0x102b, r == 0x102c, r == 0x1038, r >= 0x1062 && r <= 0x1064, r >= 0x1067 && r <= 0x106d, r == 0x1083,
		r >= 0x1087 && r <= 0x108c, r == 0x108f, r >= 0x109a && r <= 0x109c, r == 0x1a61, r == 0x1a63, r == 0x1a64,
		r == 0xaa7b, r == 0xaa7d, r == 0x11720, r == 0x11721:
		return true
	}
	return false
}
