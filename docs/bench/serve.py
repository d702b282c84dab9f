#!/usr/bin/env python3
"""Folders that quern makes, as runtimes read them: perplexity there and in quern verify, and a greedy continuation.

usage: serve.py --quern BIN --model FOLDER --text TEXT --work DIR [--transformers PYTHON] [--compressed PYTHON] [--mlx PYTHON] [--calibration TEXT]
                [--rows "transformers:gptq:--bits 4 --group 64;mlx:mlx:"] [--chunks 4] [--calibration-chunks 8]

PYTHON of --transformers has transformers, optimum and gptqmodel, that of --compressed transformers and compressed-tensors, that of --mlx mlx-lm. Rows
without their PYTHON are left out. Prints Markdown; ends with status 1 where perplexities differ by more than 0.5 %. Nothing here is needed to use quern.
"""
import argparse, json, os, shutil, subprocess, sys

ROWS = ('transformers:gptq:--bits 4 --group 64;transformers:gptq:--bits 8 --group 32;transformers:gptq:--bits 4 --group 64 --method gptq --order desc-act;'
        'transformers:gptq_v2:--bits 4 --group 64 --asym;transformers:awq:--group 64 --method awq;'
        'compressed:compressed-tensors:--bits 4 --group 64;compressed:compressed-tensors:--bits 4 --group 32 --method awq+gptq;'
        'compressed:compressed-tensors:--bits 8 --group -1;mlx:mlx:--bits 4 --group 64;mlx:mlx:--bits 8 --group 32 --method gptq')
p = argparse.ArgumentParser()
for name in ('quern', 'model', 'text', 'work'):
    p.add_argument('--' + name, required=True)
for name in ('transformers', 'compressed', 'mlx', 'calibration'):
    p.add_argument('--' + name)
p.add_argument('--rows', default=ROWS)
for name, value in (('chunks', 4), ('calibration-chunks', 8)):
    p.add_argument('--' + name, type=int, default=value)
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
here, bad = os.path.dirname(os.path.abspath(__file__)), False


def last(*cmd, **more):
    """Runs cmd; the last line that it prints."""
    got = subprocess.run(cmd, capture_output=True, text=True, **more)
    if got.returncode or not got.stdout.strip():
        raise RuntimeError((got.stderr.strip() or got.stdout.strip() or 'no word').splitlines()[-1])
    return got.stdout.strip().splitlines()[-1]


print('| runtime | format | options | layers there | perplexity there | quern verify | difference | goes on with |')
print('| --- | --- | --- | --- | ---: | ---: | ---: | --- |')
for row in a.rows.split(';'):
    runtime, form, options = row.split(':', 2)
    python = getattr(a, runtime)
    if not python or '--method' in options and not a.calibration:
        continue
    out = os.path.join(a.work, 'folder')
    shutil.rmtree(out, ignore_errors=True)
    method = ['--text', a.calibration, '--chunks', str(a.calibration_chunks)] if '--method' in options else []
    try:
        last(a.quern, 'quantize', a.model, '--format', form, *options.split(), *method, '-o', out, stdin=subprocess.DEVNULL)
        ours = json.loads(subprocess.run([a.quern, 'verify', out, '--text', a.text, '--chunks', str(a.chunks), '--json'], capture_output=True, check=True).stdout)
        ours = ours['models'][0]['perplexity']['value']
        got = json.loads(last(python, os.path.join(here, 'serve_peer.py'), 'mlx' if runtime == 'mlx' else 'transformers', out, a.text, str(a.chunks)))
    except Exception as e:
        print(f'| {runtime} | {form} | `{options}` | failed: {e} | | | | |', flush=True)
        bad = True
        continue
    off = got['perplexity'] / ours - 1
    bad = bad or abs(off) > 0.005
    print(f"| {runtime} | {form} | `{options}` | {got['layers']} | {got['perplexity']:.4f} | {ours:.4f} | {100 * off:+.3f} % | {got['goes_on']!r} |", flush=True)
sys.exit(bad)
