#!/usr/bin/env python3
"""Logits of some tokens in llama.cpp, for the other scripts here.

usage: in_llama.py MODEL.gguf TOKENS.json OUT.npy [--cache 0] [--adapter FILE …] [--scale 1 …]

OUT gets [tokens][vocabulary] in float32. A model with an encoder and a decoder reads half of the tokens and one, and OUT gets a row for what begins and
for each other token. Keys and values are kept as the type with the number of --cache (0: F32, 1: F16). Needs llama-cpp-python.
"""
import argparse, ctypes, json
import numpy as np, llama_cpp as L

p = argparse.ArgumentParser()
for name in ('model', 'tokens', 'out'):
    p.add_argument(name)
p.add_argument('--cache', type=int, default=0)
p.add_argument('--adapter', nargs='*', default=[])
p.add_argument('--scale', nargs='*', type=float, default=[])
a = p.parse_args()
tokens = json.load(open(a.tokens))
m = L.Llama(a.model, n_ctx=max(64, len(tokens)), n_batch=512, logits_all=True, n_gpu_layers=0, n_threads=1, verbose=True, type_k=a.cache, type_v=a.cache, flash_attn=False)
if a.adapter:
    n = len(a.adapter)
    loaded = [L.llama_adapter_lora_init(m._model.model, path.encode()) for path in a.adapter]
    assert all(loaded), 'error loading the adapter'
    L.llama_set_adapters_lora(m._ctx.ctx, (L.llama_adapter_lora_p_ctypes * n)(*loaded), n, (ctypes.c_float * n)(*(a.scale or [1] * n)))
if L.llama_model_has_encoder(m._model.model):
    half = len(tokens) // 2 + 1
    for part, run in ((tokens[:half], L.llama_encode), ([L.llama_model_decoder_start_token(m._model.model)] + tokens[half:], L.llama_decode)):
        b = L.llama_batch_init(len(part), 0, 1)
        b.n_tokens = len(part)
        for i, t in enumerate(part):
            b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = t, i, 1, 1
            b.seq_id[i][0] = 0
        assert run(m._ctx.ctx, b) == 0
    logits = [np.ctypeslib.as_array(L.llama_get_logits_ith(m._ctx.ctx, i), (m.n_vocab(),)).copy() for i in range(len(part))]
else:
    m.eval(tokens)
    logits = m.scores[:len(tokens)]
np.save(a.out, np.array(logits, np.float32))
