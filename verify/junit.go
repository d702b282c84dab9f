package verify

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// JUnit XML in the dialect that CI servers read (the Ant task's, as Jenkins' junit-10.xsd has it): a suite for each run,
// a case for each gate and model. A gate in doubt is a failure of its own type; a change for the worse too.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit renders the verdicts as JUnit XML.
func (s *Summary) JUnit() ([]byte, error) {
	all := junitSuites{Name: "quern verify"}
	for _, r := range s.Runs {
		all.add(r.suite())
	}
	if len(s.Changes) > 0 {
		all.add(changeSuite(s.Changes))
	}
	b, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(append([]byte(xml.Header), b...), '\n'), nil
}

func (all *junitSuites) add(s junitSuite) {
	s.Tests = len(s.Cases)
	for _, c := range s.Cases {
		if c.Failure != nil {
			s.Failures++
		}
	}
	all.Tests += s.Tests
	all.Failures += s.Failures
	all.Suites = append(all.Suites, s)
}

func (r *Report) suite() junitSuite {
	seconds := 0.0
	for _, m := range r.Models {
		seconds += m.Seconds
	}
	s := junitSuite{Name: r.title(), Time: fmt.Sprintf("%.3f", seconds), Properties: []junitProperty{
		{"mode", r.Mode}, {"chunks", fmt.Sprint(r.Protocol.Chunks)}, {"ctx", fmt.Sprint(r.Protocol.Ctx)}, {"text_sha256", r.Text}}}
	for _, m := range r.Models {
		c := junitCase{Class: m.Name, Name: "perplexity is a number", Time: fmt.Sprintf("%.3f", m.Seconds),
			Out: fmt.Sprintf("perplexity %.4f ± %.4f", m.Perplexity.Value, m.Perplexity.Error)}
		if finite(m.Perplexity.Value) == nil {
			c.Failure = &junitFailure{"fail", "the perplexity is not a number", c.Out}
		}
		s.Cases = append(s.Cases, c)
	}
	for _, v := range r.Verdicts {
		c := junitCase{Class: v.Model, Name: fmt.Sprintf("%s %g", v.Gate, v.Limit), Time: "0.000", Out: v.String()}
		if v.Outcome != Pass {
			text := strings.Join(append([]string{v.String()}, r.Hints...), "\n")
			c.Failure = &junitFailure{string(v.Outcome), v.String(), text}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func changeSuite(changes []Change) junitSuite {
	s := junitSuite{Name: "changes since the previous report", Time: "0.000"}
	for _, c := range changes {
		t := junitCase{Class: c.Model, Name: "not worse than before", Time: "0.000", Out: c.String()}
		if c.Outcome == "worse" {
			t.Failure = &junitFailure{"worse", c.String(), c.String()}
		}
		s.Cases = append(s.Cases, t)
	}
	return s
}

// String is the change in a line.
func (c Change) String() string {
	switch c.Outcome {
	case "new":
		return c.Model + ": not in the previous report"
	case "incomparable":
		return c.Model + ": cannot be compared with the previous report: " + c.Why
	}
	word := c.Outcome
	if word == "unproved" {
		word = "no change is proved"
	}
	return fmt.Sprintf("%s: %s: KL divergence %+.6f [%+.6f, %+.6f], ln PPL %+.6f", c.Model, word, c.KLD.Value, c.KLD.Low, c.KLD.High, c.LogPPL.Value)
}

// title is the label of a run, or its base.
func (r *Report) title() string {
	if r.Label != "" {
		return r.Label
	}
	return r.Models[0].Name
}
