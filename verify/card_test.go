package verify

import (
	"strings"
	"testing"
)

func TestCard(t *testing.T) {
	rep := fullReport(t)
	rep.Models[0].Name, rep.Text = "a|b", "abc"
	section := rep.Card(1, "x*.txt")
	for _, want := range []string{"## Measured loss", "| perplexity, × base |", "| mean KL divergence from the base, nats |", "of x\\*.txt |", "| SHA-256 of the text | abc |", "a\\|b"} {
		if !strings.Contains(section, want) {
			t.Errorf("the section lacks %q:\n%s", want, section)
		}
	}
	if strings.Contains(rep.Card(0, "x"), "base") {
		t.Error("a base that is compared with itself")
	}
	if got := PutCard("", section); got != section {
		t.Errorf("a new card is %q", got)
	}
	card := PutCard("# Model\n\nfirst\n\n\n", section)
	if card != "# Model\n\nfirst\n\n"+section {
		t.Errorf("a card with a section is %q", card)
	}
	card += "\nlast\n"
	if got, want := PutCard(card, cardBegin+"new\n"+cardEnd), "# Model\n\nfirst\n\n"+cardBegin+"new\n"+cardEnd+"\nlast\n"; got != want {
		t.Errorf("a replaced section: %q, want %q", got, want)
	}
	if half := "# Model\n" + cardBegin + "cut"; !strings.HasPrefix(PutCard(half, section), half) {
		t.Error("a section without an end took what follows it")
	}
}
