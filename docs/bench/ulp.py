#!/usr/bin/env python3
"""How far the perplexity of one GGUF is defined at all: the same file with some of its norms changed by one unit in the last place.

usage: ulp.py --quern quern --peer PYTHON --text FILE [--chunks 20] [--files 8] [--work DIR] MODEL.gguf…

Each copy has a random half of its float32 weights of norms moved to the next float32. quern (deploy mode) and llama-cpp-python
(docs/bench/peers_ppl.py, run by PYTHON) compute the perplexity of every copy; the spread of each over the copies is what rounding
decides, and the means are compared with the standard error that is left. Needs numpy and gguf.
"""
import argparse, json, os, shutil, subprocess
import numpy as np
from gguf import GGMLQuantizationType, GGUFReader

a = argparse.ArgumentParser()
a.add_argument('--quern', default='quern')
a.add_argument('--peer', required=True)
a.add_argument('--text', required=True)
a.add_argument('--chunks', type=int, default=20)
a.add_argument('--files', type=int, default=8)
a.add_argument('--work', default='.')
a.add_argument('models', nargs='+')
a = a.parse_args()


def moved(model, seed, path):
    """A copy of the model with some weights of its norms one float32 further from zero; seed 0 is the file itself."""
    shutil.copyfile(model, path)
    norms = [t for t in GGUFReader(path).tensors if t.tensor_type == GGMLQuantizationType.F32 and t.name.endswith('norm.weight')]
    assert norms, 'no norms in float32'
    rng = np.random.default_rng(seed)
    out = np.memmap(path, dtype=np.uint8, mode='r+')
    for t in norms:
        bits = out[t.data_offset:t.data_offset + t.n_bytes].view(np.uint32)
        if seed:
            bits += rng.integers(0, 2, bits.shape, dtype=np.uint32)
    out.flush()


def ours(path):
    r = subprocess.run([a.quern, 'verify', path, '--text', a.text, '--chunks', str(a.chunks), '--json'], check=True, capture_output=True, text=True)
    return json.loads(r.stdout)['models'][0]['perplexity']['value']


def theirs(path):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers_ppl.py')
    r = subprocess.run([a.peer, script, path, a.text, str(a.chunks)], check=True, capture_output=True, text=True)
    return json.loads(r.stdout.strip().splitlines()[-1])['perplexity']


print('| file | quern | its spread | llama-cpp-python | its spread | difference of the means |\n| --- | ---: | ---: | ---: | ---: | ---: |')
for model in a.models:
    path = os.path.join(a.work, 'ulp-' + os.path.basename(model))
    q, p = [], []
    for seed in range(a.files):
        moved(model, seed, path)
        q.append(ours(path))
        p.append(theirs(path))
        print(os.path.basename(model), seed, q[-1], p[-1], file=os.sys.stderr, flush=True)
    os.remove(path)
    lq, lp = np.log(q), np.log(p)
    error = np.sqrt((lq.var(ddof=1) + lp.var(ddof=1)) / a.files)
    percent = lambda v: f'{100 * v:.3f} %'
    print(f'| {os.path.basename(model)} | {np.exp(lq.mean()):.4f} | {percent(lq.std(ddof=1))} | {np.exp(lp.mean()):.4f} | {percent(lp.std(ddof=1))} | '
          f'{100 * (lq.mean() - lp.mean()):+.3f} % ± {100 * error:.3f} |', flush=True)
