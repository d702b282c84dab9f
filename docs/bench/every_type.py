#!/usr/bin/env python3
"""One file of every type from quern: its perplexity by quern (deploy mode) and by llama-cpp-python, token by token the same text.

usage: every_type.py --quern BIN --model FOLDER --text TEXT --work DIR --python PYTHON_WITH_LLAMA_CPP [--importance FILE] [--types "…"] [--chunks 40] [--threads 2]

Prints Markdown. The error is that of the difference over chunks: where activations are int8, the last bit of a sum decides how one
rounds, and two correct programs differ by chance. Nothing here is needed to use quern.
"""
import argparse, json, math, os, statistics, subprocess

p = argparse.ArgumentParser()
for name in ('quern', 'model', 'text', 'work', 'python'):
    p.add_argument('--' + name, required=True)
p.add_argument('--importance')
p.add_argument('--types', default='F32 F16 BF16 Q8_0 Q6_K Q5_K_M Q5_1 Q5_0 Q4_K_M Q4_1 Q4_0 Q3_K_M Q2_K IQ4_NL IQ4_XS IQ3_M IQ3_S IQ3_XS IQ3_XXS IQ2_M IQ2_S IQ2_XS IQ2_XXS IQ1_M IQ1_S TQ1_0 TQ2_0 MXFP4_MOE MXFP4 NVFP4 Q2_0 Q1_0')
p.add_argument('--chunks', default='40')
p.add_argument('--threads', default='2')
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers_ppl.py')
minus = lambda v: f'{v:+.3f}'.replace('-', '−')
load = lambda *cmd: json.loads(subprocess.run(cmd, check=True, capture_output=True).stdout)

print('| type | quern | llama-cpp-python | difference | its error |\n| --- | ---: | ---: | ---: | ---: |')
for kind in a.types.split():
    file = os.path.join(a.work, kind + '.gguf')
    recipe = ['Q4_0', '--pure', '--tensor-type', '.=' + kind] if kind == 'MXFP4' else [kind]
    weigh = ['--imatrix', a.importance] if a.importance else []
    subprocess.run([a.quern, 'quantize', a.model, *recipe, *weigh, '-f', '-o', file], check=True, capture_output=True)
    ours = load(a.quern, 'verify', file, '--text', a.text, '--chunks', a.chunks, '--json')['models'][0]
    theirs = load(a.python, peer, file, a.text, a.chunks, a.threads)
    apart = [x['nll'] - y for x, y in zip(ours['chunks'], theirs['chunk_nll'])]
    error = statistics.stdev(apart) / math.sqrt(len(apart))
    print(f"| {kind} | {ours['perplexity']['value']:.4f} | {theirs['perplexity']:.4f} | {minus(100 * math.expm1(statistics.mean(apart)))} % | {100 * error:.3f} % |", flush=True)
    os.remove(file)
