#!/usr/bin/env python3
"""Every family against transformers, the reference converter and llama.cpp, on tiny checkpoints.

usage: families.py QUERN GOLDEN WORK [--llama PYTHON] [NAME…]

GOLDEN/NAME has hf/ (a checkpoint), tokens.json, logits.f32 (transformers', float32; where it lacks the class those of the published computation, or none) and ref-f32.gguf (the
reference converter's; not where that fails); tiny.py makes such folders of every family. This interpreter needs numpy, gguf, torch and
transformers; PYTHON needs llama-cpp-python. For each family, in a row of the table:

  logits    quern's logits in exact mode, from the folder, against logits.f32: the largest difference in spreads (standard deviations);
            with a star against llama.cpp's of the reference converter's file
  gguf      the same from the F32 GGUF that quern writes
  keys      the file's keys, kinds, values and order against ref-f32.gguf: those that differ, + for more, - for fewer
  tensors   names, order, types, shapes and bytes: how many are equal
  llama.cpp its logits of quern's file against quern's in exact mode, and where that is more than 1e-4, against those in deploy mode (keys and
            values in F16)
  export    transformers' logits of the folder that `quern export` makes of that file, against those of the original folder (with a star
            quern's, where transformers lacks the class); and how many of four texts have the original's tokens
"""
import argparse, json, os, shutil, subprocess, sys
import numpy as np

IN_LLAMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'in_llama.py')


def run(*cmd):
    done = subprocess.run(cmd, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or 'status %d' % done.returncode).splitlines()
        raise RuntimeError(next((x for x in lines if 'error loading' in x), lines[-1 if lines[0].startswith('Traceback') else 0])[-200:])


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


def in_transformers(path):
    import transformers as tf
    c = json.load(open(os.path.join(path, 'config.json')))
    return hasattr(tf, c['architectures'][0]) or c['model_type'] in tf.models.auto.configuration_auto.CONFIG_MAPPING_NAMES


def transformers_logits(path, tokens):
    import torch, transformers as tf
    make = getattr(tf, json.load(open(os.path.join(path, 'config.json')))['architectures'][0], tf.AutoModelForCausalLM)
    model = make.from_pretrained(path, dtype=torch.float32, attn_implementation='eager').eval()
    with torch.no_grad():
        if not model.config.is_encoder_decoder:
            return model(torch.tensor([tokens])).logits[0].numpy()
        half = len(tokens) // 2 + 1
        return model(input_ids=torch.tensor([tokens[:half]]), decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id] + tokens[half:]])).logits[0].numpy()


TEXTS = ['Hello, world!', '  two  blanks\n\nand 12345 digits', 'naïve café — 日本語 🙂', 'def f(x):\n\treturn x**2\n']


def world_tokens(path):
    """the longest token at every place, of a file in the format of RWKV's"""
    import ast
    ids = {}
    for line in open(path, newline='\n'):
        x = ast.literal_eval(line[line.index(' ') + 1:line.rindex(' ')])
        ids[x.encode() if isinstance(x, str) else x] = int(line[:line.index(' ')])
    longest, out = max(map(len, ids)), []
    for text in (x.encode() for x in TEXTS):
        at, row = 0, []
        while at < len(text):
            n = next(n for n in range(longest, 0, -1) if text[at:at + n] in ids and at + n <= len(text))
            row.append(ids[text[at:at + n]])
            at += n
        out.append(row)
    return out


def listed_tokens(path):
    """of all ways to cut a text the one with the greatest sum of scores, bytes where no token is, of a file in the format of PLaMo's"""
    rows = [json.loads(x) for x in open(path)]
    scores = {r[0]: (round(r[1] * 1e4), i) for i, r in enumerate(rows) if r[2] != 'BYTE'}
    first, out = next(i for i, r in enumerate(rows) if r[2] == 'BYTE'), []
    for t in TEXTS:
        best = [(0, None, 0)] * (len(t) + 1)
        for i in reversed(range(len(t))):
            ways = [(best[j][0] + scores[t[i:j]][0], j, scores[t[i:j]][1]) for j in range(i + 1, len(t) + 1) if t[i:j] in scores]
            best[i] = max(ways + [(best[i + 1][0] - 10000000, i + 1, -1)], key=lambda w: (w[0], w[2] >= 0, w[1]))
        i, row = 0, []
        while i < len(t):
            _, j, token = best[i]
            row += [token] if token >= 0 else [first + b for b in t[i].encode()]
            i = j
        out.append(row)
    return out


def tokens_of(path):
    """what the folder's own library makes of the texts, without special tokens"""
    fast, slow, world = (os.path.join(path, x) for x in ('tokenizer.json', 'tokenizer.model', 'rwkv_vocab_v20230424.txt'))
    if os.path.exists(world):
        return world_tokens(world)
    if os.path.exists(os.path.join(path, 'tokenizer.jsonl')):
        return listed_tokens(os.path.join(path, 'tokenizer.jsonl'))
    if not os.path.exists(slow):
        slow = os.path.join(path, 'spiece.model')
    if os.path.exists(fast):
        from tokenizers import Tokenizer
        t = Tokenizer.from_file(fast)
        return [t.encode(x, add_special_tokens=False).ids for x in TEXTS]
    from sentencepiece import SentencePieceProcessor
    return [SentencePieceProcessor(slow).encode(x) for x in TEXTS]


def same_tokens(src, out):
    return sum(a == b for a, b in zip(tokens_of(src), tokens_of(out)))


def row(a, name):
    src, gguf, out = os.path.join(a.golden, name, 'hf'), os.path.join(a.work, name + '.gguf'), os.path.join(a.work, name)
    tokens = json.load(open(os.path.join(a.golden, name, 'tokens.json')))
    tokens = tokens['tokens'] if isinstance(tokens, dict) else tokens
    ids, npy = os.path.join(a.work, name + '.json'), os.path.join(a.work, name + '.npy')
    json.dump(tokens, open(ids, 'w'))
    known, ref = os.path.join(a.golden, name, 'logits.f32'), os.path.join(a.golden, name, 'ref-f32.gguf')
    known = np.fromfile(known, np.float32) if os.path.exists(known) else None

    def ours(path, mode='exact'):
        run(a.quern, 'logits', path, '--tokens', ids, '-o', npy, '--mode', mode)
        return np.load(npy)

    def llama(path, cache='0'):
        run(a.llama, IN_LLAMA, path, ids, npy, '--cache', cache)
        return np.load(npy)

    cells = dict.fromkeys(('logits', 'gguf', 'keys', 'tensors', 'llama.cpp', 'export'), '')
    step = 'logits'
    try:
        mine = ours(src)
        want, spread, star = known if known is None else known.reshape(mine.shape), mine.std(), ''
        if want is None and a.llama and os.path.exists(ref):
            want, star = llama(ref), '*'
        if want is not None:
            cells[step] = far(mine, want, spread) + star
        step = 'gguf'
        run(a.quern, 'convert', src, '-o', gguf, '--outtype', 'f32', '--force')
        mine = ours(gguf)
        cells[step] = far(mine, ours(src) if want is None else want, spread) + star
        step = 'keys'
        if os.path.exists(ref):
            cells['keys'], cells['tensors'] = compare(gguf, ref)
        step = 'llama.cpp'
        if a.llama:
            try:
                theirs = llama(gguf)
                cells[step] = far(theirs, mine, spread)
                if np.abs(theirs - mine).max() > 1e-4 * spread:
                    cells[step] += ', ' + far(llama(gguf, '1'), ours(gguf, 'deploy'), spread)
            except RuntimeError as e:
                cells[step] = str(e)
        step = 'export'
        shutil.rmtree(out, ignore_errors=True)
        run(a.quern, 'export', gguf, '-o', out)
        if known is None or not in_transformers(src):
            cells[step] = far(ours(out), mine, spread) + '*'
        else:
            cells[step] = far(transformers_logits(out, tokens), transformers_logits(src, tokens), spread)
        cells[step] += f', {same_tokens(src, out)} texts'
    except Exception as e:
        cells[step] = str(e).strip().splitlines()[-1][-200:]
    return cells


if __name__ == '__main__':
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
