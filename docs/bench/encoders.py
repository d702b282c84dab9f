#!/usr/bin/env python3
"""Speed of llama.cpp's encoders alone, on one core, without its tables' start-up: what `go test -bench Encode ./quantize` says of quern's.

usage: encoders.py --ggml libggml-base.so [--types "IQ2_XXS …"]

Rows of 4096 normally distributed weights, columns' importance log-normal with a deviation of 1.2, as in that test; the best of many
short calls, in million weights a second of CPU time. Needs numpy. Nothing here is needed to use quern.
"""
import argparse, ctypes, time
import numpy as np

numbers = dict(Q4_0=2, Q4_1=3, Q5_0=6, Q5_1=7, Q8_0=8, Q2_K=10, Q3_K=11, Q4_K=12, Q5_K=13, Q6_K=14, IQ1_S=19, IQ1_M=29, IQ2_XXS=16, IQ2_XS=17,
               IQ2_S=22, IQ3_XXS=18, IQ3_S=21, IQ4_NL=20, IQ4_XS=23, MXFP4=39, NVFP4=40)
p = argparse.ArgumentParser()
p.add_argument('--ggml', required=True)
p.add_argument('--types', default='IQ1_S IQ1_M IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ3_S IQ4_NL IQ4_XS')
a = p.parse_args()
ggml = ctypes.CDLL(a.ggml)
encode = ggml.ggml_quantize_chunk
encode.restype = ctypes.c_size_t
encode.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
cols, rows = 4096, 4
random = np.random.default_rng(1)
x = (random.standard_normal((rows, cols)) * 0.02).astype(np.float32)
importance = np.exp(1.2 * random.standard_normal(cols)).astype(np.float32)
out = np.zeros(rows * cols * 4, np.uint8)
for name in a.types.split():
    ggml.ggml_quantize_init(numbers[name])
    best, end = float('inf'), time.process_time() + 0.6
    while time.process_time() < end:
        began = time.process_time()
        encode(numbers[name], x.ctypes.data, out.ctypes.data, 0, rows, cols, importance.ctypes.data)
        best = min(best, time.process_time() - began)
    print(f'{name:8} {rows * cols / best / 1e6:8.2f}', flush=True)
