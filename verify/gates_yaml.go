package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// GatesVersion is the version of gates files that ReadGates knows.
const GatesVersion = 1

// ReadGates reads a gates file:
//
//	version: 1
//	decide: upper      # or point, lower
//	alpha: 0.05
//	sequential: true
//	intact: true       # no weights, settings or tokens that no method of quantizing makes
//	gates:
//	  max-ppl-ratio: 1.02
//	  max-kld: 0.02
//
// It is strict: an unknown key, a key that is there twice, another version or a limit that makes no sense is an error, since a
// gate that is misspelt would never fail.
func ReadGates(b []byte) (*Gates, error) {
	var f struct {
		Version    int       `yaml:"version"`
		Decide     Decide    `yaml:"decide"`
		Alpha      *float64  `yaml:"alpha"`
		Sequential bool      `yaml:"sequential"`
		Intact     bool      `yaml:"intact"`
		Gates      yaml.Node `yaml:"gates"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the gates file is empty")
		}
		return nil, unknownKeys(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document in the gates file")
	}
	if f.Version != GatesVersion {
		return nil, fmt.Errorf("version %d of gates files is not known; this is version: %d", f.Version, GatesVersion)
	}
	g := &Gates{Decide: f.Decide, Sequential: f.Sequential, Intact: f.Intact}
	if f.Alpha != nil {
		g.Alpha = *f.Alpha
		if g.Alpha == 0 {
			return nil, errAlpha(0)
		}
	}
	if g.Intact && !g.Sequential && f.Gates.Kind == 0 {
		return g, g.Complete()
	}
	if err := setAll(g, &f.Gates); err != nil {
		return nil, err
	}
	return g, g.Complete()
}

// unknownKeys says in words what the YAML library says in Go types.
func unknownKeys(err error) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return err
	}
	var out []string
	for _, line := range te.Errors {
		where, rest, ok := strings.Cut(line, ": field ")
		key, _, ok2 := strings.Cut(rest, " not found in type")
		switch {
		case !ok || !ok2:
		case isGate(key):
			line = fmt.Sprintf("%s: %s is a limit: it stands under gates", where, key)
		default:
			line = fmt.Sprintf("%s: there is no key %.60q; there are version, decide, alpha, sequential, intact and gates", where, key)
		}
		out = append(out, line)
	}
	return errors.New(strings.Join(out, "; "))
}

func isGate(name string) bool {
	return slices.ContainsFunc(gateTable, func(g *Gate) bool { return g.Name == name })
}

func setAll(g *Gates, n *yaml.Node) error {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return errors.New(`the gates file has no limits under "gates"`)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		var limit float64
		if val.Tag != "!!float" && val.Tag != "!!int" {
			return fmt.Errorf("line %d: %s: want a number", val.Line, key.Value)
		}
		if err := val.Decode(&limit); err != nil {
			return fmt.Errorf("line %d: %s: %w", val.Line, key.Value, err)
		}
		if seen[key.Value] {
			return fmt.Errorf("line %d: %s is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		if err := g.Set(key.Value, limit); err != nil {
			return fmt.Errorf("line %d: %w", key.Line, err)
		}
	}
	return nil
}

// Complete fills in what was left out and refuses settings that contradict each other.
func (g *Gates) Complete() error {
	if g.Decide == "" {
		g.Decide = Upper
	}
	if g.Decide != Upper && g.Decide != Point && g.Decide != Lower {
		return fmt.Errorf("decide %q: want upper, point or lower", g.Decide)
	}
	if g.Alpha == 0 {
		g.Alpha = DefaultAlpha
	}
	if !(g.Alpha > 0 && g.Alpha < 0.5) {
		return errAlpha(g.Alpha)
	}
	if g.Sequential && g.Decide == Point {
		return errors.New("a sequential decision looks at intervals: decide point has none")
	}
	return nil
}

func errAlpha(a float64) error { return fmt.Errorf("alpha %g: want more than 0 and less than 0.5", a) }
