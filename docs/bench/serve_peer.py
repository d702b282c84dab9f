#!/usr/bin/env python3
"""Perplexity of a folder in a runtime, by llama-perplexity's protocol, and what it goes on with; run by serve.py with the runtime's own python.

usage: serve_peer.py transformers|mlx FOLDER TEXT CHUNKS [CTX]   the last line is JSON
"""
import json, os, sys
runtime, folder, path, chunks = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
ctx = int(sys.argv[5]) if len(sys.argv) > 5 else 512
os.environ['CUDA_VISIBLE_DEVICES'] = ''

import numpy as np
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(folder)
text = open(path, encoding='utf-8').read()[:chunks * ctx * 16]
bos = tokenizer.bos_token_id if tokenizer('x')['input_ids'][:1] == [tokenizer.bos_token_id] else None
ids = tokenizer(text, add_special_tokens=bos is not None)['input_ids']

if runtime == 'mlx':
    import mlx.core as mx
    from mlx_lm import load
    mx.set_default_device(mx.cpu)
    model, _ = load(folder)
    model.set_dtype(mx.float32)  # as transformers below; on a CPU it is several times as fast as well
    logits = lambda tokens: np.array(model(mx.array([tokens]))[0].astype(mx.float32))
else:
    import torch
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(folder, device_map='cpu', dtype=torch.float32)
    model.eval()
    kind = next((type(m).__name__ for n, m in model.named_modules() if n.endswith('down_proj')), '')
    print('layers of', kind)

    def logits(tokens):
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits[0].float().numpy()

loss, scored = 0.0, 0
for c in range(chunks):
    chunk = list(ids[c * ctx:(c + 1) * ctx])
    assert len(chunk) == ctx, 'the text is too short'
    if bos is not None:
        chunk[0] = bos
    z = logits(chunk)[ctx // 2:ctx - 1].astype(np.float64)
    top = z.max(axis=1, keepdims=True)
    lse = top[:, 0] + np.log(np.exp(z - top).sum(axis=1))
    loss, scored = loss + (lse - z[np.arange(len(z)), chunk[ctx // 2 + 1:]]).sum(), scored + len(z)

said = list(ids[:16])
for _ in range(12):
    said.append(int(logits(said)[-1].argmax()))
print(json.dumps({'perplexity': float(np.exp(loss / scored)), 'goes_on': tokenizer.decode(said[16:]), 'layers': kind if runtime != 'mlx' else type(model).__module__}))
