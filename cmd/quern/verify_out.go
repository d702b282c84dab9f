package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"quern/verify"
)

// outputs is the table of report files: a flag, and what is written. The first is for a single run.
var outputs = []struct {
	flag, usage string
	render      func(*verify.Summary) ([]byte, error)
}{
	{"json-file", "write the report as JSON to `FILE` (docs/report.schema.json)", func(s *verify.Summary) ([]byte, error) {
		b, err := json.MarshalIndent(s.Runs[0], "", "  ")
		return append(b, '\n'), err
	}},
	{"junit", "write verdicts as JUnit XML to `FILE`", (*verify.Summary).JUnit},
	{"markdown", "append a summary in Markdown to `FILE`, as GitHub's step summary wants it", (*verify.Summary).Markdown},
	{"html", "write a page with plots to `FILE`; it fetches nothing", (*verify.Summary).HTML},
}

func reportFlags() []cli.Flag {
	var flags []cli.Flag
	for _, o := range outputs {
		flags = append(flags, &cli.StringFlag{Name: o.flag, Usage: o.usage})
	}
	return flags
}

// prepareOutputs makes the folders of report files before hours of work, and sees that no folder stands in their place.
func prepareOutputs(c *cli.Context) error {
	for _, o := range outputs {
		name := c.String(o.flag)
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return usagef("--%s %s: a folder is there, want the name of a file", o.flag, name)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
	}
	return nil
}

func writeOutputs(c *cli.Context, s *verify.Summary) error {
	for _, o := range outputs {
		if !c.IsSet(o.flag) {
			continue
		}
		b, err := o.render(s)
		if err != nil {
			return err
		}
		if err := writeReport(c.String(o.flag), b, o.flag == "markdown"); err != nil {
			return err
		}
	}
	return nil
}

func writeReport(name string, b []byte, add bool) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if add {
		mode = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	f, err := os.OpenFile(name, mode, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// addSizes notes how large the weights of every model are.
func (v *verifying) addSizes(r *verify.Report) {
	for i, m := range v.opened {
		if m == nil {
			continue
		}
		elems := 0
		for _, t := range m.src.Tensors {
			r.Models[i].Bytes += t.Bytes()
			elems += t.Elems()
		}
		r.Models[i].Bits = 8 * float64(r.Models[i].Bytes) / float64(max(1, elems))
	}
}
