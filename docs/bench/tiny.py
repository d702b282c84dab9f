#!/usr/bin/env python3
"""Tiny checkpoints of every family, for families.py and walk.py.

usage: tiny.py FAMILIES TOKENIZER OUT [--llama-cpp CHECKOUT] [--only NAME]

FAMILIES are files of configurations (internal/model/testdata/families*.json), TOKENIZER a folder with a byte-level BPE tokenizer.json of at
least 512 tokens. This interpreter needs torch, transformers and sentencepiece. For each configuration OUT/NAME gets hf/ (weights that follow
from the names of tensors, in F32, under the names that transformers saves, or of LAYOUTS where it does not have the class),
tokens.json, logits.f32 where transformers has the class, and with CHECKOUT ref-f32.gguf by the reference converter, or ref-error.txt.
Families that were published with SentencePiece get a tokenizer.model that is trained here. The reference is told the pre-tokenizer,
since nobody's tokenizer is in its list.
"""
import argparse, json, os, re, runpy, shutil, sys
import numpy as np, torch, transformers as tf
from safetensors.torch import save_file

M = (1 << 64) - 1
VOCAB = 512
SPM = 'jamba paddleocr_vl openelm PanguEmbedded orion nemotron mistral mixtral gemma gemma2 gemma3_text gemma3n_text baichuan internlm2 internlm3 minicpm minicpm3 phi3 xverse ernie4_5 ernie4_5_moe'.split()

UNIGRAM = ['t5', 'mt5', 'umt5']

# What published files say besides, and the reference asks for.
PUBLISHED = {'gpt2': {'n_ctx': 128}, 'gpt_neox': {'rotary_pct': None}, 'exaone': {'max_position_embeddings': 128}, 'xverse': {'max_position_embeddings': 128},
             'granitemoehybrid': {'layer_types': ['attention'] * 2}}
# What runtimes go by besides, or their whole context of 256 positions: numbers of layers, heads of keys.
RUNTIME = {'baichuan': {'num_hidden_layers': 32}, 'baichuan2': {'num_hidden_layers': 32}, 'cohere, norms': {'num_hidden_layers': 64},
           'deepseek_v2 lite, yarn': {'num_hidden_layers': 27}, 'exaone4, windows': {'num_hidden_layers': 64, 'layer_types': (['sliding_attention'] * 3 + ['full_attention']) * 16},
           'qwen4exp, n-grams': {'eos_token_id': 169},  # which stands among the tokens
           'dots1': {'num_key_value_heads': 4}, 'olmoe': {'num_key_value_heads': 4},
           'gemma3n': {'num_hidden_layers': 22, 'num_kv_shared_layers': 2, 'intermediate_size': [96] * 22, 'laurel_rank': 64, 'hidden_size_per_layer_input': 256,
                       'layer_types': (['sliding_attention'] * 4 + ['full_attention']) * 4 + ['sliding_attention', 'full_attention'], 'activation_sparsity_pattern': [.95] * 10 + [0.] * 12},
           'phi3, longrope, partial': {'max_position_embeddings': 512, 'original_max_position_embeddings': 256}}
OWN_NAMES = ['bailing_hybrid', 'dots3_note_text', 'qwen4_exp_text']  # of whose keys the library makes others, which the reference does not ask for
SPECIAL = {kind: ['<|user|>', '<|observation|>', '[gMASK]', '<sop>', '<|system|>', '<|assistant|>'] for kind in ('glm', 'glm4', 'glm4_moe', 'glm4_moe_lite', 'chatglm', 'glm4v', 'glm_ocr', 'glm4v_moe', 'glm5_next')} | {
    'solar_open': ['<|startoftext|>', '<unk>'], 'dots3_note_text': ['<|endofassistant|>']}


def reference(llama, hf, out, *more, outtype='f32'):
    """the reference converter in a child, so that its libraries are loaded once, with further arguments; what it said last, where it failed"""
    if llama not in sys.path:
        sys.path.insert(0, llama)
        import conversion.base as base
        base.TextModel.get_vocab_base_pre = lambda self, tokenizer: 'gpt-2'
        import conversion.deci as deci, conversion.qwen as qwen  # that ask for vocabularies of their own
        deci.DeciModel.set_vocab = qwen.QwenModel.set_vocab = base.TextModel._set_vocab_gpt2
        load = base.ModelBase.load_hparams
        base.ModelBase.load_hparams = staticmethod(lambda at, is_mistral_format: json.load(open(at / 'config.json')) if json.load(open(at / 'config.json')).get('model_type') in OWN_NAMES else load(at, is_mistral_format))
        for kind, like in {'nemotron-nas': tf.LlamaConfig, 'nemotron_h_puzzle': tf.PretrainedConfig, 'mimo_v2': tf.PretrainedConfig}.items():  # code beside the weights
            tf.AutoConfig.register(kind, type('Other', (like,), {'model_type': kind}))
    log = out + '.log'
    child = os.fork()
    if not child:
        code = 1
        try:
            to = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            os.dup2(to, 1), os.dup2(to, 2)
            sys.argv = ['convert', hf, '--outtype', outtype, '--outfile', out, *more]
            runpy.run_path(os.path.join(llama, 'convert_hf_to_gguf.py'), run_name='__main__')
            code = 0
        except SystemExit as e:
            code = e.code or 0
        except BaseException as e:
            os.write(2, f'\n{type(e).__name__}: {e}'.encode())
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1] == 0:
        return None
    if os.path.exists(out):
        os.remove(out)
    return (open(log).read().strip().splitlines() or ['?'])[-1]


def weights(name, shape):
    """FNV-1a of the name, then splitmix64: around zero, or around one for a norm or a factor of a layer"""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & M
    with np.errstate(over='ignore'):
        z = np.uint64(h) + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24) - np.float32(0.5)
    u = u * np.float32(0.375) if len(shape) > 1 else u * np.float32(0.5) + np.float32('norm' in name or 'ln_' in name or 'layer_scalar' in name)
    return torch.from_numpy(u.reshape(shape))


LLAMA = {'model.embed_tokens.weight': 'V E', 'model.norm.weight': 'E', 'lm_head.weight': 'V E'} | {'model.layers.{}.' + k + '.weight': v for k, v in {
    'input_layernorm': 'E', 'post_attention_layernorm': 'E', 'self_attn.q_proj': 'Q E', 'self_attn.k_proj': 'K E', 'self_attn.v_proj': 'K E',
    'self_attn.o_proj': 'E Q', 'mlp.gate_proj': 'F E', 'mlp.up_proj': 'F E', 'mlp.down_proj': 'E F'}.items()}


def named(table, names):
    """a layout whose tensors go by other names"""
    return {re.sub('|'.join(map(re.escape, names)), lambda m: names[m[0]], k): v for k, v in table.items()}


def packed(table, name):
    """queries, keys and values are one matrix"""
    return {k.replace('q_proj', name): 'A E' if 'q_proj' in k else v for k, v in table.items() if not re.search('[kv]_proj', k)}


EXPERTS = {f'model.layers.{{}}.mlp.experts.{{e}}.{k}_proj.weight': v for k, v in {'gate': 'X E', 'up': 'X E', 'down': 'E X'}.items()} | {
    'model.layers.{}.mlp.gate.weight': 'N E'} | {f'model.layers.{{}}.mlp.shared_experts.{k}_proj.weight': v for k, v in {'gate': 'S E', 'up': 'S E', 'down': 'E S'}.items()}
PACK = packed(LLAMA, 'W_pack')
BAILING2 = named(packed(LLAMA, 'query_key_value') | EXPERTS | {'model.layers.{}.mlp.gate.expert_bias': 'N', 'model.layers.{}.self_attn.query_layernorm.weight': 'D',
    'model.layers.{}.self_attn.key_layernorm.weight': 'D'}, {'embed_tokens': 'word_embeddings', 'self_attn': 'attention', 'o_proj': 'dense'})
LOW = {'w': 'RW', 'a': 'RA', 'v': 'RV', 'g': 'RG'}
GOOSE = {'model.embeddings.weight': 'V E', 'lm_head.weight': 'V E'} | {f'{k}.{part}': 'E' for part in ('weight', 'bias') for k in (
    'model.norm', 'model.layers.0.pre_norm', 'model.layers.{}.attn_norm', 'model.layers.{}.ffn_norm', 'model.layers.{}.attn.g_norm')} | {
    'model.layers.{}.' + k: v for k, v in {f'attn.x_{x}': '1 1 E' for x in 'rwkvag'}.items() | {f'attn.{x}_proj.weight': 'E E' for x in 'rkvo'}.items() | {
        'attn.k_k': 'E', 'attn.k_a': 'E', 'attn.r_k': 'H D', 'ffn.x_k': 'E', 'ffn.key.weight': 'F E', 'ffn.value.weight': 'E F'}.items() | {
        f'attn.{x}_lora.lora.0.weight': r + ' E' for x, r in LOW.items()}.items() | {f'attn.{x}_lora.lora.2.weight': 'E ' + r for x, r in LOW.items()}.items() | {
        f'attn.{x}_lora.lora.2.bias': 'E' for x in 'wav'}.items()}
FINCH = {'rwkv.embeddings.weight': 'V E', 'head.weight': 'V E'} | {f'{k}.{part}': 'E' for part in ('weight', 'bias') for k in (
    'rwkv.ln_out', 'rwkv.blocks.0.pre_ln', 'rwkv.blocks.{}.ln1', 'rwkv.blocks.{}.ln2', 'rwkv.blocks.{}.attention.ln_x')} | {
    'rwkv.blocks.{}.' + k: v for k, v in {f'attention.time_maa_{x}': '1 1 E' for x in 'xwkvrg'}.items() | {f'attention.{x}.weight': 'E E' for x in ('receptance', 'key', 'value', 'gate', 'output')}.items() | {
        'attention.time_maa_w1': 'E 5RM', 'attention.time_maa_w2': '5 RM E', 'attention.time_decay': '1 1 E', 'attention.time_decay_w1': 'E R6', 'attention.time_decay_w2': 'R6 E',
        'attention.time_faaaa': 'H D', 'feed_forward.time_maa_k': '1 1 E', 'feed_forward.time_maa_r': '1 1 E', 'feed_forward.key.weight': 'F E', 'feed_forward.receptance.weight': 'E E',
        'feed_forward.value.weight': 'E F'}.items()}
QRWKV = {k: v for k, v in LLAMA.items() if 'self_attn' not in k} | {'model.layers.{}.self_attn.' + k: v for k, v in {f'time_maa_{x}': '1 1 E' for x in 'xrkvwg'}.items() | {
    f'{x}_proj.{part}': (n + ' E' if part == 'weight' else n) for x, n in {'q': 'Q', 'k': 'K', 'v': 'K'}.items() for part in ('weight', 'bias')}.items() | {
    'gate.weight': 'E E', 'o_proj.weight': 'E E', 'time_maa_w1': 'E 5RM', 'time_maa_w2': '5 RM E', 'time_decay': '1 1 E', 'time_decay_w1': 'E R6', 'time_decay_w2': 'R6 E'}.items()}
ARWKV = {k: v for k, v in LLAMA.items() if 'self_attn' not in k} | {'model.layers.{}.self_attn.time_mixer.' + k: v for k, v in {f'x_{x}': '1 1 E' for x in 'rwkvag'}.items() | {
    f'{x}.weight': 'E E' for x in ('receptance', 'key', 'value', 'output')}.items() | {'k_k': '1 1 E', 'k_a': '1 1 E', 'r_k': 'H D', 'ln_x.weight': 'E', 'ln_x.bias': 'E'}.items() | {
    x + '0': '1 1 E' for x in 'wav'}.items() | {x + '1': 'E ' + n for x, n in {'w': '64', 'a': '64', 'v': '32', 'g': '128'}.items()}.items() | {
    x + '2': n + ' E' for x, n in {'w': '64', 'a': '64', 'v': '32', 'g': '128'}.items()}.items()}
DELTA = {'q_proj.weight': 'Q E', 'k_proj.weight': 'Q E', 'v_proj.weight': 'Q E', 'o_proj.weight': 'E Q', 'dt_bias': 'Q', 'b_proj.weight': 'HH E', 'o_norm.weight': 'D',
    'q_conv1d.weight': 'Q 1 4', 'k_conv1d.weight': 'Q 1 4', 'v_conv1d.weight': 'Q 1 4'}
LATENT = {k + '.weight': v for k, v in {'q_proj': 'QM? E', 'q_a_proj': 'QL E', 'q_a_layernorm': 'QL', 'q_b_proj': 'QM QL', 'kv_a_proj_with_mqa': 'KA E', 'kv_a_layernorm': 'KL',
    'kv_b_proj': 'KB KL', 'o_proj': 'E O'}.items()}


def latent_or_delta(delta, latent):
    """attention of models that have latent attention in some layers and delta attention in the others"""
    return {k: v for k, v in LLAMA.items() if 'self_attn' not in k} | {f'{kind}:model.layers.{{}}.self_attn.{k}': v for kind, own in (('delta', DELTA | delta), ('latent', LATENT | latent)) for k, v in own.items()}


SPARSE = {'model.layers.{}.block_sparse_moe.' + k: v for k, v in {f'experts.{{e}}.w{i}.weight': v for i, v in zip((1, 2, 3), ('X EX', 'EX X', 'X EX'))}.items() | {'gate.weight': 'N E',
    'gate.e_score_correction_bias': 'N', 'shared_experts.gate_proj.weight': 'S E', 'shared_experts.up_proj.weight': 'S E', 'shared_experts.down_proj.weight': 'E S'}.items()}
LOWER = {'f_a_proj.weight': 'D E', 'f_b_proj.weight': 'Q D'}
KIMI = latent_or_delta(LOWER | {'A_log': '1 1 HH 1', 'g_a_proj.weight': 'D E', 'g_b_proj.weight': 'Q D'}, {}) | SPARSE
K3 = {re.sub(r'^(\w+:)?', lambda m: m[0] + 'language_model.', k): v for k, v in (latent_or_delta(LOWER | {'A_log': 'HH', 'g_proj.weight': 'Q E'}, {'g_proj.weight': 'O E'}) | SPARSE | {
    'model.layers.{}.block_sparse_moe.' + k + '.weight': v for k, v in {'routed_expert_down_proj': 'EL? E', 'routed_expert_up_proj': 'E EL?', 'routed_expert_norm': 'EL?'}.items()} | {
    f'model.{at}_{k}.weight': v for at in ('layers.{}.self_attention_res', 'layers.{}.mlp_res', 'output_attn_res') for k, v in {'norm': 'E', 'proj': '1 E'}.items()}).items()}
LING = named(latent_or_delta({'A_log': 'HH', 'f_proj.weight': 'Q E', 'g_proj.weight': 'Q E'}, {'g_proj.weight': 'HH E', 'dense.weight': 'E O', 'o_proj.weight': '0'}) | EXPERTS | {
    'model.layers.{}.mlp.gate.expert_bias': 'N'}, {'embed_tokens': 'word_embeddings', 'self_attn': 'attention'})
LIGHTNING = {k: v for k, v in LLAMA.items() if 'mlp' not in k} | {'model.layers.{}.self_attn.' + k + '.weight': v for k, v in {
    'qkv_proj': 'QM3 E', 'output_gate': 'Q E', 'out_proj': 'E Q', 'norm': 'Q'}.items()} | {f'model.layers.{{}}.block_sparse_moe.{k}.weight': v for k, v in {
    'gate': 'N E', 'experts.{e}.w1': 'F E', 'experts.{e}.w2': 'E F', 'experts.{e}.w3': 'F E'}.items()}


SWITCH = {k: v for k, v in LLAMA.items() if 'self_attn' not in k and 'mlp' not in k} | {'model.layers.{}.' + k: v for k, v in {
    'self_attn.qkv_proj.base_layer.weight': 'A E', 'self_attn.o_proj.base_layer.weight': 'E Q', 'shared_mlp.input_linear.base_layer.weight': 'G E',
    'shared_mlp.output_linear.base_layer.weight': 'E F'}.items()} | {f'model.layers.{{}}.{k.replace("*", x)}': f'SA 1 LR {a}' if x == 'A' else f'SA 1 {b} LR' for x in 'AB' for k, (a, b) in {
    'self_attn.qkv_proj.lora_*_slices.0': 'EQ', 'self_attn.qkv_proj.lora_*_slices.1': 'EK', 'self_attn.qkv_proj.lora_*_slices.2': 'EK', 'self_attn.o_proj.lora_*': 'QE',
    'shared_mlp.input_linear.lora_*_slices.0': 'EF', 'shared_mlp.input_linear.lora_*_slices.1': 'EF', 'shared_mlp.output_linear.lora_*': 'FE'}.items()}


def latent(c, l):
    """whether a layer of a model that has latent and delta attention has the former"""
    if 'linear_attn_config' in c:
        return l + 1 in c['linear_attn_config']['full_attn_layers']
    if 'layer_types' in c:
        return c['layer_types'][l] == 'full_attention'
    return (l + 1) % c['layer_group_size'] == 0 or l >= c['num_hidden_layers'] // c['layer_group_size'] * c['layer_group_size']


AT = 'model.layers.layers.{}.'
PLAMO3 = {'model.embed_tokens.weight': 'V E', 'model.norm.weight': 'E', 'lm_head.weight': 'V E'} | {AT + k + '.weight': v for k, v in {
    'pre_mixer_norm': 'E', 'post_mixer_norm': 'E', 'pre_mlp_norm': 'E', 'post_mlp_norm': 'E', 'mixer.qkv_proj': 'A E', 'mixer.o_proj': 'E Q', 'mixer.q_norm': 'D', 'mixer.k_norm': 'D',
    'mlp.gate_up_proj': 'G E', 'mlp.down_proj': 'E F'}.items()}
PLAMO2 = {k: v for k, v in PLAMO3.items() if '_norm' not in k or 'mixer.' not in k} | {AT + 'mixer.' + k: v for k, v in {
    'q_weight': 'H D', 'k_weight': 'HK D', 'in_proj.weight': 'SI2 E', 'conv1d.weight': 'SI 1 4', 'bcdt_proj.weight': 'SX SI', 'dt_proj.weight': 'SH SR', 'dt_bias': 'SH', 'A_log': 'SH', 'D': 'SH',
    'dt_norm_weight': 'SR', 'B_norm_weight': 'SN', 'C_norm_weight': 'SN', 'out_proj.weight': 'E SI'}.items()}


# What the files of models have that transformers knows by their own code only.
LAYOUTS = {
    'baichuan': PACK, 'xverse': LLAMA, 'minicpm': LLAMA, 'internlm3': LLAMA, 'deepseek': LLAMA | EXPERTS,
    'orion': LLAMA | {k.replace('weight', 'bias'): 'E' for k in LLAMA if 'norm' in k},
    'codeshell': {'transformer.wte.weight': 'V E', 'lm_head.weight': 'V E', 'transformer.ln_f.weight': 'E', 'transformer.ln_f.bias': 'E'} | {
        f'transformer.h.{{}}.{k}.{part}': v if part == 'weight' else v.split()[0] for part in ('weight', 'bias') for k, v in {
            'ln_1': 'E', 'ln_2': 'E', 'attn.c_attn': 'A E', 'attn.c_proj': 'E E', 'mlp.c_fc': 'F E', 'mlp.c_proj': 'E F'}.items()},
    'internlm2': named(packed(LLAMA, 'wqkv'), {'embed_tokens': 'tok_embeddings', 'self_attn': 'attention', 'o_proj': 'wo', 'input_layernorm': 'attention_norm',
        'post_attention_layernorm': 'ffn_norm', 'mlp.gate_proj': 'feed_forward.w1', 'mlp.up_proj': 'feed_forward.w3', 'mlp.down_proj': 'feed_forward.w2', 'lm_head': 'output'}),
    'exaone': named(LLAMA, {'model.embed_tokens': 'transformer.wte', 'model.layers': 'transformer.h', 'input_layernorm': 'ln_1', 'post_attention_layernorm': 'ln_2',
        'self_attn': 'attn.attention', 'o_proj': 'out_proj', 'gate_proj': 'c_fc_0', 'up_proj': 'c_fc_1', 'down_proj': 'c_proj', 'model.norm': 'transformer.ln_f'}),
    'bailing_moe': named({k: v for k, v in packed(LLAMA, 'query_key_value').items() if 'mlp' not in k} | EXPERTS,
        {'embed_tokens': 'word_embeddings', 'self_attn': 'attention', 'o_proj': 'dense'}),
    'bailing_moe_v2': BAILING2, 'sarvam_moe': BAILING2,
    'maincoder': LLAMA | {f'model.layers.{{}}.self_attn.{k}_norm.weight': 'D' for k in 'qk'},
    'PanguEmbedded': LLAMA | {f'model.layers.{{}}.self_attn.{k}_proj.bias': v for k, v in {'q': 'Q', 'k': 'K', 'v': 'K', 'o': 'E'}.items()},
    'nemotron-nas': {k: {'input_layernorm': 'EA', 'post_attention_layernorm': 'EF'}.get(k.split('.')[-2], v) for k, v in LLAMA.items()} | {
        'model.layers.{}.self_attn.linear_attn.weight': 'EL E'},
    'openelm': {'transformer.token_embeddings.weight': 'V E', 'transformer.norm.weight': 'E'} | {'transformer.layers.{}.' + k + '.weight': v for k, v in {
        'attn_norm': 'E', 'ffn_norm': 'E', 'attn.qkv_proj': 'A E', 'attn.q_norm': 'D', 'attn.k_norm': 'D', 'attn.out_proj': 'E Q', 'ffn.proj_1': 'G E', 'ffn.proj_2': 'E F'}.items()},
    'smallthinker': {k: v for k, v in LLAMA.items() if 'mlp' not in k} | {f'model.layers.{{}}.block_sparse_moe.{k}.weight': v for k, v in {
        'primary_router': 'N E', 'experts.{e}.gate': 'X E', 'experts.{e}.up': 'X E', 'experts.{e}.down': 'E X'}.items()},
    'gpt_refact': {'transformer.wte.weight': 'V E', 'ln_f.weight': 'E', 'lm_head.weight': 'V E'} | {'transformer.h.{}.' + k + '.weight': v for k, v in {
        'ln_1': 'E', 'ln_2': 'E', 'attn.q': 'E E', 'attn.kv': 'DD E', 'attn.c_proj': 'E E', 'mlp.gate_up_proj': 'G E', 'mlp.c_proj': 'E F'}.items()},
    'plm': {k: {'q_proj': 'QM E', 'o_proj': 'E O'}.get(k.split('.')[-2], v) for k, v in LLAMA.items() if not re.search('[kv]_proj|gate_proj', k)} | {
        'model.layers.{}.self_attn.' + k + '.weight': v for k, v in {'kv_a_proj_with_mqa': 'KA E', 'kv_a_layernorm': 'KL', 'kv_b_proj': 'KB KL'}.items()},
    'qwen': {'transformer.wte.weight': 'V E', 'transformer.ln_f.weight': 'E', 'lm_head.weight': 'V E', 'transformer.h.{}.attn.c_attn.bias': 'A'} | {'transformer.h.{}.' + k + '.weight': v for k, v in {
        'ln_1': 'E', 'ln_2': 'E', 'attn.c_attn': 'A E', 'attn.c_proj': 'E Q', 'mlp.w1': 'F/2 E', 'mlp.w2': 'F/2 E', 'mlp.c_proj': 'E F/2'}.items()},
    'kimi_linear': KIMI, 'bailing_hybrid': LING, 'kimi_k3': K3, 'minimax_text_01': LIGHTNING, 'granite_switch': SWITCH, 'plamo2': PLAMO2, 'plamo3': PLAMO3, 'rwkv7': GOOSE, 'rwkv6': FINCH, 'rwkv6qwen2': QRWKV, 'rwkv_hybrid': ARWKV,
    'chatglm': {'transformer.embedding.word_embeddings.weight': 'V E', 'transformer.encoder.final_layernorm.weight': 'E', 'transformer.output_layer.weight': 'V E',
        'transformer.rotary_pos_emb.inv_freq': 'R'} | {'transformer.encoder.layers.{}.' + k: v for k, v in {
        'input_layernorm.weight': 'E', 'post_attention_layernorm.weight': 'E', 'self_attention.query_key_value.weight': 'A E',
        'self_attention.query_key_value.bias': 'A', 'self_attention.dense.weight': 'E Q', 'mlp.dense_h_to_4h.weight': 'G E', 'mlp.dense_4h_to_h.weight': 'E F'}.items()},
}


def blocks(c):
    """heads of queries, of keys, and width of each layer, where they differ"""
    if 'block_configs' in c:
        for b in c['block_configs']:
            group, by, heads = b['attention']['n_heads_in_group'], b['ffn']['ffn_mult'], c['num_attention_heads']
            yield heads if group or b['attention']['replace_with_linear'] else 0, heads // group if group else 0, -(-int(2 * (by or 0) * c['hidden_size'] / 3) // 256) * 256
    for q, kv, by in zip(c.get('num_query_heads', []), c.get('num_kv_heads', []), c.get('ffn_multipliers', [])):
        d = c['ffn_dim_divisor']
        n = max(d, int(by * c['model_dim'] + d / 2) // d * d)
        yield q, kv, n + d * (n < 0.9 * by * c['model_dim'])


def layout(c):
    """the tensors of a class of LAYOUTS"""
    table, c = LAYOUTS[c['model_type']], c.get('text_config', c)
    get = lambda *keys, default=None: next((c[k] for k in keys if c.get(k) is not None), default)
    e, heads, layers = get('hidden_size', 'n_embd', 'model_dim'), get('num_attention_heads', 'n_head', default=1), get('num_hidden_layers', 'num_layers', 'n_layer', 'num_transformer_layers')
    kv = get('num_key_value_heads', 'multi_query_group_num', 'num_query_groups', default=heads)
    d, f = get('head_dim', 'kv_channels', 'head_size', 'hidden_size_per_head', default=e // heads), get('intermediate_size', 'ffn_hidden_size', 'n_inner', default=4 * e)
    x, n = get('moe_intermediate_size', 'moe_ffn_hidden_size', default=0), get('n_routed_experts', 'num_experts', 'moe_num_primary_experts', 'num_local_experts', default=0)
    size = {'V': c['vocab_size'], 'E': e, 'Q': heads * d, 'K': kv * d, 'A': (heads + 2 * kv) * d, 'F': f, 'G': 2 * f, 'X': x, 'N': n, 'R': d // 4, 'D': d, 'DD': 2 * d,
            'S': x * get('n_shared_experts', 'num_shared_experts', default=0)}
    rank, still, turn, value = (get(k, default=0) for k in ('kv_lora_rank', 'qk_nope_head_dim', 'qk_rope_head_dim', 'v_head_dim'))
    size |= {'F/2': f // 2, 'QM': heads * (still + turn), 'KL': rank, 'KA': rank + turn, 'KB': heads * (still + value), 'O': heads * value}
    size |= {x: int(x) for x in ('5', '32', '64', '128')} | {'5RM': 5 * get('lora_rank_tokenshift', default=32), 'RM': get('lora_rank_tokenshift', default=32), 'R6': get('lora_rank_decay', default=64)}
    size |= {'4': 4, 'HH': heads, 'QM3': 3 * heads * d}
    low = get('q_lora_rank', default=0)
    size |= {'0': 0, 'QL': low, 'QM?': 0 if low else heads * (still + turn), 'EX': get('routed_expert_hidden_size', default=e), 'EL?': get('routed_expert_hidden_size', default=0)}
    states, way, rank = get('mamba_num_heads', default=0), get('mamba_d_state', default=0), max(64, e // 16)
    size |= {'HK': kv, 'SH': states, 'SI': states * d, 'SI2': 2 * states * d, 'SN': way, 'SR': rank, 'SX': rank + 2 * way}
    size |= {'SA': c.get('num_adapters'), 'LR': c.get('max_lora_rank')}
    size |= {'1': 1, 'H': e // d, 'RW': get('decay_low_rank_dim'), 'RA': get('a_low_rank_dim'), 'RV': get('v_low_rank_dim'), 'RG': get('gate_low_rank_dim')}
    out, dense = {}, get('first_k_dense_replace', default=0)
    layers -= 'num_adapters' in c  # one is for the choice
    each = [dict(size, Q=q * d if kv else 0, K=kv * d, A=(q + 2 * kv) * d, F=f, G=2 * f, EA=e if q else 0, EF=e if f else 0, EL=e if q and not kv else 0) for q, kv, f in blocks(c)]
    for name, dims in table.items():
        if c.get('tie_word_embeddings') and name == 'lm_head.weight':
            continue
        for l in range(layers) if '{}' in name else [0]:
            if l == 0 and '.v_lora' in name or c.get('wkv_has_gate') is False and re.search(r'\.(x_g|g[12]|ln_x\..*)$', name):
                continue
            if n and ('mlp.' in name or 'moe' in name) and (name.removeprefix('language_model.') in LLAMA) != (l < dense):
                continue
            if 'attn_type_list' in c and 'self_attn' in name and bool(re.search(r'qkv_proj|output_gate|out_proj|norm', name)) == bool(c['attn_type_list'][l]):
                continue
            if ':' in name and latent(c, l) != name.startswith('latent:'):
                continue
            if 'mamba_step' in c and '.mixer.' in name and bool(re.search('qkv|o_proj|[qk]_weight', name)) != (l % c['mamba_step'] == c['mamba_step'] // 2):
                continue
            for k in range(n) if '{e}' in name else [0]:
                shape = [(each[l] if each and '{}' in name else size)[x] for x in dims.split()]
                if all(shape):
                    out[name.rpartition(':')[2].replace('{}', str(l)).replace('{e}', str(k))] = shape
    return out


def asked(tokens):
    """what an encoder reads of tokens, and what is given to its decoder"""
    half = len(tokens) // 2 + 1
    return dict(input_ids=torch.tensor([tokens[:half]]), decoder_input_ids=torch.tensor([[0] + tokens[half:]]))


def pieces(out, unigram):
    """a SentencePiece vocabulary of merges with bytes, as Llama 2 has one, or of likely pieces, as T5"""
    import sentencepiece as spm
    text = [re.sub(r'\s+', ' ', x) for x in open(__file__).read().split('\n') if x.strip()]
    if unigram:
        spm.SentencePieceTrainer.train(sentence_iterator=iter(text), model_prefix=os.path.join(out, 'spiece'), vocab_size=VOCAB, model_type='unigram', pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
                                       hard_vocab_limit=False, minloglevel=2)
        os.remove(os.path.join(out, 'spiece.vocab'))
        json.dump({'tokenizer_class': 'T5Tokenizer', 'eos_token': '</s>', 'unk_token': '<unk>', 'pad_token': '<pad>', 'extra_ids': 0}, open(os.path.join(out, 'tokenizer_config.json'), 'w'))
        return
    spm.SentencePieceTrainer.train(sentence_iterator=iter(text), model_prefix=os.path.join(out, 'tokenizer'), vocab_size=VOCAB, model_type='bpe', byte_fallback=True,
                                   normalization_rule_name='identity', remove_extra_whitespaces=False, split_digits=True, minloglevel=2)
    json.dump({'tokenizer_class': 'LlamaTokenizer', 'bos_token': '<s>', 'eos_token': '</s>', 'unk_token': '<unk>', 'add_bos_token': True, 'add_eos_token': False,
               'clean_up_tokenization_spaces': False}, open(os.path.join(out, 'tokenizer_config.json'), 'w'))


def rename(path, own, arch):
    """the class that published files name, or a configuration that the library does not know"""
    c = own if 'block_configs' in own or own['model_type'] in OWN_NAMES else json.load(open(path))
    json.dump(dict(c, architectures=arch), open(path, 'w'), indent=1)


WORLD = ['rwkv7', 'rwkv6']


def world(out):
    """a vocabulary of bytes and of what a text often has, as RWKV has one"""
    from collections import Counter
    text = open(__file__).read()
    often = Counter(text[i:i + n] for n in range(2, 9) for i in range(len(text) - n))
    tokens = [bytes([i]) for i in range(256)] + [b'  ', b'\t\t', b'\r\n', b'   '] + [b'\n\n'] + ['\u65e5'.encode()[:2], 'é'.encode(), "'\"".encode()]
    tokens += [x.encode() for x, _ in often.most_common() if x.encode() not in tokens][:VOCAB - 10 - len(tokens)]

    def spelled(x):
        try:
            return repr(x.decode())
        except UnicodeDecodeError:
            return repr(x)
    open(os.path.join(out, 'rwkv_vocab_v20230424.txt'), 'w').write(''.join(f'{i + 1} {spelled(x)} {len(x)}\n' for i, x in enumerate(tokens)))
    json.dump({'tokenizer_class': 'RwkvTokenizer', 'bos_token': '<s>', 'eos_token': '<s>', 'unk_token': '<s>', 'clean_up_tokenization_spaces': False},
              open(os.path.join(out, 'tokenizer_config.json'), 'w'))


LISTED = ['plamo2', 'plamo3']


def listed(out):
    """a vocabulary of bytes and of what a text often has, with scores, as PLaMo has one"""
    from collections import Counter
    text = open(__file__).read()
    often = Counter(text[i:i + n] for n in range(1, 8) for i in range(len(text) - n)).most_common(VOCAB - 270)
    rows = [[f'<|plamo:{x}|>', 0, k] for x, k in (('unk', 'UNKNOWN'), ('bos', 'CONTROL'), ('eos', 'CONTROL'), ('pad', 'CONTROL'), ('op', 'NORMAL'))] + [[f'<0x{b:02X}>', 0, 'BYTE'] for b in range(256)]
    rows += [[x, round(float(np.log(n / len(text))) - 0.017 * len(x), 4), 'NORMAL'] for x, n in often]
    open(os.path.join(out, 'tokenizer.jsonl'), 'w').write(''.join(json.dumps(r) + '\n' for r in rows))
    json.dump({f'{x}_token': f'<|plamo:{x}|>' for x in ('bos', 'eos', 'pad', 'unk')} | {'add_bos_token': True}, open(os.path.join(out, 'tokenizer_config.json'), 'w'))


CHARACTERS = ['gemma4_text']


def characters(out):
    """a vocabulary of characters with merges and bytes, as Gemma 4 has one"""
    from tokenizers import Tokenizer, Regex, decoders, models, normalizers, pre_tokenizers, trainers
    special = ['<pad>', '<eos>', '<bos>', '<unk>']
    t = Tokenizer(models.BPE(unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Replace(' ', '\u2581')
    t.pre_tokenizer = pre_tokenizers.Split(Regex('\n+'), 'isolated')
    t.train_from_iterator([open(__file__).read()], trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=special + [f'<0x{i:02X}>' for i in range(256)], show_progress=False))
    t.pre_tokenizer = pre_tokenizers.Split(' ', 'merged_with_previous')
    t.decoder = decoders.Sequence([decoders.Replace('\u2581', ' '), decoders.ByteFallback(), decoders.Fuse()])
    d = json.loads(t.to_str())
    d['added_tokens'] = d['added_tokens'][:len(special)]
    json.dump(d, open(os.path.join(out, 'tokenizer.json'), 'w'), ensure_ascii=False)
    json.dump({'tokenizer_class': 'PreTrainedTokenizerFast', 'bos_token': '<bos>', 'eos_token': '<eos>', 'unk_token': '<unk>', 'pad_token': '<pad>',
               'clean_up_tokenization_spaces': False}, open(os.path.join(out, 'tokenizer_config.json'), 'w'))


def slug(name):
    return re.sub(r'\W+', '-', name)


def puzzled(c):
    """Nemotron-H whose layers have experts of other widths, and other numbers of them for a token, as NemotronHPuzzleForCausalLM makes them of block_configs"""
    own, blocks = dict(c, model_type='nemotron_h'), c['block_configs']
    del own['block_configs']
    kinds = {'mamba': 'linear_attention', 'attention': 'full_attention', 'moe': 'moe'}
    own['layers_block_type'] = [kinds[b['block_type']] for b in blocks]
    model = tf.NemotronHForCausalLM._from_config(tf.AutoConfig.for_model(**own), attn_implementation='eager', dtype=torch.float32).eval()
    for layer, b in zip(model.model.layers, blocks):
        if b['block_type'] == 'moe':
            layer.mixer = type(layer.mixer)(tf.AutoConfig.for_model(**dict(own, **{k: b[k] for k in ('moe_intermediate_size', 'num_experts_per_tok')}))).float().eval()
    return model


def flash(c):
    """MiMo-V2.5's language model as the library has MiMo-V2-Flash, which differs in how files lie"""
    kinds = ['sliding_attention' if x else 'full_attention' for x in c['hybrid_layer_pattern']]
    rope = {'rope_type': 'default', 'partial_rotary_factor': c['partial_rotary_factor']}
    own = {k: v for k, v in c.items() if k not in ('architectures', 'attention_projection_layout', 'partial_rotary_factor', 'rope_theta') and not k.startswith(('swa_', 'add_', 'hybrid_', 'moe_layer', 'layernorm'))}
    return tf.MiMoV2FlashForCausalLM._from_config(tf.AutoConfig.for_model(**dict(own, model_type='mimo_v2_flash', layer_types=kinds, rms_norm_eps=c['layernorm_epsilon'],
        mlp_layer_types=['sparse' if x else 'dense' for x in c['moe_layer_freq']], rope_parameters={'full_attention': dict(rope, rope_theta=c['rope_theta']),
        'sliding_attention': dict(rope, rope_theta=c['swa_rope_theta'])})), attn_implementation='eager', dtype=torch.float32).eval()


def joined(hf, c):
    """queries, keys and values of each layer in one matrix, as MiMo-V2.5 has them, and its config.json"""
    from safetensors.torch import load_file
    path = os.path.join(hf, 'model.safetensors')
    state = load_file(path)
    for l in range(c['num_hidden_layers']):
        at = f'model.layers.{l}.self_attn.'
        state[at + 'qkv_proj.weight'] = torch.cat([state.pop(f'{at}{x}_proj.weight') for x in 'qkv'])
    save_file(state, path, metadata={'format': 'pt'})
    json.dump(c, open(os.path.join(hf, 'config.json'), 'w'), indent=1)


def build(c):
    """the library's model of a configuration"""
    if c['model_type'] == 'mimo_v2':
        return flash(c)
    if c['model_type'] == 'nemotron_h_puzzle':
        return puzzled(c)
    make = getattr(tf, c.pop('architectures')[0], None)  # or one that goes by another name in the library
    make = make._from_config if make else tf.AutoModelForCausalLM.from_config
    return make(tf.AutoConfig.for_model(**c), attn_implementation='eager', dtype=torch.float32).eval()


def make(a, f):
    c = dict(f['config'], vocab_size=VOCAB, bos_token_id=0, eos_token_id=0, pad_token_id=None)
    for k, v in RUNTIME.get(f['name'], {}).items():
        c[k] = v
    if 'text_config' in c:  # of models around a language model
        c['text_config'] = dict(c['text_config'], **{k: c.pop(k) for k in ('vocab_size', 'bos_token_id', 'eos_token_id', 'pad_token_id')})
        c['text_config']['vocab_size'] += len(SPECIAL.get(c['model_type'], []))
    kind, folder = c['model_type'], os.path.join(a.out, slug(f['name']))
    hf = os.path.join(folder, 'hf')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(hf)
    tokens = [(7 * i * i + 31 * i + 5) % VOCAB for i in range(40)]
    json.dump(tokens, open(os.path.join(folder, 'tokens.json'), 'w'))
    if kind in SPM:
        c.update(bos_token_id=1, eos_token_id=2)
    size = VOCAB + len(SPECIAL.get(kind, []))
    c.update({k: size for k in ('vocab_size', 'padded_vocab_size', 'vocab_size_per_layer_input') if k in c})
    if kind in UNIGRAM:
        c.update(pad_token_id=0, eos_token_id=1)
        del c['bos_token_id']
    if kind in CHARACTERS:
        c.update(pad_token_id=0, bos_token_id=2, eos_token_id=1)
    if '<|user|>' in SPECIAL.get(kind, []):
        c['eos_token_id'] = [0, VOCAB, VOCAB + 1]
    if kind in LAYOUTS:
        save_file({k: weights(k, v) for k, v in layout(c).items()}, os.path.join(hf, 'model.safetensors'), metadata={'format': 'pt'})
        json.dump({'weight_map': {k: 'model.safetensors' for k in layout(c)}}, open(os.path.join(hf, 'model.safetensors.index.json'), 'w'))
        json.dump(dict(c, torch_dtype='float32'), open(os.path.join(hf, 'config.json'), 'w'), indent=1)
    else:
        arch, model = c['architectures'], build(c)
        if c.get('is_encoder_decoder') and not c.get('tie_word_embeddings'):
            model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        state = model.state_dict()
        with torch.no_grad():
            for k, v in state.items():
                if v.is_floating_point() and not (k.endswith('lm_head.weight') and c.get('tie_word_embeddings')):
                    v.copy_(weights(k, v.shape))
            model.save_pretrained(hf, save_original_format=not f['fused'] or bool(c.get('ple_layer_ids')))  # whose table is in parts there
            rename(os.path.join(hf, 'config.json'), c, arch)
            if kind == 'mimo_v2':
                joined(hf, dict(c, architectures=arch))
            model(**(asked(tokens) if c.get('is_encoder_decoder') else {'input_ids': torch.tensor([tokens])})).logits[0].numpy().astype(np.float32).tofile(os.path.join(folder, 'logits.f32'))
    if kind in SPM or kind in UNIGRAM:
        pieces(hf, kind in UNIGRAM)
    elif kind in CHARACTERS:
        characters(hf)
    elif kind in WORLD:
        world(hf)
    elif kind in LISTED:
        listed(hf)
    else:
        shutil.copy(os.path.join(a.tokenizer, 'tokenizer_config.json'), hf)
        t = json.load(open(os.path.join(a.tokenizer, 'tokenizer.json')))
        for i, text in enumerate(SPECIAL.get(kind, [])):
            t['added_tokens'].append(dict(t['added_tokens'][0], id=VOCAB + i, content=text))
        json.dump(t, open(os.path.join(hf, 'tokenizer.json'), 'w'))
    if kind in PUBLISHED and 'mamba_n_heads' not in f['config']:  # layers that keep states are told already
        path = os.path.join(hf, 'config.json')
        c = json.load(open(path))
        for k, v in PUBLISHED[kind].items():
            c[k] = c['rope_parameters']['partial_rotary_factor'] if v is None else v
        json.dump(c, open(path, 'w'))
    if a.llama_cpp:
        if error := reference(a.llama_cpp, hf, os.path.join(folder, 'ref-f32.gguf')):
            open(os.path.join(folder, 'ref-error.txt'), 'w').write(error)
            return 'the reference: ' + error[-160:]
    return 'made'


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('families', nargs='+')
    p.add_argument('tokenizer')
    p.add_argument('out')
    p.add_argument('--llama-cpp')
    p.add_argument('--only')
    p.add_argument('--keep', action='store_true', help='leave folders that are there')
    a = p.parse_args()
    for path in a.families:
        for f in json.load(open(path)):
            if a.only and a.only not in f['name'] or 'vision_config' in f['config'] and 'text_config' not in f['config']:
                continue
            if a.keep and os.path.exists(os.path.join(a.out, slug(f['name']), 'done')):
                continue
            try:
                print(f['name'] + ':', make(a, f), flush=True)
                open(os.path.join(a.out, slug(f['name']), 'done'), 'w').close()
            except Exception as e:
                print(f"{f['name']}: not made: {type(e).__name__}: {str(e)[-200:]}", flush=True)
