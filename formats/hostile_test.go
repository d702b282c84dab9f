package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// raw builds files byte by byte, right or wrong.
type raw []byte

func (r raw) u32(v uint32) raw { return binary.LittleEndian.AppendUint32(r, v) }
func (r raw) u64(v uint64) raw { return binary.LittleEndian.AppendUint64(r, v) }
func (r raw) str(s string) raw { return append(r.u64(uint64(len(s))), s...) }
func (r raw) pad() raw {
	for len(r)%ggufAlignment != 0 {
		r = append(r, 0)
	}
	return r
}

// start is magic, version 3 and the two counts.
func start(tensors, keys uint64) raw { return raw(ggufMagic).u32(3).u64(tensors).u64(keys) }

// info is a tensor's entry.
func (r raw) info(name string, typ uint32, off uint64, dims ...uint64) raw {
	r = r.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		r = r.u64(d)
	}
	return r.u32(typ).u64(off)
}

// arch is a key that every file may begin with.
func (r raw) arch() raw { return r.str("general.architecture").u32(kindString).str("llama") }

// sound is a small file that opens: two keys, two tensors.
func sound() raw {
	r := start(2, 2).arch().str("n").u32(kindArray).u32(kindU32).u64(2).u32(1).u32(2)
	r = r.info("a", 0, 0, 4, 2).info("b", 1, 32, 3).pad()
	return append(r, make([]byte, 64)...)
}

func one(typ uint32, dims ...uint64) raw {
	r := start(1, 1).arch().info("w", typ, 0, dims...).pad()
	return append(r, make([]byte, 64)...)
}

func key(kind uint32, body ...byte) raw { return append(start(0, 1).str("k").u32(kind), body...) }

// hostileGGUF maps names of bad files to their bytes and to what the error must say.
var hostileGGUF = map[string]struct {
	file raw
	says string
}{
	"empty":                    {nil, "is empty"},
	"three-bytes":              {raw("GGU"), "does not begin"},
	"lower-case-magic":         {append(raw("gguf"), sound()[4:]...), "does not begin"},
	"no-version":               {raw(ggufMagic), "after the end"},
	"version-1":                {raw(ggufMagic).u32(1), "version 1"},
	"version-4":                {raw(ggufMagic).u32(4).u64(0).u64(0), "version 4"},
	"version-big-endian-7":     {append(raw(ggufMagic), 0, 0, 0, 7), "version 7"},
	"tensor-count-huge":        {start(math.MaxUint64, 0), "tensors are announced"},
	"tensor-count-one-more":    {start(1, 0), "tensors are announced"},
	"key-count-huge":           {start(0, 1<<62), "keys are announced"},
	"key-name-huge":            {start(0, 1).u64(1 << 40).u64(0), "bytes of a string"},
	"key-name-wraps":           {start(0, 1).u64(math.MaxUint64).u64(0), "bytes of a string"},
	"key-name-empty":           {start(0, 1).str("").u32(kindU8).u32(0).u64(0), "empty"},
	"key-twice":                {start(0, 2).arch().arch(), "twice"},
	"kind-13":                  {key(13, 0, 0, 0, 0), "kind 13"},
	"kind-huge":                {key(math.MaxUint32, 0, 0, 0, 0), "does not exist"},
	"bool-2":                   {key(kindBool, 2), "bool is 2"},
	"string-value-huge":        {raw(key(kindString)).u64(1 << 50), "bytes of a string"},
	"array-of-arrays":          {raw(key(kindArray)).u32(kindArray).u64(1).u64(0), "arrays of arrays"},
	"array-kind-unknown":       {raw(key(kindArray)).u32(99).u64(1).u64(0), "kind 99"},
	"array-count-huge":         {raw(key(kindArray)).u32(kindF64).u64(1 << 60), "values are announced"},
	"array-count-wraps":        {raw(key(kindArray)).u32(kindF64).u64(1<<61 + 1).u64(0), "values are announced"},
	"array-strings-huge":       {raw(key(kindArray)).u32(kindString).u64(1 << 33).u64(0), "values are announced"},
	"array-bool-3":             {append(raw(key(kindArray)).u32(kindBool).u64(2), 1, 3), "bool is 3"},
	"value-cut":                {key(kindU64, 1, 2, 3), "3 are left"},
	"alignment-0":              {start(0, 1).str(alignmentKey).u32(kindU32).u32(0), "power of two"},
	"alignment-33":             {start(0, 1).str(alignmentKey).u32(kindU32).u32(33), "power of two"},
	"alignment-huge":           {start(0, 1).str(alignmentKey).u32(kindU32).u32(1 << 31), "power of two"},
	"alignment-string":         {start(0, 1).str(alignmentKey).u32(kindString).str("32"), "power of two"},
	"tensor-name-empty":        {start(1, 0).info("", 0, 0, 4).u64(0), "0 bytes"},
	"tensor-name-64":           {start(1, 0).info(strings.Repeat("x", 64), 0, 0, 4), "64 bytes"},
	"tensor-name-huge":         {start(1, 0).u64(1 << 60).u64(0).u64(0).u64(0), "bytes of a string"},
	"tensor-twice":             {append(start(2, 0).info("a", 0, 0, 4).info("a", 0, 32, 4).pad(), make([]byte, 64)...), "twice"},
	"dims-0":                   {start(1, 0).info("w", 0, 0).u64(0), "0 dimensions"},
	"dims-5":                   {start(1, 0).info("w", 0, 0, 1, 1, 1, 1, 1), "5 dimensions"},
	"dims-huge":                {start(1, 0).str("w").u32(math.MaxUint32).u64(0).u64(0), "dimensions"},
	"dim-zero":                 {one(0, 0, 4), "dimension 0 is 0"},
	"dim-negative":             {one(0, math.MaxUint64), "dimension"},
	"shape-overflows":          {one(0, 1<<40, 1<<40), "overflows"},
	"bytes-overflow":           {one(28, 1<<61), "overflows"},
	"row-not-a-block":          {one(12, 100), "not a multiple"},
	"type-removed":             {one(4, 32), "removed"},
	"type-removed-33":          {one(33, 32), "removed"},
	"type-activation":          {one(15, 256), "activations"},
	"type-repacked":            {one(202, 256), "repacked"},
	"type-repacked-iq":         {one(219, 256), "IQ1_S_R4"},
	"type-of-ik-alone":         {one(151, 256), "Q8_KV"},
	"type-ik":                  {one(153, 256), "IQ2_KT"},
	"type-with-row-heads":      {one(144, 512), "the body of 276 bytes"},
	"type-unknown":             {one(77, 256), "type 77"},
	"type-huge":                {one(math.MaxUint32, 256), "type 4294967295"},
	"body-missing":             {start(1, 0).info("w", 0, 0, 1<<20).pad(), "ends after the file"},
	"body-of-a-petabyte":       {one(0, 1<<48), "ends after the file"},
	"offset-not-zero":          {append(start(1, 0).info("w", 0, 32, 4).pad(), make([]byte, 64)...), "offset 32, want 0"},
	"offset-overlaps":          {append(start(2, 0).info("a", 0, 0, 16).info("b", 0, 32, 4).pad(), make([]byte, 128)...), "offset 32, want 64"},
	"offset-gap":               {append(start(2, 0).info("a", 0, 0, 4).info("b", 0, 64, 4).pad(), make([]byte, 128)...), "offset 64, want 32"},
	"offset-unaligned":         {append(start(2, 0).info("a", 0, 0, 4).info("b", 0, 16, 4).pad(), make([]byte, 128)...), "offset 16"},
	"offset-wraps":             {append(start(1, 0).info("w", 0, math.MaxUint64, 4).pad(), make([]byte, 64)...), "want 0"},
	"split-count-0":            {start(0, 2).str(splitNo).u32(kindU16).u32(0)[:0], "is empty"},
	"split-keys-of-wrong-kind": {start(0, 1).str(splitCount).u32(kindString).str("2"), "not a split"},
	"split-not-the-first":      {start(0, 2).str(splitNo).u32(kindU32).u32(1).str(splitCount).u32(kindU32).u32(2), "file 2 of 2"},
	"split-bad-name":           {start(0, 2).str(splitNo).u32(kindU32).u32(0).str(splitCount).u32(kindU32).u32(2), "must be named"},
	"split-huge":               {start(0, 2).str(splitNo).u32(kindU32).u32(0).str(splitCount).u32(kindU32).u32(1 << 30), "not a split"},
}

func TestHostileGGUF(t *testing.T) {
	dir := t.TempDir()
	for name, c := range hostileGGUF {
		refused(t, filepath.Join(dir, name+".gguf"), c.file, c.says)
	}
}

// refused demands an error of a known kind that names the file and says what is wrong.
func refused(t *testing.T, path string, file []byte, says string) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path)
	name := filepath.Base(path)
	switch {
	case err == nil:
		src.Close()
		t.Errorf("%s opens", name)
	case !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported):
		t.Errorf("%s: neither corrupt nor unsupported: %v", name, err)
	case !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) || strings.Count(err.Error(), "\n") > 0:
		t.Errorf("%s: the error is %q; it must name the file, say %q, and fit a line", name, err, says)
	}
}

func header(json string) []byte { return append(raw(nil).u64(uint64(len(json))), json...) }

// tensorsJSON is a header followed by n bytes of bodies.
func tensorsJSON(n int, json string) []byte { return append(header(json), make([]byte, n)...) }

var hostileSafetensors = map[string]struct {
	file []byte
	says string
}{
	"empty":                {nil, "is empty"},
	"seven-bytes":          {make([]byte, 7), "too few"},
	"header-beyond-file":   {raw(nil).u64(1000), "header of 1000"},
	"header-huge":          {raw(nil).u64(math.MaxUint64), "header of"},
	"header-over-limit":    {raw(nil).u64(maxHeader + 1), "at most"},
	"header-empty":         {header(""), "begin with {"},
	"header-space-first":   {header(" {}"), "begin with {"},
	"header-list":          {header("[]"), "begin with {"},
	"header-cut":           {header(`{"a":`), "ends where"},
	"trailing-garbage":     {header(`{} x`), "after its end"},
	"two-objects":          {header(`{}{}`), "after its end"},
	"not-utf8":             {header("{\"\xff\":1}"), "UTF-8"},
	"control-in-name":      {header("{\"a\nb\":1}"), "control"},
	"bad-escape":           {header(`{"\x":1}`), "string in header"},
	"string-open":          {header(`{"a`), "does not end"},
	"string-escape-at-end": {header(`{"a\`), "does not end"},
	"name-twice":           {tensorsJSON(8, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`), "twice"},
	"name-twice-escaped":   {tensorsJSON(8, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`), "twice"},
	"field-twice":          {tensorsJSON(4, `{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`), "twice"},
	"field-unknown":        {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`), "unknown field"},
	"field-other-case":     {tensorsJSON(4, `{"a":{"DType":"F32","shape":[1],"data_offsets":[0,4]}}`), "unknown field"},
	"no-dtype":             {tensorsJSON(4, `{"a":{"shape":[1],"data_offsets":[0,4]}}`), "lacks"},
	"no-shape":             {tensorsJSON(4, `{"a":{"dtype":"F32","data_offsets":[0,4]}}`), "lacks"},
	"no-offsets":           {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1]}}`), "lacks"},
	"dtype-unknown":        {tensorsJSON(4, `{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}`), "dtype"},
	"dtype-number":         {tensorsJSON(4, `{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}`), "a string"},
	"shape-negative":       {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`), "whole number"},
	"shape-float":          {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`), "whole number"},
	"shape-exponent":       {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}`), "whole number"},
	"shape-leading-zero":   {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}`), "begins with 0"},
	"shape-too-big":        {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}`), "63 bits"},
	"shape-overflows":      {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`), "overflows"},
	"shape-nested":         {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}`), "whole number"},
	"dims-many":            {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`), "dimensions"},
	"offsets-three":        {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`), "want 2"},
	"offsets-reversed":     {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`), "hole or overlap"},
	"offsets-hole":         {tensorsJSON(12, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`), "hole or overlap"},
	"offsets-overlap":      {tensorsJSON(8, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`), "hole or overlap"},
	"offsets-beyond":       {tensorsJSON(4, `{"a":{"dtype":"F32","shape":[100],"data_offsets":[0,400]}}`), "end after"},
	"offsets-wrong-length": {tensorsJSON(8, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`), "needs 4"},
	"bytes-left-over":      {tensorsJSON(9, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`), "follow the last"},
	"f8-odd":               {tensorsJSON(4, `{"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,4]}}`), "needs 3"},
	"f4-odd":               {tensorsJSON(2, `{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}`), "not a multiple"},
	"metadata-number":      {header(`{"__metadata__":{"a":1}}`), "a string"},
	"metadata-list":        {header(`{"__metadata__":[]}`), "{"},
	"deep":                 {header(strings.Repeat(`{"a":`, 10000)), "unknown field"},
}

func TestHostileSafetensors(t *testing.T) {
	dir := t.TempDir()
	for name, c := range hostileSafetensors {
		refused(t, filepath.Join(dir, name+".safetensors"), c.file, c.says)
	}
}

const tinyShard = `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`

func TestHostileIndex(t *testing.T) {
	for name, c := range map[string]struct{ index, says string }{
		"not-json":       {`{`, "ends where"},
		"no-map":         {`{"metadata":{}}`, "no weight_map"},
		"map-empty":      {`{"weight_map":{}}`, "no weight_map"},
		"leaves-folder":  {`{"weight_map":{"a":"../model.safetensors"}}`, "plain name"},
		"absolute":       {`{"weight_map":{"a":"/etc/passwd"}}`, "plain name"},
		"dot":            {`{"weight_map":{"a":"."}}`, "plain name"},
		"name-twice":     {`{"weight_map":{"a":"model.safetensors","a":"model.safetensors"}}`, "twice"},
		"tensor-missing": {`{"weight_map":{"a":"model.safetensors","b":"model.safetensors"}}`, "does not hold"},
		"tensor-extra":   {`{"weight_map":{"b":"model.safetensors"}}`, "does not hold"},
		"value-number":   {`{"weight_map":{"a":1}}`, "a string"},
		"metadata-bad":   {`{"metadata":}`, "index"},
	} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), tensorsJSON(4, tinyShard), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, indexName), []byte(c.index), 0o644); err != nil {
			t.Fatal(err)
		}
		src, err := Open(dir)
		if err == nil {
			src.Close()
			t.Errorf("%s opens", name)
		} else if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestEveryTruncation cuts a sound file at every byte: each piece is refused, and nothing panics.
func TestEveryTruncation(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string][]byte{"cut.gguf": sound(), "cut.safetensors": tensorsJSON(4, tinyShard)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		if src, err := Open(path); err != nil {
			t.Fatalf("%s: the whole file does not open: %v", name, err)
		} else {
			src.Close()
		}
		least := len(file)
		if name == "cut.gguf" {
			least -= 26 // the padding after the last body, which holds 6 bytes
		}
		for n := range least {
			refused(t, path, file[:n], "")
		}
	}
}

// TestEveryFlip inverts every bit of a sound file: whatever opens must also read.
func TestEveryFlip(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string][]byte{"flip.gguf": sound(), "flip.safetensors": tensorsJSON(4, tinyShard)} {
		path := filepath.Join(dir, name)
		for i := range 8 * len(file) {
			bad := append([]byte(nil), file...)
			bad[i/8] ^= 1 << (i % 8)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			src, err := Open(path)
			if err != nil {
				continue
			}
			for _, w := range src.Tensors {
				if w.Rows != nil {
					if err := w.Rows.ReadRows(make([]float32, w.Elems()), 0); err != nil {
						t.Errorf("%s, bit %d: opens and then does not read: %v", name, i, err)
					}
				}
			}
			src.Close()
		}
	}
}

// TestHugeFileOpensAtOnce opens a file of 100 GB, nearly all of it a hole, by its header alone.
func TestHugeFileOpensAtOnce(t *testing.T) {
	const rows = 25_000_000
	path := filepath.Join(t.TempDir(), "huge.gguf")
	head := start(1, 1).arch().info("w", 0, 0, 1000, rows).pad()
	if err := os.WriteFile(path, head, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(head))+rows*4000); err != nil {
		t.Skipf("no sparse file of 100 GB here: %v", err)
	}
	began := time.Now()
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if d := time.Since(began); d > 500*time.Millisecond {
		t.Errorf("opening took %v", d)
	}
	row := make([]float32, 1000)
	if err := src.Tensors[0].Rows.ReadRows(row, rows-1); err != nil {
		t.Error(err)
	}
	if err := src.Tensors[0].Rows.ReadRows(row, rows); err == nil {
		t.Error("a row after the last reads")
	}
}

// TestShrinkingFile cuts a file that is open: reading it is an error with the place, not a signal.
func TestShrinkingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shrinks.gguf")
	if err := os.WriteFile(path, sound(), 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if err := os.Truncate(path, 40); err != nil {
		t.Fatal(err)
	}
	err = src.Tensors[0].Rows.ReadRows(make([]float32, 8), 0)
	var where *Error
	if !errors.As(err, &where) || where.File != path || where.Tensor != "a" || !where.HasOff {
		t.Errorf("reading a file that shrank: %v", err)
	}
}

func FuzzGGUF(f *testing.F) {
	f.Add([]byte(sound()))
	for _, c := range hostileGGUF {
		f.Add([]byte(c.file))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		g := &ggufFile{path: "fuzz"}
		checkRead(t, p, func() ([]*Tensor, error) {
			err := g.parse(strings.NewReader(string(p)), int64(len(p)))
			return g.tensors, err
		})
	})
}

func FuzzSafetensors(f *testing.F) {
	f.Add(tensorsJSON(4, tinyShard))
	for _, c := range hostileSafetensors {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var meta Meta
		checkRead(t, p, func() ([]*Tensor, error) {
			return readSafetensors(strings.NewReader(string(p)), int64(len(p)), "fuzz", &meta)
		})
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":4},"weight_map":{"a":"model.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x"}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		index, err := parseIndex(p)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("not a corrupt file: %v", err)
		}
		for _, name := range index {
			if err == nil && (name == "" || strings.ContainsAny(name, `/\`)) {
				t.Fatalf("the index leads to %q", name)
			}
		}
	})
}

// checkRead demands that a parser either refuses with a known kind of error or promises tensors that can be read, each of them
// inside the file.
func checkRead(t *testing.T, p []byte, parse func() ([]*Tensor, error)) {
	t.Helper()
	tensors, err := parse()
	if err != nil {
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
			t.Fatalf("neither corrupt nor unsupported: %v", err)
		}
		return
	}
	total := int64(0)
	for _, w := range tensors {
		if total += w.Bytes(); total > int64(len(p)) {
			t.Fatalf("tensors of %d bytes in a file of %d", total, len(p))
		}
		if w.Rows == nil {
			continue
		}
		if err := w.Rows.ReadRows(make([]float32, w.Elems()), 0); err != nil {
			t.Fatal(fmt.Errorf("%q: %w", w.Name, err))
		}
	}
}
