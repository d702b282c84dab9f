package formats

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
)

// zipped is an archive of these entries, name and content in turn.
func zipped(t testing.TB, method uint16, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
		if err == nil {
			_, err = io.WriteString(w, entries[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pickled is a dictionary {"a": a view of 16 float32}, some of whose parts are given.
func pickled(storage, view string) string {
	return "\x80\x02}" + str("a") + "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + "\x89ccollections\nOrderedDict\n)RtRs."
}

func str(s string) string { return "X" + string([]byte{byte(len(s)), 0, 0, 0}) + s }

func num(n int64) string {
	b := []byte{0x8a, 8}
	for i := range 8 {
		b = append(b, byte(n>>(8*i)))
	}
	return string(b)
}

func storageOf(class, key string, count int64) string {
	return "(" + str("storage") + "ctorch\n" + class + "\n" + str(key) + str("cpu") + num(count) + "tQ"
}

func view(offset int64, shape, stride []int64) string {
	list := func(all []int64) string {
		s := "("
		for _, n := range all {
			s += num(n)
		}
		return s + "t"
	}
	return num(offset) + list(shape) + list(stride)
}

func torchOf(t testing.TB, pickle string) []byte {
	return zipped(t, zip.Store, "m/data.pkl", pickle, "m/byteorder", "little", "m/data/0", strings.Repeat("\x00\x00\x80\x3f", 16))
}

func TestTorchHostile(t *testing.T) {
	const huge = 1 << 62
	good, of := view(0, []int64{4, 4}, []int64{4, 1}), storageOf("FloatStorage", "0", 16)
	sound := pickled(of, good)
	for name, c := range map[string]struct {
		file []byte
		kind error
		says string
	}{
		"sound":              {torchOf(t, sound), nil, ""},
		"no archive":         {[]byte("PK\x03\x04 and nothing"), ErrCorrupt, "ZIP"},
		"cut off":            {torchOf(t, sound)[:500], ErrCorrupt, "ZIP"},
		"another archive":    {zipped(t, zip.Store, "a.txt", "a"), ErrUnsupported, "data.pkl"},
		"a program":          {zipped(t, zip.Store, "m/data.pkl", sound, "m/constants.pkl", ""), ErrUnsupported, "TorchScript"},
		"compressed":         {zipped(t, zip.Deflate, "m/data.pkl", sound), ErrUnsupported, "compressed"},
		"big-endian":         {zipped(t, zip.Store, "m/data.pkl", sound, "m/byteorder", "big"), ErrUnsupported, "big"},
		"an entry twice":     {zipped(t, zip.Store, "m/data.pkl", sound, "m/data.pkl", sound), ErrCorrupt, "twice"},
		"no storage":         {zipped(t, zip.Store, "m/data.pkl", sound), ErrCorrupt, "no such entry"},
		"empty pickle":       {torchOf(t, ""), ErrCorrupt, "ends within"},
		"half a pickle":      {torchOf(t, sound[:60]), ErrCorrupt, "ends within"},
		"protocol 0":         {torchOf(t, "(dp0\n."), ErrUnsupported, "operation 0x64"},
		"protocol 9":         {torchOf(t, "\x80\x09}."), ErrUnsupported, "protocol 9"},
		"nothing left":       {torchOf(t, "\x80\x02."), ErrCorrupt, "0 objects"},
		"runs a command":     {torchOf(t, "\x80\x02cposix\nsystem\n"+str("true")+"\x85R."), ErrUnsupported, "posix.system"},
		"by two texts":       {torchOf(t, "\x80\x04"+str("builtins")+str("eval")+"\x93."), ErrUnsupported, "builtins.eval"},
		"calls a class":      {torchOf(t, "\x80\x02ctorch\nFloatStorage\n)R."), ErrUnsupported, "calls torch.FloatStorage"},
		"calls a text":       {torchOf(t, "\x80\x02"+str("a")+")R."), ErrUnsupported, "calls a text"},
		"instance":           {torchOf(t, "\x80\x02(icollections\nOrderedDict\n."), ErrUnsupported, "operation 0x69"},
		"no mark":            {torchOf(t, "\x80\x02t."), ErrCorrupt, "mark"},
		"below a mark":       {torchOf(t, "\x80\x02K\x01(\x85."), ErrCorrupt, "not there"},
		"not remembered":     {torchOf(t, "\x80\x02h\x07."), ErrCorrupt, "recalls object 7"},
		"sets in a number":   {torchOf(t, "\x80\x02K\x01K\x02K\x03s."), ErrCorrupt, "into a number"},
		"appends to none":    {torchOf(t, "\x80\x02NK\x02a."), ErrCorrupt, "appends to None"},
		"text too long":      {torchOf(t, "\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), ErrCorrupt, "ends within"},
		"storage by a text":  {torchOf(t, "\x80\x02"+str("0")+"Q."), ErrCorrupt, "by a text"},
		"storage of a class": {torchOf(t, pickled(storageOf("Tensor", "0", 16), good)), ErrCorrupt, "storage of torch.Tensor"},
		"storage elsewhere":  {torchOf(t, pickled(storageOf("FloatStorage", "../0", 16), good)), ErrCorrupt, "no such entry"},
		"storage too large":  {torchOf(t, pickled(storageOf("FloatStorage", "0", 17), good)), ErrCorrupt, "64 bytes, 17 numbers"},
		"storage negative":   {torchOf(t, pickled(storageOf("FloatStorage", "0", -1), good)), ErrCorrupt, "-1 numbers"},
		"storage wraps":      {torchOf(t, pickled(storageOf("FloatStorage", "0", huge+16), good)), ErrCorrupt, "64 bytes"},
		"view too large":     {torchOf(t, pickled(of, view(1, []int64{4, 4}, []int64{4, 1}))), ErrCorrupt, "larger than its storage"},
		"view wraps":         {torchOf(t, pickled(of, view(0, []int64{huge, 4}, []int64{4, 1}))), ErrCorrupt, "overflow"},
		"view wraps too":     {torchOf(t, pickled(of, view(0, []int64{huge, huge}, []int64{0, 0}))), ErrCorrupt, "overflow"},
		"view repeats":       {torchOf(t, pickled(of, view(0, []int64{huge, 1}, []int64{0, 0}))), ErrUnsupported, "repeats"},
		"negative offset":    {torchOf(t, pickled(of, view(-1, []int64{4}, []int64{1}))), ErrCorrupt, "from -1"},
		"negative size":      {torchOf(t, pickled(of, view(0, []int64{-4}, []int64{1}))), ErrCorrupt, "sizes [-4]"},
		"negative stride":    {torchOf(t, pickled(of, view(4, []int64{4}, []int64{-1}))), ErrCorrupt, "strides [-1]"},
		"sizes and strides":  {torchOf(t, pickled(of, view(0, []int64{4}, []int64{4, 1}))), ErrCorrupt, "1 sizes and 2 strides"},
		"nine dimensions":    {torchOf(t, pickled(of, view(0, make([]int64, 9), make([]int64, 9)))), ErrCorrupt, "9 sizes"},
		"itself":             {torchOf(t, "\x80\x02}q\x00"+str("a")+"h\x00s."), ErrUnsupported, "a dictionary, not a tensor"},
		"a numbered tensor":  {torchOf(t, "\x80\x02}K\x01Ns."), ErrUnsupported, "a number for a name"},
	} {
		t.Run(name, func(t *testing.T) {
			tensors, err := readTorch(bytes.NewReader(c.file), int64(len(c.file)), "m.pt")
			if c.kind == nil {
				if err != nil || len(tensors) != 1 || tensors[0].Rows.ReadRows(make([]float32, 16), 0) != nil {
					t.Errorf("%d tensors, %v", len(tensors), err)
				}
				return
			}
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "m.pt: ") {
				t.Errorf("%v, want %q, %v", err, c.says, c.kind)
			}
		})
	}
}

// A dictionary may name a tensor twice only in a pickle that no library writes.
func TestTorchNameTwice(t *testing.T) {
	one := strings.TrimPrefix(strings.TrimSuffix(pickled(storageOf("FloatStorage", "0", 16), view(0, []int64{4}, []int64{1})), "."), "\x80\x02}")
	file := torchOf(t, "\x80\x02}"+one+one+".")
	if _, err := readTorch(bytes.NewReader(file), int64(len(file)), "m.pt"); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "twice") {
		t.Errorf("%v", err)
	}
}

// A pickle of a few bytes for each object cannot make more of them than it is allowed.
func TestPickleIsBounded(t *testing.T) {
	for _, text := range []string{"]", "(", "}q\x00", "N"} {
		k := &pickle{p: []byte("\x80\x02" + strings.Repeat(text, maxPickled+10)), globals: torchGlobals}
		if _, err := k.run(); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", strconv.Quote(text), err)
		}
	}
}

// FuzzTorch sees that whatever the pickle says is refused, or names tensors that can be read.
func FuzzTorch(f *testing.F) {
	of := storageOf("FloatStorage", "0", 16)
	f.Add([]byte(pickled(of, view(0, []int64{4, 4}, []int64{4, 1}))))
	f.Add([]byte(pickled(of, view(1, []int64{2, 3}, []int64{1, 4}))))
	f.Add([]byte(pickled(storageOf("BFloat16Storage", "0", 32), view(0, []int64{2, 3, 2}, []int64{1, 4, 2}))))
	f.Add([]byte("\x80\x02ccollections\nOrderedDict\n)R" + str("state_dict") + "}]\x86\x85b."))
	for _, c := range readTorchGolden(f).Read {
		if z, err := zip.NewReader(bytes.NewReader(c.File), int64(len(c.File))); err == nil {
			if r, err := z.Open("archive/data.pkl"); err == nil {
				p, _ := io.ReadAll(r)
				f.Add(p)
			}
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		file := torchOf(t, string(p))
		tensors, err := readTorch(bytes.NewReader(file), int64(len(file)), "m.pt")
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		for _, of := range tensors {
			if of.Bytes() > int64(len(file)) {
				t.Fatalf("%q has %d bytes in a file of %d", of.Name, of.Bytes(), len(file))
			}
			if _, err := of.Raw.ReadAt(make([]byte, of.Bytes()), 0); err != nil && of.Bytes() > 0 {
				t.Fatal(err)
			}
		}
	})
}
