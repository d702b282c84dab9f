"""Makes plamo.json: a tiny vocabulary of PLaMo's kind, of pieces of the text below, and the tokens that llama.cpp (llama-cpp-python 0.3.36; the vocabulary file written by
gguf 0.19) makes of some texts; besides, by the naive rule below, where a tokenizer_config.json cuts around runs. Run it as: python plamo.py plamo.json"""

import collections
import json
import math
import os
import re
import sys
import tempfile

import gguf
import llama_cpp

CORPUS = (
    "the mill turns and the stone grinds the grain; the miller pours grain into the quern, and the quern turns slowly. "
    "a quern is a pair of stones: the upper stone turns upon the lower, and what was grain comes out as meal and flour. "
    "日本語の石臼。石臼は日本語で「いしうす」。  四つの    空白。\n\n新しい行。caf\u00e9 caf\u00e9. 12 sacks, 34 bushels and 5 pecks: 1250 pounds in all. ===== -----"
)
TEXTS = [
    "", " ", "\n", "the mill turns", "The Mill turns, and turns.", "  two  blanks  and   three ", "石臼は新しい。 日本 語", "caf\u00e9 cafe\u0301", "\ufeffthe order mark", "x\ufeffy",
    "<|plamo:bos|>the<|plamo:eos|> quern", "<|plamo:none such|> <|plamo:none|>", "the quern<|plamo:op|>\n", "\U0001f600 smile \u0416", "\u2581mark\u2581", "=" * 9 + " and " + "-" * 3, "grain" * 30,
    "<0x41> is no byte", "what was  grain       comes", "\x00\x7f\x80", "石" * 5 + "\n" * 6,
]


def vocabulary():
    rows = [[t, 0, k] for t, k in (("<|plamo:unk|>", "UNKNOWN"), ("<|plamo:bos|>", "CONTROL"), ("<|plamo:eos|>", "CONTROL"), ("<|plamo:pad|>", "CONTROL"), ("<|plamo:op|>", "NORMAL"))]
    rows += [[f"<0x{b:02X}>", 0, "BYTE"] for b in range(256)]
    count = collections.Counter(CORPUS[i:j] for i in range(len(CORPUS)) for j in range(i + 1, min(i + 10, len(CORPUS)) + 1))
    for n, (piece, times) in enumerate(count.most_common(220)):
        rows.append([piece, round(math.log(times / len(CORPUS)) - 0.017 * len(piece), 4 + n % 2), "NORMAL", n, 0, 0, 0])
    return rows


def naive(rows, text, repeated=None, blanks=None):
    """the tokens of a text, cut around what is spelled like a control token and around runs"""
    scores = {r[0]: (round(r[1] * 1e4), i) for i, r in enumerate(rows) if r[2] != "BYTE"}
    first = next(i for i, r in enumerate(rows) if r[2] == "BYTE")
    runs = ([r"(.)\2{%d,}" % (repeated - 1)] if repeated else []) + (["( ){%d,}" % blanks] if blanks else [])
    pieces = re.split(r"(<\|plamo:[^|\s]{,64}\|>)", text)
    if runs:
        pieces = [p for piece in pieces for p in apart(re.compile("(%s)" % "|".join(runs)), piece)]
    out = []
    for t in pieces:
        best = [None] * len(t) + [(0, None, 0)]
        for i in range(len(t) - 1, -1, -1):
            ways = [(best[j][0] + scores[t[i:j]][0], j, scores[t[i:j]][1]) for j in range(i + 1, len(t) + 1) if t[i:j] in scores]
            best[i] = max(ways + [(best[i + 1][0] - 10000000, i + 1, -1)], key=lambda w: (w[0], w[2] >= 0, w[1]))
        i = 0
        while i < len(t):
            _, j, token = best[i]
            out += [token] if token >= 0 else [first + b for b in t[i].encode()]
            i = j
    return out


def apart(pattern, text):
    out, at = [], 0
    for m in pattern.finditer(text):
        out += [text[at : m.start()], m.group()]
        at = m.end()
    return out + [text[at:]]


def llama(rows):
    kinds = {"UNKNOWN": 2, "CONTROL": 3, "BYTE": 6}
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "v.gguf")
        w = gguf.GGUFWriter(path, "plamo3")
        w.add_tokenizer_model("plamo2")
        w.add_tokenizer_pre("default")
        w.add_token_list([r[0] for r in rows])
        w.add_token_scores([float(r[1]) for r in rows])
        w.add_token_types([kinds.get(r[2], 3 if r[0].startswith("<|plamo:") else 1) for r in rows])
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.close()
        m = llama_cpp.Llama(path, vocab_only=True, verbose=False)
        return [[m.tokenize(t.encode(), add_bos=False, special=s) for t in TEXTS] for s in (False, True)]


rows = vocabulary()
plain, special = llama(rows)
files = {
    "tokenizer.jsonl": "".join(json.dumps(r) + "\n" for r in rows),
    "tokenizer_config.json": json.dumps({"bos_token": "<|plamo:bos|>", "eos_token": "<|plamo:eos|>", "pad_token": "<|plamo:pad|>", "unk_token": "<|plamo:unk|>", "add_bos_token": True}),
}
broken = [naive(rows, t, 4, 3) for t in TEXTS]
whole = [naive(rows, t) for t in TEXTS]
json.dump({"texts": TEXTS, "files": files, "plain": plain, "special": special, "folder": whole, "broken": broken}, open(sys.argv[1], "w"), separators=(",", ":"))
