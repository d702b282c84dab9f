"""Makes torch.json: small files that torch.save wrote (torch 2.15), and what is in them. Run it as: python torch_files.py torch.json"""

import base64
import collections
import io
import json
import sys

import torch


def saved(value, **options):
    f = io.BytesIO()
    torch.save(value, f, **options)
    return f.getvalue()


def listed(tensors):
    out = {}
    for name, t in tensors.items():
        t = t.detach().contiguous()
        out[name] = {"shape": list(t.shape), "dtype": str(t.dtype).split(".")[1], "bytes": bytes(t.clone().untyped_storage()).hex()}
    return out


torch.manual_seed(1)
a = torch.randn(3, 4)
dictionary = {
    "a": a,
    "transposed": a.t(),
    "later": a[1:],
    "columns": a[:, 1:3],
    "every other": a[::2, ::3],
    "twin": a,
    "three": torch.randn(2, 3, 4).permute(0, 2, 1),
    "mixed": torch.randn(2, 3, 4).permute(2, 0, 1),
    "parameter": torch.nn.Parameter(torch.randn(2, 2).to(torch.bfloat16)),
    "scalar": torch.tensor(3.5),
    "empty": torch.zeros(0, 4),
    "column": torch.randn(4, 1).t(),
}
for name in "float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool float8_e4m3fn float8_e5m2 uint16 uint32".split():
    dictionary[name] = torch.arange(-2, 4).to(getattr(torch, name)) if not name.startswith("u") else torch.arange(6).to(getattr(torch, name))

module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
kept = torch.nn.Parameter(torch.randn(2))
kept.tag = "attribute"

cases = {
    "dictionary": (dictionary, saved(dictionary)),
    "protocol 4": (dictionary, saved(dictionary, pickle_protocol=4)),
    "state_dict": (module.state_dict(), saved(module.state_dict())),
    "lightning": (module.state_dict(), saved({"epoch": 3, "state_dict": collections.OrderedDict(module.state_dict())})),
    "attributes": ({"kept": kept}, saved({"kept": kept})),
}
refused = {
    "module": saved(module),
    "nested": saved({"model": {"a": a}}),
    "number": saved({"a": a, "epoch": 3}),
    "legacy": saved({"a": a}, _use_new_zipfile_serialization=False),
    "sparse": saved({"a": a.to_sparse()}),
    "expanded": saved({"a": torch.zeros(1).expand(1000)}),
    "list": saved([a]),
}
with open(sys.argv[1], "w") as f:
    json.dump({
        "read": {name: {"file": base64.b64encode(data).decode(), "tensors": listed(tensors)} for name, (tensors, data) in cases.items()},
        "refused": {name: base64.b64encode(data).decode() for name, data in refused.items()},
    }, f, indent=1)
    f.write("\n")
