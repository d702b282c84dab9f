#!/usr/bin/env python3
"""One peer makes codes of one model, run by codes.py with the peer's own python: gptqmodel or llmcompressor, gptq or awq.

Both get the same tokens as quern: the text's, cut into chunks. They compute in float32, which on a CPU without products of bfloat16 is ten times
as fast as the checkpoint's own type. Prints the seconds from the first call of the peer to the folder, without imports.
"""
import argparse, os, time

p = argparse.ArgumentParser()
p.add_argument('--tool', choices=['gptqmodel', 'llmcompressor'], required=True)
p.add_argument('--method', choices=['gptq', 'awq'], required=True)
for name in ('model', 'text', 'out'):
    p.add_argument('--' + name, required=True)
for name, value in (('bits', 4), ('group', 128), ('chunks', 32), ('ctx', 512)):
    p.add_argument('--' + name, type=int, default=value)
p.add_argument('--sym', action='store_true')
p.add_argument('--dtype', default='float32', help='what the peer computes in; auto: as the checkpoint is stored')
a = p.parse_args()
os.environ['CUDA_VISIBLE_DEVICES'] = ''

import torch, transformers
torch.Tensor.pin_memory = lambda self, *_: self  # llm-compressor's AWQ pins memory for a GPU, and fails where there is none
dtype = a.dtype if a.dtype == 'auto' else getattr(torch, a.dtype)
tokenizer = transformers.AutoTokenizer.from_pretrained(a.model)
ids = tokenizer(open(a.text, encoding='utf-8').read()[:a.chunks * a.ctx * 16], add_special_tokens=False)['input_ids']
bos = [tokenizer.bos_token_id] if tokenizer('x')['input_ids'][0] == tokenizer.bos_token_id else []
step = a.ctx - len(bos)
chunks = [bos + ids[i * step:(i + 1) * step] for i in range(a.chunks)]
assert len(chunks[-1]) == a.ctx, 'the text is too short'

if a.tool == 'gptqmodel':
    from gptqmodel import GPTQModel
    from gptqmodel.nn_modules.qlinear.torch_awq import AwqTorchLinear
    from gptqmodel.quantization.config import AWQConfig, GPTQConfig
    AwqTorchLinear.SUPPORTS_DTYPES = [torch.float16, torch.bfloat16, torch.float32]  # its packer takes float32 as well; scales are half precision
    config = (GPTQConfig if a.method == 'gptq' else AWQConfig)(bits=a.bits, group_size=a.group, sym=a.sym)
    began = time.time()
    model = GPTQModel.load(a.model, config, device='cpu', dtype=dtype)
    model.quantize([{'input_ids': c, 'attention_mask': [1] * len(c)} for c in chunks], batch_size=4, calibration_data_min_length=1)
    model.save(a.out)
else:
    from datasets import Dataset
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import GPTQModifier, QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier
    scheme = QuantizationScheme(targets=['Linear'], weights=QuantizationArgs(num_bits=a.bits, type='int', symmetric=a.sym, strategy='group', group_size=a.group))
    groups = dict(config_groups={'group_0': scheme}, ignore=['lm_head'])
    recipe = [GPTQModifier(**groups)] if a.method == 'gptq' else [AWQModifier(), QuantizationModifier(**groups)]
    began = time.time()
    model = transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=dtype)
    oneshot(model=model, dataset=Dataset.from_dict({'input_ids': chunks, 'attention_mask': [[1] * len(c) for c in chunks]}), recipe=recipe,
            max_seq_length=a.ctx, num_calibration_samples=a.chunks)
    model.save_pretrained(a.out, save_compressed=True)
tokenizer.save_pretrained(a.out)
print(f'seconds {time.time() - began:.1f}')
