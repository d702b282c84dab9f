package formats

// Meta is the typed metadata of a checkpoint, in the order of its file. Values are one of a closed set of Go types,
// GGUF's: uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64 bool string, or a slice of one of these.
type Meta struct {
	keys []string
	vals map[string]any
}

// Set gives key a value; a key already there keeps its place.
func (m *Meta) Set(key string, val any) {
	checkKind(key, val)
	if m.vals == nil {
		m.vals = map[string]any{}
	}
	if _, ok := m.vals[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.vals[key] = val
}

// Delete removes key if it is there.
func (m *Meta) Delete(key string) {
	if _, ok := m.vals[key]; !ok {
		return
	}
	delete(m.vals, key)
	for i, k := range m.keys {
		if k == key {
			m.keys = append(m.keys[:i:i], m.keys[i+1:]...)
			return
		}
	}
}

// Value returns the value of key, or nil.
func (m *Meta) Value(key string) any { return m.vals[key] }

// Has reports whether key is there.
func (m *Meta) Has(key string) bool { _, ok := m.vals[key]; return ok }

// Keys returns the keys in order; the caller must not change the slice.
func (m *Meta) Keys() []string { return m.keys }

// Len is the number of keys.
func (m *Meta) Len() int { return len(m.keys) }

// Clone returns a copy that can be changed without changing m; slices inside values are shared.
func (m *Meta) Clone() Meta {
	c := Meta{}
	for _, k := range m.keys {
		c.Set(k, m.vals[k])
	}
	return c
}

// String returns the string under key, or "" when it is absent or something else.
func (m *Meta) String(key string) string { s, _ := m.vals[key].(string); return s }

// Strings returns the list of strings under key, or nil.
func (m *Meta) Strings(key string) []string { s, _ := m.vals[key].([]string); return s }

// Bool returns the boolean under key; ok is false when there is none.
func (m *Meta) Bool(key string) (val, ok bool) { val, ok = m.vals[key].(bool); return }

// Int returns the integer under key, whatever its width; ok is false when there is none or it does not fit.
func (m *Meta) Int(key string) (n int, ok bool) {
	switch v := m.vals[key].(type) {
	case uint8:
		return int(v), true
	case int8:
		return int(v), true
	case uint16:
		return int(v), true
	case int16:
		return int(v), true
	case uint32:
		return int(v), true
	case int32:
		return int(v), true
	case uint64:
		return int(v), v <= 1<<62
	case int64:
		return int(v), true
	}
	return 0, false
}

// Float returns the number under key, whatever its type; ok is false when there is none.
func (m *Meta) Float(key string) (f float64, ok bool) {
	switch v := m.vals[key].(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	n, ok := m.Int(key)
	return float64(n), ok
}

func checkKind(key string, val any) {
	switch val.(type) {
	case uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64, bool, string,
		[]uint8, []int8, []uint16, []int16, []uint32, []int32, []uint64, []int64, []float32, []float64, []bool, []string:
	default:
		panic("formats: metadata " + key + " has a type outside the closed set")
	}
}
