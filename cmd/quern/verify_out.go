package main

import (
	"encoding/json"
	"os"

	"github.com/urfave/cli/v2"

	"quern/verify"
)

// outputs is the table of report files: a flag, and what is written.
var outputs = []struct {
	flag, usage string
	render      func(*verify.Report) ([]byte, error)
}{
	{"json-file", "write the report as JSON to `FILE` (docs/report.schema.json)", func(r *verify.Report) ([]byte, error) {
		b, err := json.MarshalIndent(r, "", "  ")
		return append(b, '\n'), err
	}},
}

func reportFlags() []cli.Flag {
	var flags []cli.Flag
	for _, o := range outputs {
		flags = append(flags, &cli.StringFlag{Name: o.flag, Usage: o.usage})
	}
	return flags
}

func writeOutputs(c *cli.Context, r *verify.Report) error {
	for _, o := range outputs {
		if !c.IsSet(o.flag) {
			continue
		}
		b, err := o.render(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.String(o.flag), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// addSizes notes how large the weights of every model are.
func addSizes(r *verify.Report, sides []verify.Side) {
	for i := range r.Models {
		m, ok := sides[i].Model.(*openedModel)
		if !ok {
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
