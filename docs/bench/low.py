#!/usr/bin/env python3
"""KL divergence of files of the same types, from quern and from llama-quantize, with one importance matrix for both.

usage: low.py --quern BIN --model FOLDER --calibration TEXT [--calibration TEXT …] --text TEXT --work DIR --llama-quantize BIN
              [--types "IQ1_S IQ2_XXS"] [--chunks 64] [--test-chunks 20] [--mode exact]

Prints Markdown: the means over calibration texts, how much less quern's files lose on the same predictions, and the 95 % interval of
that. It holds what chunks differ by and, from two calibration texts on, what these do: another importance matrix is another draw
of the rounding. What was made before is used again. Nothing here is needed to use quern.
"""
import argparse, json, math, os, statistics, subprocess

p = argparse.ArgumentParser()
for name in ('quern', 'model', 'text', 'work', 'llama-quantize'):
    p.add_argument('--' + name, required=True)
p.add_argument('--calibration', required=True, action='append')
p.add_argument('--types', default='IQ1_S IQ1_M IQ2_XXS IQ2_XS IQ2_S IQ2_M Q2_K IQ3_XXS IQ3_XS IQ3_S IQ3_M Q3_K_M IQ4_XS IQ4_NL Q4_K_M TQ2_0 Q2_0 Q1_0 MXFP4_MOE')
p.add_argument('--chunks', default='64')
p.add_argument('--test-chunks', default='20')
p.add_argument('--mode', default='exact', help='of the calibration')
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
out = lambda name: os.path.join(a.work, name)
run = lambda *cmd: subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def once(name, *cmd):
    """runs a command that writes name, unless it is there; a command that is cut off leaves another name"""
    if not os.path.exists(out(name)):
        run(*[out('part-' + name) if c == '@' else c for c in cmd])
        os.rename(out('part-' + name), out(name))
    return out(name)


def measure(kind, importance, mark):
    theirs = once(f'llama-{kind}{mark}.gguf', a.llama_quantize, '--imatrix', importance, f16, '@', kind, '2')
    run(a.quern, 'quantize', f16, kind, '--imatrix', importance, '-f', '-o', out('quern.gguf'))
    got = json.loads(subprocess.run([a.quern, 'verify', '--base', f16, '--quant', out('quern.gguf'), '--quant', theirs,
                                     '--text', a.text, '--chunks', a.test_chunks, '--cache', out('cache'), '--json'], capture_output=True, check=True).stdout)
    ours, theirs = (m['versus_base']['kld']['mean'] for m in got['models'][1:])
    pair, unit = got['pairs'][0]['kld'], theirs['value']
    return ours, theirs, pair['value'] / unit, (pair['high'] - pair['low']) / 2 / 1.96 / unit


f16 = once('f16.gguf', a.quern, 'convert', a.model, '--outtype', 'f16', '-o', '@')
calibrated = []
for i, text in enumerate(a.calibration):
    mark = f'-{i}' if i else ''
    calibrated.append((once(f'importance{mark}.gguf', a.quern, 'calibrate', f16, '--text', text, '--chunks', a.chunks, '--mode', a.mode, '-o', '@'), mark))
print('| file type | quern | llama-quantize | difference | 95 % of the difference |\n| --- | ---: | ---: | ---: | ---: |')
part = lambda v: f'{100 * v:+.1f} %'.replace('-', '−')
for kind in a.types.split():
    got = [measure(kind, *c) for c in calibrated]
    mean = lambda i: f"{statistics.mean(g[i]['value'] for g in got):.4f} ± {statistics.mean(g[i]['error'] for g in got):.4f}"
    by = statistics.mean(g[2] for g in got)
    error = math.sqrt(statistics.mean(g[3] ** 2 for g in got) + (statistics.variance([g[2] for g in got]) / len(got) if len(got) > 1 else 0))
    print(f'| {kind} | {mean(0)} | {mean(1)} | {part(by)} | {part(by - 1.96 * error)} … {part(by + 1.96 * error)} |', flush=True)
