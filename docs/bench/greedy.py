#!/usr/bin/env python3
"""Greedy text of a Hugging Face folder by transformers, and of quern's F32 GGUF of it by llama-cpp-python, token by token.

usage: greedy.py --quern quern --model FOLDER --torch PYTHON --llama PYTHON [--work DIR] [--tokens 40] [PROMPT…]

TORCH and LLAMA are interpreters that have transformers, and llama-cpp-python. Ends with 1 where a continuation differs. Nothing here is
needed to use quern.
"""
import argparse, json, os, subprocess, sys

TORCH = '''
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, tokens, prompts = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
for prompt in prompts:
    ids = tokenizer(prompt)['input_ids']
    made = model.generate(torch.tensor([ids]), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, repetition_penalty=1.0)[0].tolist()
    print(json.dumps({'prompt': ids, 'made': made[len(ids):], 'text': tokenizer.decode(made[len(ids):])}))
'''
LLAMA = '''
import json, sys
import numpy as np
from llama_cpp import Llama
llm = Llama(sys.argv[1], n_ctx=512, logits_all=True, verbose=False, type_k=0, type_v=0) # keys and values in float32, as transformers has them
tokens = int(sys.argv[2])
for prompt in json.loads(sys.argv[3]):
    ids = llm.tokenize(prompt.encode(), add_bos=True, special=True)
    made, new = [], list(ids)
    llm.reset()
    for _ in range(tokens):
        llm.eval(new)
        z = llm.scores[llm.n_tokens - 1].copy()
        if len(made) < tokens:
            z[llm.token_eos()] = -np.inf # as min_new_tokens does
        new = [int(z.argmax())]
        made += new
    print(json.dumps({'prompt': ids, 'made': made}))
'''
p = argparse.ArgumentParser()
p.add_argument('--quern', default='quern')
for name in ('model', 'torch', 'llama'):
    p.add_argument('--' + name, required=True)
p.add_argument('--work', default='.')
p.add_argument('--tokens', default='40')
p.add_argument('prompts', nargs='*')
a = p.parse_args()
prompts = a.prompts or ['The capital of France is', 'Once upon a time, in a village by the sea,', 'def fibonacci(n):\n', 'Water boils at 100 degrees because']
gguf = os.path.join(a.work, 'greedy-F32.gguf')
subprocess.run([a.quern, 'convert', a.model, '--outtype', 'f32', '-f', '-o', gguf], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
lines = lambda *cmd: [json.loads(l) for l in subprocess.run([*cmd, a.tokens, json.dumps(prompts)], check=True, capture_output=True, text=True).stdout.splitlines() if l.startswith('{')]
one, other = lines(a.torch, '-c', TORCH, a.model), lines(a.llama, '-c', LLAMA, gguf)
os.remove(gguf)
same = 0
for prompt, x, y in zip(prompts, one, other, strict=True):
    if x['prompt'] != y['prompt']:
        print(f'{prompt!r}: the prompt is {x["prompt"]} in the folder and {y["prompt"]} in the GGUF')
    elif x['made'] != y['made']:
        at = next(i for i, (t, u) in enumerate(zip(x['made'], y['made'])) if t != u)
        print(f'{prompt!r}: differs from token {at} on')
    else:
        same += 1
        print(f'{prompt!r}: the same {len(x["made"])} tokens: {x["text"]!r}')
print(f'{same} of {len(prompts)} continuations agree')
sys.exit(same != len(prompts))
