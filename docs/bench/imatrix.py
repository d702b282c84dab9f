#!/usr/bin/env python3
"""Importance matrices of quern beside those of llama-imatrix: the same sums, and what they are worth.

usage: imatrix.py --quern BIN --model HF_FOLDER --calibration FILE --text FILE --work DIR [--llama-imatrix BIN]
                  [--chunks 20] [--types Q2_K,Q4_K_M]

Needs numpy and gguf. Text to calibrate on and text to measure on must be different ones.
"""
import argparse, json, os, subprocess, time

import numpy as np
from gguf import GGUFReader

p = argparse.ArgumentParser()
for name in ('quern', 'model', 'calibration', 'text', 'work'):
    p.add_argument('--' + name, required=True)
p.add_argument('--llama-imatrix')
p.add_argument('--chunks', default='20')
p.add_argument('--types', default='Q2_K,Q4_K_M')
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
out = lambda name: os.path.join(a.work, name)


def run(*cmd):
    began = time.time()
    done = subprocess.run(cmd, check=True, capture_output=True, text=True)
    return time.time() - began, done.stdout


def sums(path):
    return {t.name: np.array(t.data, dtype=np.float64).ravel() for t in GGUFReader(path).tensors}


def compare(ours, theirs):
    """greatest difference of a column and of a tensor's sum, and the share of columns within 1e-3"""
    x, y = sums(ours), sums(theirs)
    assert set(x) == set(y) and all((x[n] == y[n]).all() for n in x if n.endswith('.counts'))
    names = [n for n in x if n.endswith('.in_sum2')]
    off = np.concatenate([abs(x[n] - y[n]) / y[n] for n in names])
    total = max(abs(x[n].sum() - y[n].sum()) / y[n].sum() for n in names)
    return f'{off.max():.1e} | {total:.1e} | {100 * (off < 1e-3).mean():.2f} %'


seconds = {}
for kind in ('f32', 'f16'):
    run(a.quern, 'convert', a.model, '--outtype', kind, '-f', '-o', out(kind + '.gguf'))
    seconds['quern', kind], _ = run(a.quern, 'calibrate', out(kind + '.gguf'), '--text', a.calibration, '--chunks', a.chunks, '-f', '-o', out(f'quern-{kind}.gguf'))
if a.llama_imatrix:
    exact = ['-fa', 'off', '-ctk', 'f32', '-ctv', 'f32']
    for name, kind, flags in (('f32', 'f32', exact), ('f16', 'f16', []), ('f16-plain', 'f16', ['-fa', 'off', '-b', '512'])):
        seconds['llama-imatrix', name], _ = run(a.llama_imatrix, '-m', out(kind + '.gguf'), '-f', a.calibration, '-o', out(f'llama-{name}.gguf'),
                                                '--chunks', a.chunks, '--no-ppl', *flags)
    print('| sums of squares | largest difference of a column | of a tensor | columns within 1e-3 |\n| --- | ---: | ---: | ---: |')
    for what, ours, theirs in (('quern and llama-imatrix, F32 file', 'quern-f32', 'llama-f32'), ('quern and llama-imatrix, F16 file', 'quern-f16', 'llama-f16'),
                               ('llama-imatrix with and without flash attention, F16 file', 'llama-f16-plain', 'llama-f16')):
        print(f'| {what} | {compare(out(ours + ".gguf"), out(theirs + ".gguf"))} |')
    print(f'\n{a.chunks} chunks of the F16 file: quern {seconds["quern", "f16"]:.0f} s, llama-imatrix {seconds["llama-imatrix", "f16"]:.0f} s\n')
types = a.types.split(',')
ways = {'none': [], 'quern': ['--imatrix', out('quern-f16.gguf')]}
if a.llama_imatrix:
    ways['llama-imatrix'] = ['--imatrix', out('llama-f16.gguf')]
print('| type | importance | KL divergence | same top token |\n| --- | --- | ---: | ---: |')
for way, flags in ways.items():
    run(a.quern, 'quantize', out('f16.gguf'), *types, *flags, '-f', '-o', out(way + '-{type}.gguf'))
for t in types:
    for way in ways:
        _, text = run(a.quern, 'verify', '--base', out('f16.gguf'), '--quant', out(f'{way}-{t}.gguf'), '--text', a.text, '--chunks', '20', '--json')
        d = json.loads(text)['models'][1]['versus_base']
        k, s = d['kld']['mean'], d['same_top']
        print(f'| {t} | {way} | {k["value"]:.4f} ± {k["error"]:.4f} | {100 * s["value"]:.2f} % ± {100 * s["error"]:.2f} |', flush=True)
