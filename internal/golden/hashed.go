package golden

import "hash/fnv"

// Hashed is the numbers of a tensor that follow from its name, evenly distributed from -0.5 to below 0.5: its hash (FNV-1a), and one of each place (splitmix64). The scripts that
// have other programs compute with tiny models make the same ones.
func Hashed(name string, shape []int) []float32 {
	h, n := fnv.New64a(), 1
	h.Write([]byte(name))
	for _, d := range shape {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		z := h.Sum64() + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		v[i] = float32(z>>40)/(1<<24) - 0.5
	}
	return v
}
