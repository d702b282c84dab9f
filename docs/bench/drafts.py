#!/usr/bin/env python3
"""Draft heads of speculative decoding against the reference converter, on tiny checkpoints.

usage: drafts.py QUERN DRAFTS TOKENIZER LLAMA.CPP WORK [--llama PYTHON] [--only NAME] [--write]

DRAFTS is convert/testdata/drafts.json, or sounds.json of what makes sound and has no target: configurations and tensors of draft heads, and configurations of their targets. Weights follow from the
names of tensors as in tiny.py; --write stores
the keys and hashes of tensors of the reference's F32 files there, which a test compares. TOKENIZER is a folder with a byte-level BPE tokenizer.json, which the targets get. This interpreter needs torch,
transformers and gguf; PYTHON needs llama-cpp-python. For each draft head, in a row of the table:

  keys       the keys of quern's F32 file, their kinds, values and order against the reference's: those that differ, + for more, - for fewer
  tensors    names, order, types, shapes and bytes: how many are equal
  export     tensors of the folder that `quern export` makes of that file: how many are the checkpoint's; and whether that folder becomes the same file
  Q8_0       the same two as of F32, against the reference converter's --outtype q8_0
  Q4_K_M     tensors of `quern quantize --encoder ggml` of the F32 file against llama-quantize's of the reference's
  llama.cpp  whether it loads the Q4_K_M
"""
import argparse, base64, hashlib, json, os, re, shutil, sys
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tiny
from families import compare, meta, run


def weights(name, shape):
    """what tiny.py has, and whole numbers for tables of them"""
    import torch
    n = int(np.prod(shape))
    if name == 'd2t':  # what is added to the place of each: of every fourth token
        return torch.arange(n, dtype=torch.int64) * 3
    if name == 't2d':
        return torch.arange(n) % 4 == 0
    if name.endswith('token_ordering'):
        return torch.arange(n, dtype=torch.int64).flip(0)
    return tiny.weights(name, shape)


def reference(llama, hf, out, target, outtype):
    if error := tiny.reference(llama, hf, out, *(['--target-model-dir', target] if target else []), outtype=outtype):
        raise RuntimeError('the reference: ' + error[-200:])


def cut(tokenizer, to, size):
    """the first tokens of a vocabulary, as one of its own"""
    t = json.load(open(os.path.join(tokenizer, 'tokenizer.json')))
    vocab = t['model']['vocab'] = {k: v for k, v in t['model']['vocab'].items() if v < size}
    merges = [(x, x if isinstance(x, list) else x.split(' ')) for x in t['model']['merges']]
    t['model']['merges'] = [x for x, pair in merges if all(y in vocab for y in pair + [''.join(pair)])]
    t['added_tokens'] = [x for x in t['added_tokens'] if x['id'] < size]
    json.dump(t, open(os.path.join(to, 'tokenizer.json'), 'w'))
    shutil.copy(os.path.join(tokenizer, 'tokenizer_config.json'), to)


def make(a, f, folder):
    from safetensors.torch import save_file
    hf, target = os.path.join(folder, 'hf'), os.path.join(folder, 'target')
    os.makedirs(hf), os.makedirs(target)
    json.dump(f['config'], open(os.path.join(hf, 'config.json'), 'w'), indent=1)
    save_file({k: weights(k, v) for k, v in f['tensors'].items()}, os.path.join(hf, 'model.safetensors'), metadata={'format': 'pt'})
    if not f['target']:
        return hf, None
    json.dump(f['target'], open(os.path.join(target, 'config.json'), 'w'), indent=1)
    if f['target']['model_type'].startswith('gemma4'):
        tiny.characters(target)
    else:
        cut(a.tokenizer, target, f['target'].get('text_config', f['target'])['vocab_size'])
    if 'mask' in f:  # a file of its own, and the target's embedding and output head
        import torch
        save_file({k: weights(k, v) for k, v in f['weights'].items()}, os.path.join(target, 'model.safetensors'), metadata={'format': 'pt'})
        torch.save({'mask_token_id': f['config']['dflash_config']['mask_token_id'], 'embedding': weights('mask', [f['config']['hidden_size']])}, os.path.join(hf, 'mask_embedding.pt'))
        f['mask'] = base64.b64encode(open(os.path.join(hf, 'mask_embedding.pt'), 'rb').read()).decode()
    if 'Assistant' in f['config']['architectures'][0]:  # which has its model's tokenizer in its own folder
        for name in ('tokenizer.json', 'tokenizer_config.json'):
            shutil.copy(os.path.join(target, name), hf)
    return hf, target


def tensors_of(path):
    from safetensors import safe_open
    with safe_open(path, 'pt') as f:
        return {k: f.get_tensor(k) for k in f.keys()}


def row(a, f):
    folder = os.path.join(a.work, re.sub(r'\W+', '-', f['name']))
    shutil.rmtree(folder, ignore_errors=True)
    hf, target = make(a, f, folder)
    at = lambda name: os.path.join(folder, name)
    beside = ['--target', target, '--pre', 'gpt-2'] if target else []
    cells, step = dict.fromkeys(('keys', 'tensors', 'export', 'Q8_0', 'Q4_K_M', 'llama.cpp'), ''), 'keys'
    try:
        reference(a.llama_cpp, hf, at('ref-f32.gguf'), target, 'f32')
        run(a.quern, 'convert', hf, '-o', at('f32.gguf'), '--outtype', 'f32', *beside)
        cells['keys'], cells['tensors'] = compare(at('f32.gguf'), at('ref-f32.gguf'))
        step = 'export'
        run(a.quern, 'export', at('f32.gguf'), '-o', at('out'))
        ours, theirs = tensors_of(at('out/model.safetensors')), tensors_of(at('hf/model.safetensors'))
        equal = sum(k in ours and ours[k].shape == v.shape and bool((ours[k] == v).all()) for k, v in theirs.items())
        run(a.quern, 'convert', at('out'), '-o', at('again.gguf'), '--outtype', 'f32', *beside)
        keys, tensors = compare(at('again.gguf'), at('f32.gguf'))
        cells[step] = f'{equal} of {len(theirs)}, {len(ours)} written; again: {keys}, {tensors}'
        step = 'Q8_0'
        reference(a.llama_cpp, hf, at('ref-q8_0.gguf'), target, 'q8_0')
        run(a.quern, 'convert', hf, '-o', at('q8_0.gguf'), '--outtype', 'q8_0', *beside)
        cells[step] = ', '.join(compare(at('q8_0.gguf'), at('ref-q8_0.gguf')))
        step = 'Q4_K_M'
        run(os.path.join(a.llama_cpp, 'build/bin/llama-quantize'), at('ref-f32.gguf'), at('ref-q4.gguf'), 'Q4_K_M')
        run(a.quern, 'quantize', at('f32.gguf'), 'Q4_K_M', '--encoder', 'ggml', '-o', at('q4.gguf'))
        ta, tb = ({t[0]: t for t in meta(at(x))[1]} for x in ('q4.gguf', 'ref-q4.gguf'))
        cells[step] = f'{sum(t == tb.get(k) for k, t in ta.items())} of {len(tb)}'
        if a.llama:
            step = 'llama.cpp'
            run(a.llama, '-c', 'import sys, llama_cpp as L; p = L.llama_model_default_params(); p.n_gpu_layers = 0; m = L.llama_model_load_from_file(sys.argv[1].encode(), p); assert m, "error loading"', at('q4.gguf'))
            cells[step] = 'loads'
    except Exception as e:
        cells[step] += f'{type(e).__name__}: {e}'[-300:]
    return cells


def dump(path):
    """keys, kinds and values, less those of tokenizers and names; names, types, shapes and hashes of tensors"""
    keys, tensors = meta(path)
    kind = lambda types: 'array ' + types[1].lower() if types[0] == 'ARRAY' else types[0].lower()
    return {'keys': [[k, kind(v[0]), v[1]] for k, v in keys.items() if not k.startswith('tokenizer.ggml') and k not in ('general.name', 'tokenizer.chat_template')],
            'files': [[t[0], t[1], [int(d) for d in reversed(t[2])], hashlib.sha256(t[3]).hexdigest()[:16]] for t in tensors]}


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    for name in ('quern', 'drafts', 'tokenizer', 'llama_cpp', 'work'):
        p.add_argument(name)
    p.add_argument('--llama')
    p.add_argument('--only')
    p.add_argument('--write', action='store_true')
    a = p.parse_args()
    sys.path.insert(0, os.path.join(a.llama_cpp, 'gguf-py'))  # before another gguf is loaded
    drafts = json.load(open(a.drafts))
    for f in drafts:
        if not a.only or a.only in f['name']:
            print('|', f['name'], '|', ' | '.join(row(a, f).values()), '|', flush=True)
        if ref := os.path.join(a.work, re.sub(r'\W+', '-', f['name']), 'ref-f32.gguf'):
            f.update(dump(ref) if a.write and os.path.exists(ref) else {})
    if a.write:
        open(a.drafts, 'w').write('[\n' + ',\n'.join(map(json.dumps, drafts)) + '\n]\n')
