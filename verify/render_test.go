package verify

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
)

// summary has everything a page can show, and names that try to be markup.
func summary(t *testing.T) *Summary {
	rep := fullReport(t)
	rep.Models[1].Name = `<script>alert("a")</script>|*b*`
	rep.Verdicts[0].Model = rep.Models[1].Name
	rep.Hints = []string{"a <b>hint</b>"}
	for i := range rep.Models {
		rep.Models[i].Bytes, rep.Models[i].Bits = int64(9-i)*1e7, 4
	}
	for l := range 3 {
		rep.Swaps = append(rep.Swaps, Swap{Model: rep.Models[1].Name, Part: "x", Layer: l, Role: "ffn_up", KLD: estimate(0.1*float64(l), 0)})
	}
	s := &Summary{Runs: []*Report{rep}}
	s.Compare([]*Report{fullReport(t)})
	return s
}

func TestHTML(t *testing.T) {
	b, err := summary(t).HTML()
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if m := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|@import|url\(|(?:src|href)=|https?://|<b>hint`).FindString(page); m != "" {
		t.Errorf("the page holds %q: it would fetch or run something", m)
	}
	for _, want := range []string{"&lt;script&gt;", "Perplexity by size", "Divergence by size", "KL divergence of single predictions", "Loss by layer",
		"Where the loss comes from", "Since the previous report", "max-kld", `name="viewport"`, "@media print"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("the page shows numbers that are none")
	}
	d := xml.NewDecoder(strings.NewReader(strings.Join(regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1), "\n")))
	plots := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("a plot is not well-formed: %v", err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "svg" {
			plots++
		}
	}
	if plots != 6 {
		t.Errorf("%d plots, want 6", plots)
	}
}

func TestMarkdown(t *testing.T) {
	b, err := summary(t).Markdown()
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if regexp.MustCompile(`[^\\]<script`).MatchString(text) || !strings.Contains(text, "Since the previous report") || !strings.Contains(text, "`max-kld`") {
		t.Errorf("markdown: %s", text)
	}
	for _, line := range strings.Split(text, "\n") {
		cells := len(regexp.MustCompile(`(?:^|[^\\])\|`).FindAllString(line, -1))
		if strings.HasPrefix(line, "| ") && cells != 8 && cells != 10 {
			t.Errorf("a row of %d cells: %s", cells-1, line)
		}
	}
}

// junitSchema says which attributes and children each element may and must have, as junit-10.xsd of Jenkins' xUnit
// plugin does, for the elements that are written. There, times have a form of their own.
var junitSchema = map[string]struct{ must, may, children string }{
	"testsuites": {"", "name time tests failures errors", "testsuite"},
	"testsuite":  {"name tests failures errors", "time skipped timestamp hostname id package group file log url", "properties testcase system-out system-err"},
	"properties": {"", "", "property"},
	"property":   {"name value", "", ""},
	"testcase":   {"name", "classname time group", "skipped error failure system-out system-err"},
	"failure":    {"", "type message", ""},
	"system-out": {"", "", ""},
}

var junitTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

func TestJUnitKeepsSchema(t *testing.T) {
	s := summary(t)
	s.Runs[0].Verdicts[0].Outcome = Fail
	s.Changes[0].Outcome = "worse"
	b, err := s.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(b)))
	var open []string
	count := map[string]int{}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			checkJUnit(t, e, open)
			count[e.Name.Local]++
			open = append(open, e.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	if count["testsuite"] != 2 || count["failure"] < 2 || !strings.Contains(string(b), `failures="2"`) && count["failure"] == 2 {
		t.Errorf("elements %v in %s", count, b)
	}
}

func checkJUnit(t *testing.T, e xml.StartElement, open []string) {
	rule, ok := junitSchema[e.Name.Local]
	if !ok {
		t.Errorf("element %s is not in the schema", e.Name.Local)
	}
	if len(open) > 0 && !hasWord(junitSchema[open[len(open)-1]].children, e.Name.Local) {
		t.Errorf("%s may not stand in %s", e.Name.Local, open[len(open)-1])
	}
	seen := ""
	for _, a := range e.Attr {
		seen += " " + a.Name.Local
		if a.Name.Local == "time" && !junitTime.MatchString(a.Value) {
			t.Errorf("%s has time %q", e.Name.Local, a.Value)
		}
		if !hasWord(rule.must+" "+rule.may, a.Name.Local) {
			t.Errorf("%s may not have %s", e.Name.Local, a.Name.Local)
		}
	}
	for _, m := range strings.Fields(rule.must) {
		if !hasWord(seen, m) {
			t.Errorf("%s lacks %s", e.Name.Local, m)
		}
	}
}

func hasWord(list, w string) bool {
	for _, f := range strings.Fields(list) {
		if f == w {
			return true
		}
	}
	return false
}

func TestChanges(t *testing.T) {
	now, before := fullReport(t), fullReport(t)
	for i := range now.Models[1].Chunks {
		now.Models[1].Chunks[i].KLD += Number(0.5 + 0.01*float64(i%3))
		now.Models[2].Chunks[i].KLD -= Number(0.5 + 0.01*float64(i%3))
	}
	s := &Summary{Runs: []*Report{now}}
	s.Compare([]*Report{before})
	if len(s.Changes) != 2 || s.Changes[0].Outcome != "worse" || s.Changes[1].Outcome != "better" {
		t.Fatalf("changes %+v", s.Changes)
	}
	before.Text = "another"
	before.Models[2].Name = "gone"
	s = &Summary{Runs: []*Report{now}}
	s.Compare([]*Report{before})
	if s.Changes[0].Outcome != "incomparable" || s.Changes[1].Outcome != "new" {
		t.Errorf("changes %+v", s.Changes)
	}
}

func TestReadReportRefuses(t *testing.T) {
	for text, want := range map[string]string{"{": "not a report", `{"schema":"x"}`: "want", `{"schema":"quern-report/1"}`: "no models",
		`{"schema":"quern-report/1","protocol":{"chunks":3},"models":[{"name":"a"}]}`: "0 chunks"} {
		if _, err := ReadReport([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}
