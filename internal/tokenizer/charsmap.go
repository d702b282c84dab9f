package tokenizer

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// charsmap is SentencePiece's table of what to write for which characters (precompiled_charsmap): a double-array trie of
// the texts that are replaced, in the layout of the Darts-clone library, and the texts that replace them, each ended by a
// zero. A unit of the trie has its label in bits 0–7, bit 8 where a text ends, the offset to its children from bit 10 on,
// times 256 where bit 9 is set; a unit with bit 31 is a value, which is where in texts the replacement begins.
type charsmap struct {
	units []uint32
	texts []byte
}

// longestReplacement bounds how much longer a text may become; Unicode's longest has 33 bytes.
const longestReplacement = 256

// readCharsmap reads a table; nil for an empty one.
func readCharsmap(data []byte) (*charsmap, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < 4 {
		return nil, corrupt("precompiled_charsmap is cut off")
	}
	size := binary.LittleEndian.Uint32(data)
	if size%4 != 0 || uint64(size) > uint64(len(data)-4) {
		return nil, corrupt("precompiled_charsmap has %d bytes, the trie in it %d", len(data), size)
	}
	c := &charsmap{units: make([]uint32, size/4), texts: data[4+size:]}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	length := 0
	for _, b := range c.texts {
		if length++; b == 0 {
			length = 0
		}
		if length > longestReplacement {
			return nil, unsupported("precompiled_charsmap has a replacement of more than %d bytes", longestReplacement)
		}
	}
	if length > 0 {
		return nil, corrupt("the last replacement in precompiled_charsmap has no end")
	}
	return c, nil
}

// match is what replaces the text at the start of s: the longest that the table has or the shortest. n is 0 when there is
// none.
func (c *charsmap) match(s string, shortest bool) (n int, by []byte) {
	at := uint32(0)
	if len(c.units) == 0 {
		return 0, nil
	}
	at ^= childOf(c.units[0])
	for i := 0; i < len(s); i++ {
		b := s[i]
		at ^= uint32(b)
		if b == 0 || int64(at) >= int64(len(c.units)) || c.units[at]&(1<<31|0xff) != uint32(b) {
			break
		}
		ends := c.units[at]>>8&1 != 0
		at ^= childOf(c.units[at])
		if int64(at) >= int64(len(c.units)) {
			break
		}
		if from := int64(c.units[at] &^ (1 << 31)); ends && from < int64(len(c.texts)) {
			by = c.texts[from:]
			n = i + 1
			if shortest {
				break
			}
		}
	}
	for i, b := range by {
		if b == 0 {
			return n, by[:i]
		}
	}
	return n, nil
}

func childOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// longest rewrites text as SentencePiece does: at every place the longest text of the table; what is no UTF-8 becomes
// U+FFFD. Texts that keep finds stay as they are; it may be nil.
func (c *charsmap) longest(s string, keep *matcher) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		if keep != nil && keep.roots[s[i]] != 0 {
			if end, number := keep.longest(s, i); number >= 0 {
				out.WriteString(s[i:end])
				i = end
				continue
			}
		}
		if c != nil {
			if n, by := c.match(s[i:], false); n > 0 {
				out.Write(by)
				i += n
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		out.WriteRune(r)
		i += n
	}
	return out.String()
}

// clusters rewrites text as Hugging Face's tokenizers do, which look at what readers take for one character: where that is
// of fewer than six bytes the shortest text of the table that it begins with stands for all of it; otherwise, and where
// there is none, its code points are looked up one by one.
func (c *charsmap) clusters(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		end := clusterEnd(s, i)
		if end-i < 6 {
			if n, by := c.match(s[i:end], true); n > 0 {
				out.Write(by)
				i = end
				continue
			}
		}
		for i < end {
			k := runeLen(s[i:])
			if n, by := c.match(s[i:i+k], true); n > 0 {
				out.Write(by)
			} else {
				out.WriteString(s[i : i+k])
			}
			i += k
		}
	}
	return out.String()
}
