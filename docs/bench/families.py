#!/usr/bin/env python3
"""Every family against transformers, the reference converter and llama.cpp, on tiny checkpoints.

usage: families.py QUERN GOLDEN WORK [--llama PYTHON] [NAME…]

GOLDEN/NAME has hf/ (a checkpoint), tokens.json, logits.f32 (transformers', float32) and ref-f32.gguf (the reference converter's). This
interpreter needs numpy, gguf, torch and transformers; PYTHON needs llama-cpp-python. For each family, in a row of the table:

  logits    quern's logits in exact mode, from the folder, against logits.f32: the largest difference in spreads (standard deviations)
  gguf      the same from the F32 GGUF that quern writes
  keys      the file's keys, kinds, values and order against ref-f32.gguf: those that differ, + for more, - for fewer
  tensors   names, order, types, shapes and bytes: how many are equal
  llama.cpp its logits of quern's file against quern's
  export    transformers' logits of the folder that `quern export` makes of that file, against those of the original folder; and how many of
            four texts have the original's tokens
"""
import argparse, json, os, shutil, subprocess, sys
import numpy as np

LLAMA = '''
import json, sys, numpy as np, llama_cpp
path, tokens, out = sys.argv[1:4]
tokens = json.load(open(tokens))
m = llama_cpp.Llama(path, n_ctx=max(64, len(tokens)), n_batch=512, logits_all=True, n_gpu_layers=0, n_threads=1, verbose=False,
                    type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32, flash_attn=False)
m.eval(tokens)
np.save(out, np.array(m.scores[:len(tokens)], np.float32))
'''


def run(*cmd):
    done = subprocess.run(cmd, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or 'status %d' % done.returncode).splitlines()[0][-200:])


def far(a, b, spread):
    return f'{np.abs(a.astype(np.float64) - b).max() / spread:.1e}'


def meta(path):
    import gguf
    r = gguf.GGUFReader(path)
    keys = {k: ([str(t.name) for t in f.types], f.contents()) for k, f in r.fields.items() if not k.startswith('GGUF.')}
    return keys, [(t.name, t.tensor_type.name, tuple(t.shape), t.data.tobytes()) for t in r.tensors]


def compare(ours, ref):
    (ka, ta), (kb, tb) = meta(ours), meta(ref)
    differ = ['+' + k for k in ka if k not in kb] + ['-' + k for k in kb if k not in ka]
    differ += [k for k in ka if k in kb and ka[k] != kb[k]]
    if [k for k in ka if k in kb] != [k for k in kb if k in ka]:
        differ.append('order')
    equal = sum(a == b for a, b in zip(ta, tb))
    return ' '.join(differ) or 'equal', f'{equal} of {max(len(ta), len(tb))}'


def transformers_logits(path, tokens):
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
    try:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation='eager').eval()
    except ValueError:  # a model that sees
        model = AutoModelForImageTextToText.from_pretrained(path, dtype=torch.float32, attn_implementation='eager').eval()
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


TEXTS = ['Hello, world!', '  two  blanks\n\nand 12345 digits', 'naïve café — 日本語 🙂', 'def f(x):\n\treturn x**2\n']


def same_tokens(src, out):
    from transformers import AutoTokenizer
    a, b = AutoTokenizer.from_pretrained(src), AutoTokenizer.from_pretrained(out)
    return sum(a(t)['input_ids'] == b(t)['input_ids'] for t in TEXTS)


def row(a, name):
    src, gguf, out = os.path.join(a.golden, name, 'hf'), os.path.join(a.work, name + '.gguf'), os.path.join(a.work, name)
    tokens = json.load(open(os.path.join(a.golden, name, 'tokens.json')))
    tokens = tokens['tokens'] if isinstance(tokens, dict) else tokens
    ids, npy = os.path.join(a.work, name + '.json'), os.path.join(a.work, name + '.npy')
    json.dump(tokens, open(ids, 'w'))
    want = np.fromfile(os.path.join(a.golden, name, 'logits.f32'), np.float32).reshape(len(tokens), -1)
    spread = want.std()

    def ours(path):
        run(a.quern, 'logits', path, '--tokens', ids, '-o', npy)
        return np.load(npy)

    cells = dict.fromkeys(('logits', 'gguf', 'keys', 'tensors', 'llama.cpp', 'export'), '')
    step = 'logits'
    try:
        cells[step] = far(ours(src), want, spread)
        step = 'gguf'
        run(a.quern, 'convert', src, '-o', gguf, '--outtype', 'f32', '--force')
        mine = ours(gguf)
        cells[step] = far(mine, want, spread)
        step = 'keys'
        ref = os.path.join(a.golden, name, 'ref-f32.gguf')
        if os.path.exists(ref):
            cells['keys'], cells['tensors'] = compare(gguf, ref)
        step = 'llama.cpp'
        if a.llama:
            try:
                run(a.llama, '-c', LLAMA, gguf, ids, npy)
                cells[step] = far(np.load(npy), mine, spread)
            except RuntimeError as e:
                cells[step] = str(e)
        step = 'export'
        shutil.rmtree(out, ignore_errors=True)
        run(a.quern, 'export', gguf, '-o', out)
        cells[step] = far(transformers_logits(out, tokens), transformers_logits(src, tokens), spread)
        cells[step] += f', {same_tokens(src, out)} texts'
    except RuntimeError as e:
        cells[step] = str(e)
    return cells


p = argparse.ArgumentParser()
for arg in ('quern', 'golden', 'work'):
    p.add_argument(arg)
p.add_argument('names', nargs='*')
p.add_argument('--llama')
a = p.parse_intermixed_args()
os.makedirs(a.work, exist_ok=True)
head = ['family', 'logits', 'gguf', 'keys', 'tensors', 'llama.cpp', 'export']
print('| ' + ' | '.join(head) + ' |\n|' + ' --- |' * len(head))
for name in a.names or sorted(os.listdir(a.golden)):
    cells = row(a, name)
    print('| ' + ' | '.join([name] + [cells[h] for h in head[1:]]) + ' |', flush=True)
