#!/usr/bin/env python3
"""Adapters of every kind against PEFT's merge_and_unload, and GGUF adapters in llama.cpp.

usage: lora.py QUERN GOLDEN WORK [--llama PYTHON] [--only NAME]

GOLDEN/NAME/hf are tiny checkpoints. This interpreter needs torch, transformers and peft (bitsandbytes for the NF4 base, whose row is left
out without it); PYTHON needs llama-cpp-python. Each case makes an adapter of random numbers with PEFT and saves it. Columns, each the largest
difference in spreads (standard deviations) of the logits:

  change     what the adapter does to the base's logits: what a merge that did nothing would show
  merge      `quern lora merge` into an F32 GGUF, its logits in exact mode, against merge_and_unload
  folder     `quern lora merge … hf`, that folder in transformers, against the same rounded to the base's type
  llama.cpp  the base and `quern lora convert`'s adapter in llama.cpp, against the same; or why there is no such file
  back       that adapter converted back to a folder and merged, against the same
"""
import argparse, json, os, shutil, subprocess, sys
import numpy as np, torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

IN_LLAMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'in_llama.py')

ALL = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']
RANKS = dict(rank_pattern={'q_proj': 3, r'layers\.0\.mlp\.up_proj': 6}, alpha_pattern={'v_proj': 5, 'down_proj': 40})
CASES = [  # name, base, a configuration for each adapter, scales, what else
    ('LoRA', 'llama', [dict(target_modules=ALL)], [1], {}),
    ('LoRA --scale 0.5', 'qwen2', [dict(target_modules=ALL)], [0.5], {}),
    ('rsLoRA', 'qwen3', [dict(target_modules=ALL, use_rslora=True)], [1], {}),
    ('patterns', 'llama', [dict(target_modules=ALL, **RANKS)], [1], {}),
    ('rsLoRA, patterns', 'gemma3', [dict(target_modules=ALL, use_rslora=True, **RANKS)], [1], {}),
    ('DoRA', 'llama', [dict(target_modules=ALL, use_dora=True)], [1], {}),
    ('DoRA, rsLoRA', 'qwen2', [dict(target_modules=ALL, use_dora=True, use_rslora=True)], [1], {}),
    ('modules_to_save', 'llama', [dict(target_modules=['q_proj', 'v_proj'], modules_to_save=['lm_head', 'embed_tokens'])], [1], {}),
    ('embedding', 'llama', [dict(target_modules=['q_proj', 'embed_tokens'])], [1], {}),
    ('resized embeddings', 'llama', [dict(target_modules=['q_proj'], modules_to_save=['lm_head', 'embed_tokens'])], [1], {'resize': 3}),
    ('fused matrices', 'phi3', [dict(target_modules=['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'])], [1], {}),
    ('latent attention', 'deepseek2', [dict(target_modules=['q_a_proj', 'q_b_proj', 'kv_a_proj_with_mqa', 'o_proj'])], [1], {}),
    ('two adapters', 'llama', [dict(target_modules=ALL), dict(target_modules=['q_proj', 'up_proj'], r=3)], [0.5, 1.5], {}),
    ('QLoRA on NF4', 'llama', [dict(target_modules=ALL)], [1], {'nf4': True}),
]


def run(*cmd):
    done = subprocess.run([str(c) for c in cmd], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or 'status %d' % done.returncode).splitlines()[0][-160:])


def load(path, **more):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation='eager', **more).eval()


def logits(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].float().numpy()


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if 'lora_' in name and 'magnitude' not in name:
            p.data = torch.randn(p.shape, generator=g) * 0.2
        elif 'magnitude' in name or 'modules_to_save' in name:
            p.data = p.data * (1 + 0.2 * torch.randn(p.shape, generator=g))


def quantize_nf4(src, out):
    """the checkpoint with its linear layers in NF4 (double quantized), as bitsandbytes stores it"""
    from transformers import BitsAndBytesConfig
    q = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='nf4', bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32)
    AutoModelForCausalLM.from_pretrained(src, quantization_config=q, dtype=torch.float32).save_pretrained(out)
    for f in os.listdir(src):
        if 'token' in f:
            shutil.copy(os.path.join(src, f), out)


def resize(model, tok, by):
    tok.add_tokens([f'<new{i}>' for i in range(by)])
    model.resize_token_embeddings(len(tok))


def case(a, name, base, configs, scales, more):
    work = os.path.join(a.work, ''.join(c if c.isalnum() else '-' for c in name))
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    src = os.path.join(a.golden, base, 'hf')
    if more.get('nf4'):
        nf4 = os.path.join(work, 'nf4')
        quantize_nf4(src, nf4)
        src = nf4
    tokens = [1, 5, 9, 200, 17, 33, 60, 77, 11, 40, 8, 90]
    ids, npy = os.path.join(work, 't.json'), os.path.join(work, 'l.npy')
    json.dump(tokens, open(ids, 'w'))
    plain = logits(load(src), tokens)
    model, folders = load(src), []
    if more.get('nf4'):
        model = model.dequantize()
    tok = AutoTokenizer.from_pretrained(src)
    for i, c in enumerate(configs):
        fresh = load(src)
        if more.get('resize'):
            resize(fresh, tok, more['resize'])
            resize(model, AutoTokenizer.from_pretrained(src), more['resize'])
        c = LoraConfig(**{'r': 4, 'lora_alpha': 6, 'task_type': 'CAUSAL_LM', **c})
        peft = get_peft_model(fresh, c)
        randomize(peft, i)
        folder = os.path.join(work, f'adapter{i}')
        peft.save_pretrained(folder)
        if more.get('resize'):
            tok.save_pretrained(folder)
        folders.append(folder)
        peft = PeftModel.from_pretrained(model, folder)
        for m in peft.modules():
            if scales[i] != 1 and hasattr(m, 'scale_layer'):
                m.scale_layer(scales[i])
        model = peft.merge_and_unload()
    want = logits(model, tokens)
    spread = want.std()
    stored = AutoConfig.from_pretrained(src).dtype or torch.float32
    rounded = logits(model.to(stored).float(), tokens)
    far = lambda x, y=want: f'{np.abs(x.astype(np.float64) - y).max() / spread:.1e}'
    cells = {'change': far(plain, want[:, :plain.shape[1]])}
    scale = [f'--scale={s}' for s in scales]

    def ours(*path, type='f32'):
        out = os.path.join(work, 'm.gguf')
        run(a.quern, 'lora', 'merge', *path, type, '-o', out, '--force')
        run(a.quern, 'logits', out, '--tokens', ids, '-o', npy)
        return np.load(npy)

    def folder():
        out = os.path.join(work, 'merged')
        run(a.quern, 'lora', 'merge', src, *folders, *scale, 'hf', '-o', out)
        return logits(load(out), tokens) - rounded + want

    def convert():
        for f in folders:
            run(a.quern, 'lora', 'convert', f, '--base', src, '-o', f + '.gguf')

    def runtime():
        convert()
        if not a.llama:
            return None
        gguf = os.path.join(work, 'base.gguf')
        run(a.quern, 'convert', src, '--outtype', 'f32', '-o', gguf)
        run(a.llama, IN_LLAMA, gguf, ids, npy, '--adapter', *[f + '.gguf' for f in folders], '--scale', *map(str, scales))
        return np.load(npy)

    def back():
        convert_back = []
        for f in folders:
            run(a.quern, 'lora', 'convert', f + '.gguf', '--base', src, '-o', f + '-back')
            convert_back.append(f + '-back')
        return ours(src, *convert_back, *scale)

    for column, what in (('merge', lambda: ours(src, *folders, *scale)), ('folder', folder), ('llama.cpp', runtime), ('back', back)):
        try:
            got = what()
            cells[column] = 'converted' if got is None else far(got)
        except RuntimeError as e:
            cells[column] = str(e)
            if column == 'llama.cpp':
                break
    return cells


p = argparse.ArgumentParser()
for arg in ('quern', 'golden', 'work'):
    p.add_argument(arg)
p.add_argument('--llama')
p.add_argument('--only')
a = p.parse_args()
COLUMNS = ['change', 'merge', 'folder', 'llama.cpp', 'back']
print('| adapter | base | ' + ' | '.join(COLUMNS) + ' |\n|' + ' --- |' * (len(COLUMNS) + 2))
for name, base, configs, scales, more in CASES:
    if a.only and a.only not in name:
        continue
    try:
        cells = case(a, name, base, configs, scales, more)
    except ImportError as e:
        cells = {'change': f'left out: {e}'[:80]}
    print(f'| {name} | {base} | ' + ' | '.join(cells.get(c, '') for c in COLUMNS) + ' |', flush=True)
