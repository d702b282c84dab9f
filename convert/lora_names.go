package convert

import (
	"slices"

	"quern/internal/arch"
)

// otherName is the base's tensor that is the same matrix as one of another layout: libraries name modules otherwise than published files do, and adapters
// have the library's names. "" where there is none.
func (m *merger) otherName(name string) string {
	if m.places == nil {
		m.places = map[string][]arch.Place{}
		if b, err := arch.Bind(m.src); err == nil {
			m.places = b.Places()
		}
	}
	want := m.places[arch.Plain(name)]
	if len(want) == 0 {
		return ""
	}
	for other, places := range m.places {
		if there := m.plain[other]; there != "" && slices.EqualFunc(places, want, samePlace) {
			return there
		}
	}
	return ""
}

// samePlace says whether two matrices become the same one.
func samePlace(a, b arch.Place) bool {
	return a.GGUF == b.GGUF && a.Expert == b.Expert && a.Turned == b.Turned && slices.Equal(a.Source, b.Source) && slices.Equal(a.Rows, b.Rows) && slices.Equal(a.Columns, b.Columns)
}
