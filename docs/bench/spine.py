#!/usr/bin/env python3
"""Conversion, quantization and perplexity of quern beside the reference tools, in one run, on one machine.

usage: spine.py --quern BIN --model HF_FOLDER --text FILE --work DIR [--converter convert_hf_to_gguf.py]
                [--llama-quantize BIN] [--python PYTHON] [--runs 3] [--chunks 20]

Commands alternate, so that a busy machine hurts all alike; the table shows medians. PYTHON is an interpreter that has
what the reference converter needs, and llama-cpp-python. Nothing here is needed to use quern.
"""
import argparse, json, os, resource, statistics, subprocess, sys, time

p = argparse.ArgumentParser()
for name in ('quern', 'model', 'text', 'work'):
    p.add_argument('--' + name, required=True)
p.add_argument('--converter')
p.add_argument('--llama-quantize')
p.add_argument('--python', default=sys.executable)
p.add_argument('--runs', type=int, default=3)
p.add_argument('--chunks', type=int, default=20)
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
HERE = os.path.dirname(os.path.abspath(__file__))


def measure(cmd):
    """wall seconds, CPU seconds, peak resident MB"""
    began = time.time()
    child = subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    err = child.stderr.read()
    _, status, use = os.wait4(child.pid, 0)
    if status:
        sys.exit(f'{cmd}: status {status}\n{err.decode()[-2000:]}')
    return time.time() - began, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024


def table(rows):
    print('| what | tool | wall, s | CPU, s | peak memory, MB |\n| --- | --- | ---: | ---: | ---: |')
    for what, tool, m in rows:
        wall, cpu, rss = (statistics.median(x) for x in zip(*m))
        print(f'| {what} | {tool} | {wall:.2f} | {cpu:.2f} | {rss:.0f} |')
    print()


out = lambda name: os.path.join(a.work, name)
jobs = {('convert to F16', 'quern'): [a.quern, 'convert', a.model, '--outtype', 'f16', '-f', '-o', out('q-F16.gguf')]}
if a.converter:
    jobs['convert to F16', 'reference converter'] = [a.python, a.converter, a.model, '--outtype', 'f16', '--outfile', out('r-F16.gguf')]
for t in ('Q8_0', 'Q4_0', 'Q4_K_M', 'Q6_K', 'Q2_K'):
    jobs[f'F16 GGUF to {t}', 'quern'] = [a.quern, 'quantize', out('q-F16.gguf'), t, '-f', '-o', out(f'q-{t}.gguf')]
    if a.llama_quantize:
        jobs[f'F16 GGUF to {t}', 'llama-quantize'] = [a.llama_quantize, out('q-F16.gguf'), out(f'r-{t}.gguf'), t, str(os.cpu_count())]
times = {k: [] for k in jobs}
for _ in range(a.runs):
    for k, cmd in jobs.items():
        times[k].append(measure(cmd))
table([(what, tool, times[what, tool]) for what, tool in jobs])

print('| type | quern | llama-cpp-python | difference | tokens/s, quern | tokens/s, peer |\n| --- | ---: | ---: | ---: | ---: | ---: |')
for t in ('F16', 'Q8_0', 'Q4_K_M', 'Q4_0'):
    f = out(f'q-{t}.gguf')
    ours = json.loads(subprocess.check_output([a.quern, 'verify', f, '--text', a.text, '--chunks', str(a.chunks), '--json']))
    peer = json.loads(subprocess.check_output([a.python, os.path.join(HERE, 'peers_ppl.py'), f, a.text, str(a.chunks)], stderr=subprocess.DEVNULL))
    m = ours['models'][0]
    v = m['perplexity']['value']
    speed = ours['protocol']['chunks'] * ours['protocol']['ctx'] / m['seconds']
    print(f'| {t} | {v:.4f} | {peer["perplexity"]:.4f} | {100 * (v / peer["perplexity"] - 1):+.3f} % | {speed:.0f} | {peer["tokens_per_second"]:.0f} |')
