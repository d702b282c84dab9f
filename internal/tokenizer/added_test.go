package tokenizer

import (
	"fmt"
	"strings"
	"testing"
)

// show writes segments as text, with tokens as numbers in brackets.
func show(segs []segment) string {
	var b strings.Builder
	for _, s := range segs {
		if s.id >= 0 {
			fmt.Fprintf(&b, "[%d]", s.id)
		} else {
			b.WriteString(s.text + "|")
		}
	}
	return b.String()
}

func TestAddedTokens(t *testing.T) {
	set := newAddedSet([]added{
		{ID: 1, Content: "<a>"}, {ID: 2, Content: "<a><b>"}, {ID: 3, Content: "<s>", Special: true}, {ID: 4, Content: "<mask>", LStrip: true},
		{ID: 5, Content: "<r>", RStrip: true}, {ID: 6, Content: "cat", SingleWord: true}, {ID: 7, Content: "s>x"}, {ID: 8, Content: "  "},
	}, func(s string) string { return s })
	for _, c := range []struct {
		text    string
		special bool
		want    string
	}{
		{"", true, ""},
		{"x<a>y", true, "x|[1]y|"},
		{"<a><b><a>", true, "[2][1]"},      // the longest
		{"<s>x", true, "[3]x|"},            // the leftmost
		{"<s>x", false, "<s>x|"},           // passed over, together with what is inside
		{"a \t<mask> b", true, "a|[4] b|"}, // takes white space before it
		{"a<r> \n b", true, "a|[5]b|"},     // and after it
		{"a  <mask>", true, "a|[8][4]"},    // not what another has taken
		{"cat cats concat cat_ (cat)", true, "[6] cats concat cat_ (|[6])|"},
		{"<r>  x", true, "[5]x|"}, // the blanks are gone before they can be a token
	} {
		if got := show(set.cut(c.text, c.special)); got != c.want {
			t.Errorf("%q, %v: %q, want %q", c.text, c.special, got, c.want)
		}
	}
}

// The tokens of a GGUF file are cut out the longest first, wherever they are.
func TestPartition(t *testing.T) {
	v := &Vocab{Tokens: []string{"a", "<x>", "b<x>b", "<c>", "  ", "   ", "<unk>", "</s>"},
		Types: []int32{Normal, Control, UserDefined, Control, UserDefined, UserDefined, Unknown, Normal}}
	p := newPartition(v, indexOf(v.Tokens))
	for _, c := range []struct {
		text    string
		special bool
		want    string
	}{
		{"", true, ""},
		{"<x>b<x>b<x>", true, "[1][2][1]"},
		{"<x>b<x>b<x>", false, "<x>|[2]<x>|"},
		{"a     b", true, "a|[5][4]b|"},
		{"<unk>a", true, "[6]a|"},
		{"<unk>a", false, "<unk>a|"},
		{"</s>", true, "[7]"}, // by its name alone
		{"<c><c", true, "[3]<c|"},
	} {
		if got := show(p.cut(c.text, c.special)); got != c.want {
			t.Errorf("%q, %v: %q, want %q", c.text, c.special, got, c.want)
		}
	}
}
