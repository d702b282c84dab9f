package verify

// A Swap is what becomes of the base when a part of it is taken from a quantized model: the part's own loss.
type Swap struct {
	Model string   `json:"model"`
	Part  string   `json:"part"`  // a tensor, a role or a layer
	Layer int      `json:"layer"` // -1: outside layers, or all
	Role  string   `json:"role"`  // "": all of the layer
	KLD   Estimate `json:"kld"`
	Bytes int64    `json:"bytes"` // of the part in the quantized model
}
