package main

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestPermute(t *testing.T) {
	app := newApp(newUI(os.Stdin, os.Stdout, os.Stderr))
	for in, want := range map[string]string{
		"quantize a Q4_0 -o out":          "quantize -o out -- a Q4_0",
		"quantize a Q4_0 --pure":          "quantize --pure -- a Q4_0",
		"quantize --tensor-type=x=f16 a":  "quantize --tensor-type=x=f16 -- a",
		"quantize -- --odd Q4_0":          "quantize -- --odd Q4_0",
		"tokenize m --text - --json":      "tokenize --text - --json -- m",
		"quantize a --tensor-type v=q8_0": "quantize --tensor-type v=q8_0 -- a",
		"inspect":                         "inspect --",
	} {
		got, err := permute(app, append([]string{"quern"}, strings.Fields(in)...))
		if err != nil || strings.Join(got[1:], " ") != want {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"quantize a Q4_0 --nope", "quantize a -o"} {
		if _, err := permute(app, append([]string{"quern"}, strings.Fields(in)...)); !errors.Is(err, errUsage) {
			t.Errorf("%s: %v, want a usage error", in, err)
		}
	}
}
