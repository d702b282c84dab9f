#!/usr/bin/env python3
"""Speed of quern beside llama.cpp and ik_llama.cpp, in one run, on one machine: quantization, prompts, conversion.

usage: speed.py --quern BIN --f16 MODEL.gguf --work DIR [--llama DIR] [--ik DIR] [--runs 3] [--threads 2]
                [--quantize TYPES] [--prompt TYPES] [--hf FOLDER --converter convert_hf_to_gguf.py --python PYTHON]

DIR of a peer holds its llama-quantize and llama-bench. Commands alternate, so that a busy machine hurts all alike; tables show
medians, of prompts the best as every tool reports it. Models for prompts are made by quern from the F16 file. The tables go to
standard output as Markdown. Nothing here is needed to use quern.
"""
import argparse, json, os, statistics, subprocess, sys, time

p = argparse.ArgumentParser()
for name in ('quern', 'f16', 'work'):
    p.add_argument('--' + name, required=True)
for name in ('llama', 'ik', 'hf', 'converter'):
    p.add_argument('--' + name)
p.add_argument('--python', default=sys.executable)
p.add_argument('--runs', type=int, default=3)
p.add_argument('--threads', type=int, default=2)
p.add_argument('--quantize', default='Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K_M Q4_K_M Q5_K_M Q6_K')
p.add_argument('--prompt', default='F16 Q8_0 Q4_0 Q4_K_M Q5_K_M Q6_K')
a = p.parse_args()
os.makedirs(a.work, exist_ok=True)
out = lambda name: os.path.join(a.work, name)
peers = [(name, d) for name, d in (('llama.cpp', a.llama), ('ik_llama.cpp', a.ik)) if d]
T = str(a.threads)
wider = 'avx512' in json.loads(subprocess.run([a.quern, 'bench', '--only', 'machine', '--each', '1ms', '--json'],
                                              capture_output=True, check=True).stdout)['cpu']  # than AVX2, which is measured beside it


def measure(cmd, env={}):
    """wall seconds, CPU seconds, peak resident MB, standard output"""
    began = time.time()
    with open(out('stdout'), 'w+') as so, open(out('stderr'), 'w+') as se:
        child = subprocess.Popen(cmd, stdout=so, stderr=se, env={**os.environ, **env})
        _, status, use = os.wait4(child.pid, 0)
        took = time.time() - began
        so.seek(0), se.seek(0)
        if status:
            sys.exit(f'{cmd}: status {status}\n{se.read()[-2000:]}')
        return took, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, so.read()


def weights():
    info = json.loads(subprocess.run([a.quern, 'inspect', a.f16, '--json'], capture_output=True, check=True).stdout)
    total = 0
    for t in info['tensors']:
        n = 1
        for d in t['shape']:
            n *= d
        total += n
    return total / 1e6


def alternate(jobs):
    """all jobs, runs times in turn"""
    got = {k: [] for k in jobs}
    for _ in range(a.runs):
        for k, job in jobs.items():
            got[k].append(measure(*job))
    return got


median = lambda ms, i: statistics.median(m[i] for m in ms)


def quantization():
    m = weights()
    tools = {'quern': lambda t, o: ([a.quern, 'quantize', a.f16, t, '-f', '-o', o, '--threads', T],),
             'quern, --encoder ggml': lambda t, o: ([a.quern, 'quantize', a.f16, t, '-f', '-o', o, '--threads', T, '--encoder', 'ggml'],)}
    if wider:
        tools['quern, AVX2 only'] = lambda t, o: ([a.quern, 'quantize', a.f16, t, '-f', '-o', o, '--threads', T], {'QUERN_CPU': 'avx2'})
    for name, d in peers:
        tools[name] = lambda t, o, d=d: ([os.path.join(d, 'llama-quantize'), a.f16, o, t, T],)
    print(f'Quantization of {m:.0f} M weights from F16, {T} threads: million weights a second of wall time (of CPU time)\n')
    print('| type | ' + ' | '.join([*tools] + [f'quern / {name}' for name, _ in peers]) + ' |\n| --- |' + ' ---: |' * (len(tools) + len(peers)))
    for t in a.quantize.split():
        got = alternate({tool: make(t, out('q.gguf')) for tool, make in tools.items()})
        cells = [f'{m / median(got[k], 0):.0f} ({m / median(got[k], 1):.0f})' for k in tools]
        cells += ['{:.1f} ({:.1f})'.format(*(median(got[name], i) / median(got['quern'], i) for i in (0, 1))) for name, _ in peers]
        print(f'| {t} | ' + ' | '.join(cells) + ' |', flush=True)
    print()


def prompts():
    def quern(text):
        return json.loads(text)['prompt_tokens_per_second']

    def bench(text):
        return max(r['avg_ts'] for r in json.loads(text))

    ask = lambda f: [a.quern, 'bench', f, '--only', 'model', '--prompt', '512', '--threads', T, '--json']
    print(f'Prompts of 512 tokens, {T} threads: tokens a second\n')
    heads = ['quern', 'quern, 1 thread'] + ['quern, AVX2 only'] * wider + [name for name, _ in peers]
    print('| type | ' + ' | '.join(heads + [f'quern / {name}' for name, _ in peers]) + ' |\n| --- |' + ' ---: |' * (len(heads) + len(peers)))
    for t in a.prompt.split():
        f = out(f'p-{t}.gguf')
        if not os.path.exists(f):
            measure([a.quern, 'quantize', a.f16, t, '-o', f])
        jobs = {'quern': (ask(f),), 'quern, 1 thread': ([*ask(f)[:-2], '1', '--json'],)}
        if wider:
            jobs['quern, AVX2 only'] = (ask(f), {'QUERN_CPU': 'avx2'})
        for name, d in peers:
            jobs[name] = ([os.path.join(d, 'llama-bench'), '-m', f, '-p', '512', '-n', '0', '-t', T, '-r', '2', '-o', 'json'],)
        got = alternate(jobs)
        cells = [statistics.median((quern if h.startswith('quern') else bench)(m[3]) for m in got[h]) for h in heads]
        ratios = [f'{cells[0] / cells[heads.index(name)]:.2f}' for name, _ in peers]
        print(f'| {t} | ' + ' | '.join([f'{c:.0f}' for c in cells] + ratios) + ' |', flush=True)
    print()


def conversion():
    got = alternate({
        'quern': ([a.quern, 'convert', a.hf, '--outtype', 'f16', '-f', '-o', out('c.gguf')],),
        'quern, BF16 as it is': ([a.quern, 'convert', a.hf, '--outtype', 'bf16', '-f', '-o', out('c.gguf')],),
        'reference converter': ([a.python, a.converter, a.hf, '--outtype', 'f16', '--outfile', out('r.gguf')],)})
    print('Conversion to F16\n\n| tool | wall, s | CPU, s | peak memory, MB |\n| --- | ---: | ---: | ---: |')
    for k, ms in got.items():
        print(f'| {k} | {median(ms, 0):.2f} | {median(ms, 1):.2f} | {median(ms, 2):.0f} |')
    print()


if a.quantize:
    quantization()
if a.prompt:
    prompts()
if a.hf and a.converter:
    conversion()
