package formats

import (
	"io"
	"math"

	"quern/quantize"
)

// A torchStorage is an entry of numbers, a torchTensor a view of it.
type (
	torchStorage struct {
		typ   *quantize.Type // nil: bytes that have no type of their own
		key   string
		place span
	}
	torchTensor struct {
		storage       *torchStorage
		typ           *quantize.Type
		offset        int64 // these count elements
		shape, stride []int64
	}
)

// torchTypes are the classes of storages, and torch's names of types.
var torchTypes = map[string]*quantize.Type{
	"torch.DoubleStorage": quantize.F64, "torch.FloatStorage": quantize.F32, "torch.HalfStorage": quantize.F16, "torch.BFloat16Storage": quantize.BF16,
	"torch.LongStorage": quantize.I64, "torch.IntStorage": quantize.I32, "torch.ShortStorage": quantize.I16, "torch.CharStorage": quantize.I8,
	"torch.ByteStorage": quantize.U8, "torch.BoolStorage": quantize.BOOL, "torch.ComplexFloatStorage": quantize.C64,

	"torch.float64": quantize.F64, "torch.float32": quantize.F32, "torch.float16": quantize.F16, "torch.bfloat16": quantize.BF16,
	"torch.int64": quantize.I64, "torch.int32": quantize.I32, "torch.int16": quantize.I16, "torch.int8": quantize.I8,
	"torch.uint64": quantize.U64, "torch.uint32": quantize.U32, "torch.uint16": quantize.U16, "torch.uint8": quantize.U8,
	"torch.bool": quantize.BOOL, "torch.complex64": quantize.C64,
	"torch.float8_e4m3fn": quantize.F8_E4M3, "torch.float8_e5m2": quantize.F8_E5M2, "torch.float8_e8m0fnu": quantize.F8_E8M0,
}

// torchGlobals are the names that a pickle may have.
var torchGlobals = map[string]pickleCall{
	"torch.storage.UntypedStorage": nil, "torch.nn.parameter.Parameter": nil, "torch.Tensor": nil,
	"collections.OrderedDict":                    orderedDict,
	"torch.Size":                                 func(args []any) (any, error) { return oneOf(args, "torch.Size") },
	"torch._utils._rebuild_parameter":            func(args []any) (any, error) { return firstOf(args, "_rebuild_parameter") },
	"torch._utils._rebuild_parameter_with_state": func(args []any) (any, error) { return firstOf(args, "_rebuild_parameter_with_state") },
	"torch._utils._rebuild_tensor_v2":            func(args []any) (any, error) { return rebuildTensor(args, 6, 7, nil) },
	"torch._utils._rebuild_tensor_v3": func(args []any) (any, error) {
		if len(args) < 7 {
			return nil, Corrupt("a tensor is rebuilt from %d objects", len(args))
		}
		name, _ := args[6].(pickleGlobal)
		typ := torchTypes[string(name)]
		if typ == nil {
			return nil, Unsupported("the type %s is not one that quern reads", describe(args[6]))
		}
		return rebuildTensor(args, 7, 8, typ)
	},
}

func init() {
	for name := range torchTypes {
		torchGlobals[name] = nil
	}
	torchGlobals["torch._tensor._rebuild_from_type_v2"] = rebuildFromType
}

// orderedDict is one of nothing, or of a list of pairs.
func orderedDict(args []any) (any, error) {
	d := &pickleDict{}
	if len(args) == 0 {
		return d, nil
	}
	list, ok := args[0].(*pickleList)
	if !ok || len(args) != 1 {
		return nil, Corrupt("an OrderedDict is made of %s", describe(args[0]))
	}
	for _, item := range list.items {
		pair := itemsOf(item)
		if len(pair) != 2 {
			return nil, Corrupt("an OrderedDict is made of %s", describe(item))
		}
		d.keys, d.values = append(d.keys, pair[0]), append(d.values, pair[1])
	}
	return d, nil
}

func itemsOf(v any) []any {
	switch v := v.(type) {
	case pickleTuple:
		return v
	case *pickleList:
		return v.items
	}
	return nil
}

func oneOf(args []any, name string) (any, error) {
	if len(args) != 1 {
		return nil, Corrupt("%s is made of %d objects", name, len(args))
	}
	return pickleTuple(itemsOf(args[0])), nil
}

// firstOf is the tensor that a parameter is made of.
func firstOf(args []any, name string) (any, error) {
	if len(args) == 0 {
		return nil, Corrupt("%s is made of nothing", name)
	}
	t, ok := args[0].(*torchTensor)
	if !ok {
		return nil, Corrupt("%s is made of %s", name, describe(args[0]))
	}
	return t, nil
}

// rebuildFromType is a tensor with attributes of its own: a call, the class, the arguments, the attributes.
func rebuildFromType(args []any) (any, error) {
	if len(args) != 4 {
		return nil, Corrupt("a tensor of a class is rebuilt from %d objects", len(args))
	}
	name, _ := args[0].(pickleGlobal)
	parts, ok := args[2].(pickleTuple)
	if !ok || name != "torch._utils._rebuild_tensor_v2" && name != "torch._utils._rebuild_tensor_v3" {
		return nil, Unsupported("a tensor of a class is rebuilt by %s", describe(args[0]))
	}
	return torchGlobals[string(name)](parts)
}

// rebuildTensor is a view: storage, offset, shape, strides, and what matters to training only.
func rebuildTensor(args []any, least, most int, typ *quantize.Type) (any, error) {
	if len(args) < least || len(args) > most {
		return nil, Corrupt("a tensor is rebuilt from %d objects", len(args))
	}
	s, ok := args[0].(*torchStorage)
	if !ok {
		return nil, Corrupt("a tensor is a view of %s", describe(args[0]))
	}
	t := &torchTensor{storage: s, typ: typ}
	if typ == nil {
		t.typ = s.typ
	}
	if t.typ == nil {
		return nil, Corrupt("a tensor without a type is a view of a storage without one")
	}
	if t.offset, ok = args[1].(int64); !ok {
		return nil, Corrupt("a tensor begins at %s", describe(args[1]))
	}
	for _, to := range []struct {
		list *[]int64
		from any
	}{{&t.shape, args[2]}, {&t.stride, args[3]}} {
		for _, v := range itemsOf(to.from) {
			n, ok := v.(int64)
			if !ok {
				return nil, Corrupt("a tensor has %s for a size", describe(v))
			}
			*to.list = append(*to.list, n)
		}
	}
	return t, t.check()
}

// check sees that a view lies inside its storage.
func (t *torchTensor) check() error {
	if len(t.shape) != len(t.stride) || len(t.shape) > maxDims {
		return Corrupt("a tensor has %d sizes and %d strides", len(t.shape), len(t.stride))
	}
	last, empty, all := t.offset, false, int64(1)
	for i, n := range t.shape {
		step := t.stride[i]
		if n < 0 || step < 0 || t.offset < 0 {
			return Corrupt("a tensor has the sizes %v and the strides %v from %d", t.shape, t.stride, t.offset)
		}
		if empty = empty || n == 0; n > 0 && all > math.MaxInt64/n {
			return Corrupt("a tensor of the sizes %v overflows", t.shape)
		}
		all *= max(n, 1)
		if n > 1 && step > (math.MaxInt64-last)/(n-1) {
			return Corrupt("a tensor has the sizes %v and the strides %v, which overflow", t.shape, t.stride)
		}
		if n > 1 {
			last += (n - 1) * step
		}
	}
	switch count := t.storage.place.size / int64(t.typ.Bytes); {
	case empty:
		return nil
	case last >= count:
		return Corrupt("a tensor of the sizes %v and the strides %v from %d is larger than its storage %q of %d", t.shape, t.stride, t.offset, t.storage.key, count)
	case all > count:
		return Unsupported("a tensor of the sizes %v and the strides %v repeats the %d numbers of its storage", t.shape, t.stride, count)
	}
	return nil
}

// storage makes the object of a persistent id: ("storage", class, key, device, elements).
func (t *torchFile) storage(id []any) (any, error) {
	if len(id) != 5 || id[0] != "storage" {
		return nil, Corrupt("the pickle names a storage by %d objects", len(id))
	}
	class, ok := id[1].(pickleGlobal)
	key, okay := id[2].(string)
	count, fine := id[4].(int64)
	typ := torchTypes[string(class)]
	if !ok || !okay || !fine || typ == nil && class != "torch.storage.UntypedStorage" {
		return nil, Corrupt("the pickle has a storage of %s with %s for a name", describe(id[1]), describe(id[2]))
	}
	at, known := t.places[key]
	if !known {
		var err error
		if at, err = t.find("data/" + key); err != nil {
			return nil, err
		}
		t.places[key] = at
	}
	unit := int64(1)
	if typ != nil {
		unit = int64(typ.Bytes)
	}
	if count < 0 || count > at.size/unit || count*unit != at.size {
		return nil, Corrupt("the storage %q has %d bytes, %d numbers of %d were announced", key, at.size, count, unit)
	}
	return &torchStorage{typ, key, at}, nil
}

// tensors makes the dictionary's tensors readable. Lightning and its like put it into another one, under "state_dict".
func (t *torchFile) tensors(root any) ([]*Tensor, error) {
	d, ok := root.(*pickleDict)
	if !ok {
		return nil, &Error{File: t.path, Err: Unsupported("the file holds %s, not a dictionary of tensors", describe(root)), Hint: "save model.state_dict()"}
	}
	for i, key := range d.keys {
		if inner, ok := d.values[i].(*pickleDict); ok && key == "state_dict" {
			d = inner
			break
		}
	}
	var out []*Tensor
	for i, key := range d.keys {
		name, ok := key.(string)
		if !ok {
			return nil, &Error{File: t.path, Err: Unsupported("the dictionary has %s for a name", describe(key))}
		}
		if n, ok := d.values[i].(int64); ok && t.numbers != nil {
			t.numbers[name] = n
			continue
		}
		v, ok := d.values[i].(*torchTensor)
		if !ok {
			return nil, &Error{File: t.path, Tensor: name, Err: Unsupported("the dictionary holds %s, not a tensor", describe(d.values[i])), Hint: "save model.state_dict()"}
		}
		tensor, err := t.readable(name, v)
		if err != nil {
			return nil, err
		}
		out = append(out, tensor)
	}
	return out, nil
}

func (t *torchFile) readable(name string, v *torchTensor) (*Tensor, error) {
	out := &Tensor{Name: name, Type: v.typ}
	for _, n := range v.shape {
		if n > math.MaxInt {
			return nil, &Error{File: t.path, Tensor: name, Err: Corrupt("a size is %d", n)}
		}
		out.Shape = append(out.Shape, int(n))
	}
	unit := int64(v.typ.Bytes)
	at := v.storage.place.off + v.offset*unit
	size, err := sizeOf(v.typ, out.Shape)
	if err != nil {
		return nil, &Error{File: t.path, Tensor: name, Off: at, HasOff: true, Err: err}
	}
	if v.contiguous() {
		readable(out, io.NewSectionReader(t.r, at, size), t.path, at)
	} else {
		readable(out, &strided{r: t.r, at: at, unit: unit, shape: v.shape, stride: v.stride, size: size}, t.path, at)
	}
	return out, nil
}

// contiguous reports whether a view's elements follow each other.
func (t *torchTensor) contiguous() bool {
	want := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] == 0 {
			return true
		}
		if t.shape[i] > 1 && t.stride[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}
