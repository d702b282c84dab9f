"""Does a folder that quern rebuilt from a GGUF give transformers the original logits and tokens?

usage: export.py QUERN GOLDEN WORK        (GOLDEN/NAME has hf/, tokens.json, logits.f32; python with torch and transformers)

For every family: hf -> F32 GGUF -> export; the folder's logits are compared with those of the original folder, and the tokens of some
texts with those of the original tokenizer. Prints a line for each, and the largest difference relative to the logits' spread.
"""
import json, os, shutil, subprocess, sys
import numpy as np, torch
from transformers import AutoModelForCausalLM, AutoTokenizer

quern, golden, work = sys.argv[1:4]
TEXTS = ["Hello, world!", "  two  blanks\n\nand 12345 digits", "naïve café — 日本語 🙂", "def f(x):\n\treturn x**2\n"]
worst = 0.0
for name in sorted(os.listdir(golden)):
    src = os.path.join(golden, name, "hf")
    gguf, out = os.path.join(work, name + ".gguf"), os.path.join(work, name)
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([quern, "convert", src, "-o", gguf, "--outtype", "f32", "--force"], capture_output=True, text=True)
    if done.returncode:
        print(f"{name:12} not converted: {done.stderr.strip().splitlines()[0][:100]}")
        continue
    subprocess.run([quern, "export", gguf, "-o", out], check=True, capture_output=True)
    tokens = json.load(open(os.path.join(golden, name, "tokens.json")))
    tokens = tokens["tokens"] if isinstance(tokens, dict) else tokens
    logits = {}
    for path in (src, out):
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
        with torch.no_grad():
            logits[path] = model(torch.tensor([tokens])).logits[0].numpy()
    want = np.fromfile(os.path.join(golden, name, "logits.f32"), np.float32).reshape(logits[out].shape)
    spread = want.std()
    d_file, d_run = np.abs(logits[out] - want).max() / spread, np.abs(logits[out] - logits[src]).max() / spread
    a, b = AutoTokenizer.from_pretrained(src), AutoTokenizer.from_pretrained(out)
    same = sum(a(t)["input_ids"] == b(t)["input_ids"] for t in TEXTS)
    worst = max(worst, d_run)
    print(f"{name:12} {type(model).__name__:24} against the original {d_run:.1e}, against stored logits {d_file:.1e}, {same} of {len(TEXTS)} texts")
print(f"largest difference {worst:.1e} of the spread")
