package cpu

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// LastCache is how many bytes the largest cache of the first processor holds; 0 where the system does not say.
func LastCache() int64 { return lastCache("/sys/devices/system/cpu/cpu0/cache") }

// lastCache reads a folder as Linux has it: index0/size and so on, "32K", "32M".
func lastCache(dir string) (most int64) {
	sizes, _ := filepath.Glob(filepath.Join(dir, "index*", "size")) // the pattern is well-formed
	for _, path := range sizes {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		digits, unit := strings.TrimSpace(string(b)), 0
		switch {
		case strings.HasSuffix(digits, "K"):
			digits, unit = strings.TrimSuffix(digits, "K"), 10
		case strings.HasSuffix(digits, "M"):
			digits, unit = strings.TrimSuffix(digits, "M"), 20
		}
		if n, err := strconv.ParseUint(digits, 10, 32); err == nil {
			most = max(most, int64(n)<<unit)
		}
	}
	return most
}
