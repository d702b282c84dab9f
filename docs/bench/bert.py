#!/usr/bin/env python3
"""Encoders against transformers and llama.cpp, on tiny checkpoints that are made here.

usage: bert.py QUERN TEXT WORK [--llama PYTHON] [NAME…]

TEXT trains the tokenizers: some ten kilobytes. This interpreter needs torch, transformers and tokenizers, PYTHON llama-cpp-python. In spreads, the largest difference:

  hf, gguf   quern's final hidden states in exact mode, of the folder and of the F32 GGUF that it makes, against transformers'
  llama.cpp  its states of that file against quern's in exact mode; and in deploy mode
  classes    of what sorts texts: quern's outputs and llama.cpp's against transformers', absolutely
  export     transformers' states of the folder that `quern export` makes, against those of the original
"""
import argparse, json, os, shutil, subprocess
import numpy as np

LLAMA = '''
import json, sys, numpy as np, llama_cpp as L
path, tokens, out, pool, n = sys.argv[1:6]
tokens, pool, n = json.load(open(tokens)), int(pool), int(n)
m = L.Llama(path, embedding=True, pooling_type=pool, n_ctx=len(tokens), n_batch=512, n_ubatch=512, n_gpu_layers=0, n_threads=1, verbose=False, flash_attn=False)
b = L.llama_batch_init(len(tokens), 0, 1)
b.n_tokens = len(tokens)
for i, t in enumerate(tokens):
    b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = t, i, 1, 1
    b.seq_id[i][0] = 0
assert L.llama_encode(m._ctx.ctx, b) == 0
at = (lambda i: L.llama_get_embeddings_ith(m._ctx.ctx, i)) if pool == 0 else (lambda i: L.llama_get_embeddings_seq(m._ctx.ctx, 0))
np.save(out, np.array([np.ctypeslib.as_array(at(i), (n,)).copy() for i in range(len(tokens) if pool == 0 else 1)]))
'''
S = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, max_position_embeddings=64)
R = dict(S, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
M = dict(S, num_hidden_layers=5, local_attention=16, pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0, sep_token_id=2)
MODELS = {  # class, configuration, tokenizer
    'bert': ('BertModel', S, 'words'), 'bert, ranks': ('BertForSequenceClassification', dict(S, num_labels=1), 'words'),
    'bert, three classes': ('BertForSequenceClassification', dict(S, id2label={0: 'a', 1: 'b', 2: 'c'}), 'words'),
    'distilbert': ('DistilBertModel', dict(dim=64, n_layers=3, n_heads=4, hidden_dim=96, max_position_embeddings=64), 'words'),
    'roberta': ('RobertaModel', R, 'bytes'), 'roberta, ranks': ('RobertaForSequenceClassification', dict(R, num_labels=1), 'bytes'),
    'xlm-roberta': ('XLMRobertaModel', R, 'pieces'), 'xlm-roberta, ranks': ('XLMRobertaForSequenceClassification', dict(R, num_labels=1), 'pieces'),
    'camembert': ('CamembertModel', R, 'pieces'), 'modernbert': ('ModernBertModel', M, 'bytes'),
    'modernbert, ranks': ('ModernBertForSequenceClassification', dict(M, num_labels=1, classifier_pooling='mean'), 'bytes'),
    'nomic-bert': ('NomicBertModel', S, 'words'),
    'gemma-embedding': ('Gemma3TextModel', dict(S, num_hidden_layers=7, num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, use_bidirectional_attention=True,
                                                pad_token_id=1, bos_token_id=0, eos_token_id=2), 'bytes'),
    'eurobert': ('EuroBertModel', dict(S, num_key_value_heads=2, pad_token_id=1, bos_token_id=0, eos_token_id=2, mask_token_id=4), 'bytes'),
}


def tokenizer(kind, text, hf):
    """trains one; the number of its tokens"""
    from tokenizers import Tokenizer, models, normalizers as N, pre_tokenizers as P, processors, trainers
    special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] if kind == 'words' else ['<s>', '<pad>', '</s>', '<unk>', '<mask>']
    if kind == 'words':
        t, trainer = Tokenizer(models.WordPiece(unk_token='[UNK]')), trainers.WordPieceTrainer(vocab_size=512, special_tokens=special)
        t.normalizer, t.pre_tokenizer = N.BertNormalizer(lowercase=True), P.BertPreTokenizer()
    elif kind == 'bytes':
        t, trainer = Tokenizer(models.BPE()), trainers.BpeTrainer(vocab_size=512, special_tokens=special, initial_alphabet=P.ByteLevel.alphabet())
        t.pre_tokenizer = P.ByteLevel(add_prefix_space=False)
    else:
        t, trainer = Tokenizer(models.Unigram()), trainers.UnigramTrainer(vocab_size=512, special_tokens=special, unk_token='<unk>')
        t.pre_tokenizer = P.Sequence([P.WhitespaceSplit(), P.Metaspace()])
    t.train_from_iterator([text], trainer)
    first, last = (special[2], special[3]) if kind == 'words' else ('<s>', '</s>')
    t.post_processor = processors.TemplateProcessing(single=f'{first} $A {last}', special_tokens=[(x, t.token_to_id(x)) for x in (first, last)])
    t.save(os.path.join(hf, 'tokenizer.json'))
    pad, unk = (special[0], special[1]) if kind == 'words' else ('<pad>', '<unk>')
    json.dump(dict(tokenizer_class='PreTrainedTokenizerFast', cls_token=first, sep_token=last, pad_token=pad, unk_token=unk, mask_token=special[4]), open(os.path.join(hf, 'tokenizer_config.json'), 'w'))
    return t.get_vocab_size()


def outputs(path, cls, tokens):
    import torch, transformers as tf
    model = getattr(tf, cls).from_pretrained(path, dtype=torch.float32).eval()
    with torch.no_grad():
        o = model(torch.tensor([tokens]), output_hidden_states=True)
    states = o.last_hidden_state if hasattr(o, 'last_hidden_state') else o.hidden_states[-1]
    return states[0].numpy(), o.logits.numpy() if 'Classification' in cls else None


def run(*cmd):
    done = subprocess.run([str(c) for c in cmd], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1][-200:])


def row(a, name):
    import torch, transformers as tf
    cls, config, kind = MODELS[name]
    d = os.path.join(a.work, name.replace(', ', '-').replace(' ', '-'))
    shutil.rmtree(d, ignore_errors=True)
    hf, gguf, ids, npy = (os.path.join(d, x) for x in ('hf', 'f32.gguf', 'tokens.json', 'x.npy'))
    os.makedirs(hf)
    n = tokenizer(kind, open(a.text).read(), hf)
    base = cls.replace('ForSequenceClassification', '').removesuffix('Model')  # Gemma3Text, EuroBert …
    model, g = getattr(tf, cls)(getattr(tf, base + 'Config')(**dict(config, vocab_size=n))), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for k, p in model.named_parameters():
            p.copy_(torch.randn(p.shape, generator=g) * (0.08 if p.ndim > 1 else 0.2) + ('norm' in k.lower() and k.endswith('weight')))
    model.save_pretrained(hf)
    tokens = [(7 * i * i + 31 * i + 5) % n for i in range(40)]
    json.dump(tokens, open(ids, 'w'))
    want, classes = outputs(hf, cls, tokens)

    def ours(path, *more):
        run(a.quern, 'logits', path, '--tokens', ids, '-o', npy, *more)
        return np.load(npy)

    def llama(pool, n):
        run(a.llama, '-c', LLAMA, gguf, ids, npy, pool, n)
        return np.load(npy)

    far = lambda x, y: f'{np.abs(x - y).max() / want.std():.1e}'
    cells = [far(ours(hf, '--states'), want)]
    run(a.quern, 'convert', hf, '-o', gguf, '--outtype', 'f32')
    exact = ours(gguf, '--states')
    cells.append(far(exact, want))
    theirs = llama(0, want.shape[1]) if a.llama else None
    cells.append(f"{far(theirs, exact)}, {far(theirs, ours(gguf, '--states', '--mode', 'deploy'))}" if a.llama else '')
    cells.append('')
    if classes is not None:
        cells[-1] = f'{np.abs(ours(gguf) - classes).max():.1e}' + (f', {np.abs(llama(4, classes.shape[1]) - classes).max():.1e}' if a.llama else '')
    run(a.quern, 'export', gguf, '-o', os.path.join(d, 'back'))
    cls = json.load(open(os.path.join(d, 'back', 'config.json')))['architectures'][0]
    return cells + [f"{cls} {far(outputs(os.path.join(d, 'back'), cls, tokens)[0], want)}"]


p = argparse.ArgumentParser()
for arg in ('quern', 'text', 'work'):
    p.add_argument(arg)
p.add_argument('names', nargs='*')
p.add_argument('--llama')
a = p.parse_intermixed_args()
print('| encoder | hf | gguf | llama.cpp | classes | export |\n|' + ' --- |' * 6)
for name in a.names or MODELS:
    try:
        cells = row(a, name)
    except Exception as e:
        cells = [f'{type(e).__name__}: {e}'[-300:]]
    print(f'| {name} | ' + ' | '.join(cells) + ' |', flush=True)
