package arch

import (
	"fmt"
	"strings"
	"testing"
)

// Which layers choose positions is told as a list, as letters, or as every so many; the library's rule for the last.
func TestWhichLayersChoose(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "[true true true true true true true]",
		`{"indexer_types": ["full", "shared", "full", "shared", "shared", "full", "full"]}`: "[true false true false false true true]",
		`{"index_topk_pattern": "FFSSFSS"}`:                                                 "[true true false false true false false]",
		`{"index_topk_freq": 4, "index_skip_topk_offset": 3}`:                               "[true true true false false false true]",
		`{"index_topk_pattern": "FFSS"}`:                                                    "a list of 7 words",
		`{"index_topk_pattern": "FFSSFSX"}`:                                                 "layer 6 is",
	} {
		c, err := ParseConfig("config.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p := Params{Layers: 7}
		err = readIndexers(c, &p)
		got := fmt.Sprint(p.Index.Full)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
