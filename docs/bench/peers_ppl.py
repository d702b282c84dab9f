#!/usr/bin/env python3
"""Perplexity of a GGUF by llama-perplexity's protocol, computed with llama-cpp-python.

usage: peers_ppl.py MODEL.gguf TEXT CHUNKS [THREADS] [CTX]   prints JSON
"""
import json, sys, time
import numpy as np
from llama_cpp import Llama

path, text, chunks = sys.argv[1], sys.argv[2], int(sys.argv[3])
threads = int(sys.argv[4]) if len(sys.argv) > 4 else 2
CTX = int(sys.argv[5]) if len(sys.argv) > 5 else 512
llm = Llama(path, n_ctx=CTX, n_batch=CTX, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False)
meta = llm.metadata
tokens = llm.tokenize(open(text, 'rb').read(), add_bos=True, special=False)
adds_bos = bool(tokens) and tokens[0] == llm.token_bos() and meta.get('tokenizer.ggml.add_bos_token', 'true') == 'true'
nll, spent = [], 0.0
for c in range(min(chunks, len(tokens) // CTX)):
    chunk = list(tokens[c * CTX:(c + 1) * CTX])
    if adds_bos:
        chunk[0] = llm.token_bos()
    llm.reset()
    began = time.time()
    llm.eval(chunk)
    spent += time.time() - began
    z = np.array(llm.scores[CTX // 2:CTX - 1], dtype=np.float64)
    top = z.max(axis=1, keepdims=True)
    lse = (top + np.log(np.exp(z - top).sum(axis=1, keepdims=True)))[:, 0]
    want = tokens[c * CTX + CTX // 2 + 1:(c + 1) * CTX]
    nll += list(lse - z[np.arange(len(want)), want])
nll = np.array(nll)
m, n = nll.mean(), len(nll)
print(json.dumps({'perplexity': float(np.exp(m)), 'error': float(np.exp(m) * np.sqrt(nll.var() / (n - 1))),
                  'chunk_nll': nll.reshape(-1, CTX - 1 - CTX // 2).mean(axis=1).tolist(), 'scored': n, 'tokens_per_second': len(nll) / 255 * CTX / spent}))
