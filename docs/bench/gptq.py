#!/usr/bin/env python3
"""KL divergence of files of equal size: llama-quantize with an importance matrix, quern with the same one, and quern --method gptq on the same text.

usage: gptq.py --quern BIN --model FOLDER --calibration TEXT --text TEXT --work DIR --llama-quantize BIN [--types "Q2_K Q4_0"] [--chunks 32] [--test-chunks 20]

Prints Markdown. Nothing here is needed to use quern.
"""
import argparse, json, os, subprocess, time

p = argparse.ArgumentParser()
for name in ('quern', 'model', 'calibration', 'text', 'work', 'llama-quantize'):
    p.add_argument('--' + name, required=True)
p.add_argument('--types', default='Q2_K Q3_K_M Q4_K_M Q4_0 IQ4_XS Q2_0')
p.add_argument('--chunks', default='32')
p.add_argument('--test-chunks', default='20')
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
out = lambda name: os.path.join(a.work, name)
run = lambda *cmd: subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

run(a.quern, 'convert', a.model, '--outtype', 'f16', '-f', '-o', out('f16.gguf'))
run(a.quern, 'calibrate', a.model, '--text', a.calibration, '--ctx', '512', '--chunks', a.chunks, '-f', '-o', out('im.gguf'))
print('| type | llama-quantize, importance | quern, importance | quern, gptq | against llama-quantize | seconds |\n| --- | ---: | ---: | ---: | ---: | ---: |')
for t in a.types.split():
    run(a.llama_quantize, '--imatrix', out('im.gguf'), out('f16.gguf'), out('l.gguf'), t, '2')
    run(a.quern, 'quantize', a.model, t, '--imatrix', out('im.gguf'), '-f', '-o', out('q.gguf'))
    began = time.time()
    run(a.quern, 'quantize', a.model, t, '--method', 'gptq', '--text', a.calibration, '--ctx', '512', '--chunks', a.chunks, '-f', '-o', out('g.gguf'))
    took = time.time() - began
    got = json.loads(subprocess.run([a.quern, 'verify', '--base', a.model, '--quant', out('l.gguf'), '--quant', out('q.gguf'), '--quant', out('g.gguf'),
                                     '--text', a.text, '--chunks', a.test_chunks, '--json'], capture_output=True, check=True).stdout)
    k = [m['versus_base']['kld']['mean'] for m in got['models'][1:]]
    cell = lambda v: f"{v['value']:.4f} ± {v['error']:.4f}"
    print(f"| {t} | {cell(k[0])} | {cell(k[1])} | {cell(k[2])} | {100 * (k[2]['value'] / k[0]['value'] - 1):+.0f} % | {took:.0f} |", flush=True)
