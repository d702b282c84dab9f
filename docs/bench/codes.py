#!/usr/bin/env python3
"""GPTQ and AWQ on uniform grids by quern and by a peer: the same model, the same tokens, the same bits, group and kind of zero; one tool, quern verify, scores all.

usage: codes.py --quern BIN --model FOLDER --calibration TEXT --text TEXT --work DIR --gptqmodel PYTHON --llmcompressor PYTHON
                [--rows "gptqmodel:gptq:4:64:sym llmcompressor:awq:4:64:asym"] [--chunks 32] [--test-chunks 20] [--threads 2]

Each PYTHON belongs to an environment with that peer. Times are of the whole command; CPU seconds count what all threads used, which
other work on the machine changes less than the clock. Prints Markdown. Nothing here is needed to use quern.
"""
import argparse, json, os, shutil, subprocess, time

p = argparse.ArgumentParser()
for name in ('quern', 'model', 'calibration', 'text', 'work'):
    p.add_argument('--' + name, required=True)
for name in ('gptqmodel', 'llmcompressor'):
    p.add_argument('--' + name)
p.add_argument('--rows', default='gptqmodel:gptq:4:128:sym gptqmodel:gptq:4:64:sym gptqmodel:gptq:4:32:sym gptqmodel:gptq:3:64:sym gptqmodel:gptq:2:64:sym '
               'llmcompressor:gptq:4:64:sym llmcompressor:awq:4:64:asym gptqmodel:awq:4:64:asym')
for name, value in (('chunks', 32), ('ctx', 512), ('test-chunks', 20), ('threads', 2)):
    p.add_argument('--' + name, type=int, default=value)
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
out = lambda name: os.path.join(a.work, name)
environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads), MKL_NUM_THREADS=str(a.threads), CUDA_VISIBLE_DEVICES='', GPTQMODEL_CPU_WORKERS=str(max(2, a.threads)))


def timed(log, *cmd):
    """Runs cmd; wall and CPU seconds, and MB of memory at most."""
    began = time.time()
    with open(log, 'w') as f:
        child = subprocess.Popen(cmd, stdout=f, stderr=subprocess.STDOUT, env=environment)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f'{" ".join(cmd)} failed: see {log}')
    return time.time() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


print('| method | bits, group | by | perplexity | KL divergence | same top token | wall, s | CPU, s | memory, MB |')
print('| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |')
for row in a.rows.split():
    tool, method, bits, group, kind = row.split(':')
    size = ['--bits', bits, '--group', group]
    ours, theirs = out('quern-' + row.replace(':', '-')), out(row.replace(':', '-'))
    for folder in (ours, theirs):
        shutil.rmtree(folder, ignore_errors=True)
    spent = [timed(ours + '.log', a.quern, 'quantize', a.model, '--format', 'awq' if method == 'awq' and bits == '4' else 'compressed-tensors' if method == 'awq' else 'gptq',
                   '--' + kind, *size, '--method', method, '--text', a.calibration, '--ctx', str(a.ctx), '--chunks', str(a.chunks), '--threads', str(a.threads), '-o', ours),
             timed(theirs + '.log', getattr(a, tool), os.path.join(os.path.dirname(os.path.abspath(__file__)), 'codes_peer.py'), '--tool', tool, '--method', method,
                   *size, *(['--sym'] if kind == 'sym' else []), '--model', a.model, '--text', a.calibration, '--ctx', str(a.ctx), '--chunks', str(a.chunks), '--out', theirs)]
    got = subprocess.run([a.quern, 'verify', '--base', a.model, '--quant', ours, '--quant', theirs, '--text', a.text, '--chunks', str(a.test_chunks), '--json'],
                         capture_output=True)
    if not got.stdout:
        raise SystemExit(got.stderr.decode())
    for name, m, (wall, cpu, memory) in zip(('quern', tool), json.loads(got.stdout)['models'][1:], spent):
        k, top = m['versus_base']['kld']['mean'], m['versus_base']['same_top']
        print(f"| {method} | {bits}, {group} {kind} | {name} | {m['perplexity']['value']:.3f} | {k['value']:.4f} ± {k['error']:.4f} | {100 * top['value']:.2f} % "
              f"| {wall:.0f} | {cpu:.0f} | {memory:.0f} |", flush=True)
    for folder in (ours, theirs):
        shutil.rmtree(folder, ignore_errors=True)
