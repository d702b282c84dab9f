package arch

import (
	"errors"
	"testing"

	"quern/formats"
)

// The numbers of Apertus' function are there, one for each layer, or the file is refused.
func TestXieluOfEveryLayer(t *testing.T) {
	b, err := Bind(tinyOf(t, tinyFamilies(t)["apertus"], false).source())
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]float32{nil, {1}, {1, 2}, {1, 2, 3}} {
		file := &formats.Source{Path: "m.gguf", Format: &formats.Format{Name: "gguf"}, Tensors: b.Tensors}
		file.Meta.Set("general.architecture", b.Arch.Name)
		b.Arch.WriteKeys(&file.Meta, &b.Params, func(string) {})
		if file.Meta.Delete("xielu.beta"); list != nil {
			file.Meta.Set("xielu.beta", list)
		}
		if _, err := Bind(file); (err == nil) != (len(list) == b.Params.Layers) || err != nil && !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("%v for %d layers: %v", list, b.Params.Layers, err)
		}
	}
}
