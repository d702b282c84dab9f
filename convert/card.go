package convert

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"quern/formats"
)

// A card is the front matter of a model card, README.md: YAML between two lines of three hyphens.
type card map[string]any

// readCard returns nil when there is no card, or none that can be understood: nothing in it concerns the weights.
func readCard(src *formats.Source) card {
	text, err := src.File("README.md")
	if err != nil {
		return nil
	}
	c, _ := parseCard(text)
	return c
}

func parseCard(text []byte) (c card, ok bool) {
	front, ok := frontMatter(string(text))
	if !ok || yaml.Unmarshal([]byte(front), &c) != nil {
		return nil, false
	}
	return c, true
}

// frontMatter cuts it out. The language Norwegian is "no", which YAML reads as false; and tabs are not allowed in YAML but
// occur: both are mended as the reference converter does.
func frontMatter(text string) (string, bool) {
	const longest = 1 << 20
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if lines[0] != "---" {
		return "", false
	}
	var b strings.Builder
	for _, line := range lines[1:] {
		if line == "---" || b.Len() > longest {
			break
		}
		if strings.HasSuffix(line, "- no") {
			line = strings.TrimSuffix(line, "no") + `"no"`
		}
		b.WriteString(strings.ReplaceAll(line, "\t", "  ") + "\n")
	}
	return b.String(), true
}

// text is the first of keys that holds a scalar, "" when none does.
func (c card) text(keys ...string) string {
	for _, k := range keys {
		if s := scalar(c[k]); s != "" {
			return s
		}
	}
	return ""
}

// list joins what stands under keys, lists and single texts alike.
func (c card) list(keys ...string) []string {
	var out []string
	for _, k := range keys {
		switch v := c[k].(type) {
		case []any:
			for _, e := range v {
				if s := scalar(e); s != "" {
					out = append(out, s)
				}
			}
		default:
			if s := scalar(v); s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int, int64, uint64, float64, bool:
		return fmt.Sprint(v)
	}
	return ""
}

// relatives are the models or data sets that the first present of keys names: by identifier, by URL, or as objects.
func (c card) relatives(weights int64, keys ...string) []relative {
	for _, k := range keys {
		v, ok := c[k]
		if !ok {
			continue
		}
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		var out []relative
		for _, e := range list {
			switch e := e.(type) {
			case string:
				out = append(out, relativeOf(e, weights))
			case map[string]any:
				out = append(out, relativeFrom(e))
			}
		}
		return out
	}
	return nil
}

// A relative is a model or data set that this model came from, in the order of GGUF's keys.
type relative struct{ name, author, version, organization, description, url, doi, uuid, repo string }

const hub = "https://huggingface.co/"

func relativeOf(id string, weights int64) (r relative) {
	for _, scheme := range []string{"http://", "https://", "ssh://"} {
		if strings.HasPrefix(id, scheme) {
			r.repo = id
			_, rest, ok := strings.Cut(strings.Replace(id, "http://", "https://", 1), hub)
			if !ok || strings.Count(rest, "/") != 1 || strings.HasSuffix(rest, "/") {
				return r
			}
			id = rest
			break
		}
	}
	m := parseID(id, weights)
	r.name, r.version, r.organization = title(m.full), m.version, title(m.org)
	if r.repo == "" && m.org != "" {
		r.repo = hub + m.org + "/" + m.full
	}
	return r
}

func relativeFrom(m map[string]any) relative {
	t := card(m).text
	return relative{t("name"), t("author"), t("version"), t("organization"), t("description"), t("url"), t("doi"), t("uuid"), t("repo_url")}
}

func (r relative) write(meta *formats.Meta, prefix string) {
	for _, f := range []struct{ key, val string }{{"name", r.name}, {"author", r.author}, {"version", r.version},
		{"organization", r.organization}, {"description", r.description}, {"url", r.url}, {"doi", r.doi}, {"uuid", r.uuid}, {"repo_url", r.repo}} {
		setText(meta, prefix+f.key, f.val)
	}
}

// setText leaves out empty texts, as GGUF writers do.
func setText(meta *formats.Meta, key, val string) {
	if val != "" {
		meta.Set(key, val)
	}
}
