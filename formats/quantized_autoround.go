package formats

import "strings"

// The scheme auto-round is AutoRound's own export, whose packing_format names the layout: GPTQ's first version without g_idx, AWQ's, or GPTQ's
// with zero points as they are. Scales may be negative, which no reader here minds.
var _ = registerScheme(scheme{
	name:    "auto-round",
	methods: []string{"auto-round", "auto_round", "autoround", "intel/auto-round"},
	parts:   []string{"qweight", "qzeros", "scales", "g_idx"},
	accept: func(c quantConfig) error {
		switch _, kind := autoRoundKind(c); kind {
		case "gptq", "awq", "plain":
			return nil
		}
		return Unsupported("AutoRound in the layout %.60q", c.text("packing_format", "backend"))
	},
	weight: func(m *module) (*Tensor, error) {
		switch _, kind := autoRoundKind(m.config); kind {
		case "awq":
			return awqWeight(m)
		case "gptq":
			return gptqWeight(m, true)
		}
		return gptqWeight(m, false)
	},
})

// autoRoundKind is the layout, as it is named and as it is.
func autoRoundKind(c quantConfig) (name, kind string) {
	name = strings.ToLower(c.text("packing_format", "backend"))
	switch {
	case strings.Contains(name, "awq"):
		return name, "awq"
	case strings.Contains(name, "gptq"):
		return name, "gptq"
	case name == "auto_round" || name == "auto_round:auto_round":
		return name, "plain"
	case name == "":
		return name, "gptq"
	}
	return name, ""
}
