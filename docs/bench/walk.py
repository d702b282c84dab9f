#!/usr/bin/env python3
"""What a user does with a model, with a tiny checkpoint of every family.

usage: walk.py QUERN MODELS TEXT WORK [--llama PYTHON] [NAME…]

MODELS is what tiny.py makes, TEXT a few kilobytes of plain text. This interpreter needs torch, transformers and peft, PYTHON llama-cpp-python.
For each model and command: "ok", or what the command said, with "(no hint)" where it did not say what to do. Columns:

  convert    to F16                           quantize   to Q4_K_M and Q4_0, with the importance that was calibrated, loaded by llama.cpp
  calibrate  an importance matrix             gptq       Q4_0 and a folder in GPTQ's format by --method gptq
  verify     both against the folder          export     of the Q4_0 file, as a folder that gives the file's logits (in spreads)
  inspect    folder, file and matrix          lora       with a random adapter of every linear layer by PEFT (of mixtures: of attention): `lora merge` against
                                              PEFT's logits; `lora convert`, its adapter in llama.cpp and back, against the same (in spreads); with a star, where
                                              transformers lacks the class, an adapter and its sum with the weights made by hand, against quern's logits of that
"""
import argparse, json, os, re, shutil, subprocess, warnings
import numpy as np

IN_LLAMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'in_llama.py')


def run(*cmd):
    done = subprocess.run([str(c) for c in cmd], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f'status {done.returncode}']
        said = next((x for x in lines if 'error loading' in x), None) or next((x for x in lines if x.startswith('quern:')), lines[-1])
        hint = next((x for x in lines if x.startswith('hint:')), '(no hint)' if said.startswith('quern:') else '')
        raise RuntimeError(f'{said[-200:]} {hint}'.strip())
    return done.stdout


def in_transformers(path):
    import transformers as tf
    c = json.load(open(os.path.join(path, 'config.json')))
    return hasattr(tf, c['architectures'][0]) or c['model_type'] in tf.models.auto.configuration_auto.CONFIG_MAPPING_NAMES


def asked(model, tokens):
    """what a model is given: an encoder half of the tokens and one, and its decoder the rest"""
    import torch
    if not model.config.is_encoder_decoder:
        return {'input_ids': torch.tensor([tokens])}
    half = len(tokens) // 2 + 1
    return {'input_ids': torch.tensor([tokens[:half]]), 'decoder_input_ids': torch.tensor([[model.config.decoder_start_token_id] + tokens[half:]])}


def adapter(src, out, tokens):
    """a random adapter by PEFT, and the logits of the model that has it"""
    import torch
    from peft import LoraConfig, get_peft_model
    import transformers as tf
    make = getattr(tf, json.load(open(os.path.join(src, 'config.json')))['architectures'][0], tf.AutoModelForCausalLM)
    model = make.from_pretrained(src, dtype=torch.float32, attn_implementation='eager').eval()
    experts = any('expert' in k for k, _ in model.named_parameters())  # PEFT trains those as one parameter, which quern refuses
    latent = any('kv_a_proj' in k for k, _ in model.named_modules())  # of whose attention llama.cpp knows adapters of one matrix only
    layers = [k for k, m in model.named_modules() if type(m).__name__ in ('Linear', 'Conv1D', 'FalconLinear') and m is not model.get_output_embeddings()
              and not (experts and 'attn' not in k) and not (latent and 'o_proj' not in k and 'mlp' not in k)
              and not any(x in k for x in ('per_layer_model_projection', 'altup_', 'modality_router'))  # llama.cpp adapts none of these
              and ('language_model' in k or 'text_model' in k or 'text_config' not in model.config.to_dict())]  # nothing around a language model
    peft = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, task_type='CAUSAL_LM', target_modules=layers))
    g = torch.Generator().manual_seed(1)
    for name, p in peft.named_parameters():
        if 'lora_' in name:
            p.data = torch.randn(p.shape, generator=g) * 0.1
    peft.save_pretrained(out)
    with torch.no_grad():
        return peft.eval()(**asked(model, tokens)).logits[0].float().numpy()


# Matrices that adapters are not made for by hand: no linear layers, experts, and those of latent attention and of low rank that llama.cpp changes nothing of.
APART = ('embed', 'shared', 'relative_attention_bias', 'wte', 'lm_head', 'norm', 'expert', 'gate.weight', 'router', 'kv_a_proj', 'kv_b_proj', '_lora', 'latent_proj', 'r_k', 'time_', '_weight')


def delta(state):
    """whether delta attention stands beside latent attention: of neither does llama.cpp know adapters, so that theirs are made by hand, of what is left"""
    return any('kv_a_proj' in k for k in state) and any('q_conv1d' in k for k in state)


def by_hand(src, out, summed):
    """a random adapter, and a folder of the weights with it"""
    import torch
    from safetensors.torch import load_file, save_file
    state, g, parts = load_file(os.path.join(src, 'model.safetensors')), torch.Generator().manual_seed(1), {}
    latent, names = any('kv_a_proj' in k for k in state), set()
    new = dict(state)
    for k, v in state.items():
        if v.ndim != 2 or any(x in k for x in APART) or re.search(r'\.[wavg][12]$', k) or latent and 'q_proj' in k or delta(state) and re.search('self_attn|attention', k):
            continue
        a, b = torch.randn(4, v.shape[1], generator=g) * 0.1, torch.randn(v.shape[0], 4, generator=g) * 0.1
        module = k.removesuffix('.weight')
        names.add(module.split('.')[-1])
        parts |= {f'base_model.model.{module}.lora_A.weight': a, f'base_model.model.{module}.lora_B.weight': b}
        new[k] = v + 1.5 * (b @ a)
    os.makedirs(out)
    save_file(parts, os.path.join(out, 'adapter_model.safetensors'))
    json.dump({'peft_type': 'LORA', 'r': 4, 'lora_alpha': 6, 'target_modules': sorted(names), 'bias': 'none', 'task_type': 'CAUSAL_LM'}, open(os.path.join(out, 'adapter_config.json'), 'w'))
    shutil.copytree(src, summed)
    save_file(new, os.path.join(summed, 'model.safetensors'), metadata={'format': 'pt'})


class Walk:
    def __init__(self, a, name):
        self.a, self.src, self.dir = a, os.path.join(a.models, name, 'hf'), os.path.join(a.work, name)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.ids = os.path.join(a.models, name, 'tokens.json')
        self.tokens = json.load(open(self.ids))

    def at(self, name):
        return os.path.join(self.dir, name)

    def quern(self, *cmd):
        return run(self.a.quern, *cmd)

    def logits(self, path):
        self.quern('logits', path, '--tokens', self.ids, '-o', self.at('l.npy'))
        return np.load(self.at('l.npy'))

    def llama(self, *paths):
        run(self.a.llama, IN_LLAMA, paths[0], self.ids, self.at('l.npy'), '--adapter', *paths[1:])
        return np.load(self.at('l.npy'))

    def convert(self):
        self.quern('convert', self.src, '-o', self.at('f16.gguf'), '--outtype', 'f16')

    def calibrate(self):
        self.quern('calibrate', self.src, '--text', self.a.text, '--ctx', 64, '--chunks', 4, '-o', self.at('im.gguf'))

    def quantize(self):
        more = ['--imatrix', self.at('im.gguf')] if os.path.exists(self.at('im.gguf')) else []
        self.quern('quantize', self.src, 'Q4_K_M', 'Q4_0', *more, '-o', self.at('{type}.gguf'))
        if self.a.llama:
            for t in ('Q4_K_M', 'Q4_0'):
                assert np.isfinite(self.llama(self.at(t + '.gguf'))).all()

    def verify(self):
        self.quern('verify', '--base', self.src, '--quant', self.at('Q4_K_M.gguf'), '--quant', self.at('Q4_0.gguf'), '--text', self.a.text, '--ctx', 64, '--chunks', 2)

    def inspect(self):
        for p in [self.src, self.at('Q4_K_M.gguf')] + [self.at('im.gguf')] * os.path.exists(self.at('im.gguf')):
            assert json.loads(self.quern('inspect', p, '--json'))

    def gptq(self):
        more = ['--method', 'gptq', '--text', self.a.text, '--ctx', 64, '--chunks', 4]
        self.quern('quantize', self.src, 'Q4_0', *more, '-o', self.at('gptq.gguf'))
        self.quern('quantize', self.src, '--format', 'gptq', '--group', 32, *more, '-o', self.at('gptq'))
        self.quern('verify', '--base', self.src, '--quant', self.at('gptq.gguf'), '--quant', self.at('gptq'), '--text', self.a.text, '--ctx', 64, '--chunks', 2)

    def export(self):
        self.quern('export', self.at('Q4_0.gguf'), '-o', self.at('back'), '--type', 'f32')
        want = self.logits(self.at('Q4_0.gguf'))
        return f"{np.abs(self.logits(self.at('back')) - want).max() / want.std():.1e}"

    def lora(self):
        from safetensors import safe_open
        with safe_open(os.path.join(self.src, 'model.safetensors'), 'np') as f:
            known = os.path.exists(os.path.join(os.path.dirname(self.src), 'logits.f32')) and in_transformers(self.src) and not delta(f.keys())
        if known:
            want = adapter(self.src, self.at('lora'), self.tokens)
        else:
            by_hand(self.src, self.at('lora'), self.at('summed'))
            want = self.logits(self.at('summed'))
        far = lambda x: f'{np.abs(x - want).max() / want.std():.1e}'
        self.quern('lora', 'merge', self.src, self.at('lora'), 'f32', '-o', self.at('merged.gguf'))
        cells = [far(self.logits(self.at('merged.gguf')))]
        self.quern('lora', 'convert', self.at('lora'), '--base', self.src, '-o', self.at('lora.gguf'))
        self.quern('convert', self.src, '--outtype', 'f32', '-o', self.at('f32.gguf'))
        if self.a.llama:
            cells.append(far(self.llama(self.at('f32.gguf'), self.at('lora.gguf'))))
        self.quern('lora', 'convert', self.at('lora.gguf'), '--base', self.src, '-o', self.at('lora-back'))
        self.quern('lora', 'merge', self.src, self.at('lora-back'), 'f32', '-o', self.at('merged.gguf'), '--force')
        return ', '.join(cells + [far(self.logits(self.at('merged.gguf')))]) + '*' * (not known)


warnings.simplefilter('ignore')
COLUMNS = ['convert', 'calibrate', 'quantize', 'verify', 'inspect', 'gptq', 'export', 'lora']
p = argparse.ArgumentParser()
for arg in ('quern', 'models', 'text', 'work'):
    p.add_argument(arg)
p.add_argument('names', nargs='*')
p.add_argument('--llama')
a = p.parse_intermixed_args()
print('| family | ' + ' | '.join(COLUMNS) + ' |\n|' + ' --- |' * (len(COLUMNS) + 1), flush=True)
for name in a.names or sorted(os.listdir(a.models)):
    w, cells = Walk(a, name), []
    for c in COLUMNS:
        try:
            cells.append(getattr(w, c)() or 'ok')
        except Exception as e:
            cells.append((str(e).strip().splitlines() or [type(e).__name__])[-1][-400:])
    print(f'| {name} | ' + ' | '.join(cells) + ' |', flush=True)
    shutil.rmtree(w.dir)
