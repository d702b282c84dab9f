#!/usr/bin/env python3
"""Embeddings of an image: llama.cpp (libmtmd) with quern's two files against transformers, on tiny models.

usage: vision.py QUERN MODELS WORK --llama PYTHON [NAME…]

MODELS is what `convert/testdata/mmproj.py … --keep MODELS` leaves, with tokenizers (TOKENIZERS=golden/arch). This interpreter needs torch
and transformers, PYTHON llama-cpp-python. For each model: the number of embeddings, and the largest difference for files in F32, F16 and Q8_0, in
spreads (standard deviations of all embeddings). Text and tower are loaded in every case, embeddings compared where a tower of
transformers has the model. LLaVA is compared with a forward pass that puts the class embedding where llama.cpp puts it: docs/vision.md.
"""
import argparse, json, os, subprocess, sys
import numpy as np

LLAMA = '''
import ctypes, sys, numpy as np, llama_cpp as L
import llama_cpp.mtmd_cpp as M
text, mmproj, image, out = sys.argv[1:5]
img = np.load(image)
model = L.Llama(text, n_ctx=64, n_gpu_layers=0, n_threads=1, verbose=False)
p = M.mtmd_context_params_default()
p.use_gpu, p.n_threads, p.print_timings, p.warmup = False, 1, False, False
ctx = M.mtmd_init_from_file(mmproj.encode(), model._model.model, p)
assert ctx, 'mmproj not loaded'
raw = img.tobytes()
buf = (ctypes.c_uint8 * len(raw)).from_buffer_copy(raw)
bitmap = M.mtmd_bitmap_init(img.shape[1], img.shape[0], buf)
chunks = M.mtmd_input_chunks_init()
marker = M.mtmd_default_marker()
t = M.mtmd_input_text()
t.text, t.text_len, t.add_special, t.parse_special = marker, len(marker), False, True
bitmaps = (M.mtmd_bitmap_p_ctypes * 1)(bitmap)
rc = M.mtmd_tokenize(ctx, chunks, ctypes.byref(t), bitmaps, 1)
assert rc == 0, rc
all, n_embd = [], L.llama_model_n_embd_inp(model._model.model)
for i in range(M.mtmd_input_chunks_size(chunks)):
    c = M.mtmd_input_chunks_get(chunks, i)
    if M.mtmd_input_chunk_get_type(c) != 1:
        continue
    assert M.mtmd_encode_chunk(ctx, c) == 0
    n = M.mtmd_input_chunk_get_n_tokens(c)
    all.append(np.ctypeslib.as_array(M.mtmd_get_output_embd(ctx), (n, n_embd)).copy())
np.save(out, np.concatenate(all))
'''
SIZES = {'llava': (28, 28), 'llava-next': (28, 28), 'qwen2vl': (84, 112), 'qwen2.5vl': (84, 112), 'qwen3vl': (96, 128), 'qwen3vlmoe': (96, 128), 'gemma3': (56, 56), 'mistral3': (84, 112), 'cogvlm': (28, 28)}


def run(*cmd):
    done = subprocess.run([str(c) for c in cmd], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or 'status %d' % done.returncode).splitlines()[-1][-160:])


def transformers_embeddings(name, folder, img):
    import torch, transformers as tf
    older = dict(key_mapping={'^visual': 'model.visual', r'^model\.(?!visual|language_model)': 'model.language_model.'}) if name.startswith('qwen3') else {}
    model = tf.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager', **older).eval()
    pre = json.load(open(os.path.join(folder, 'preprocessor_config.json')))
    x = torch.from_numpy(((img / 255 - pre['image_mean']) / pre['image_std']).astype(np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        if name.startswith('llava'):
            e = model.model.vision_tower.embeddings if hasattr(model.model.vision_tower, 'embeddings') else model.model.vision_tower.vision_model.embeddings

            def forward(pixel_values, **_):  # the class embedding behind the patches
                patches = e.patch_embedding(pixel_values).flatten(2).transpose(1, 2)
                return torch.cat([patches, e.class_embedding.expand(len(patches), 1, -1)], 1) + e.position_embedding.weight
            e.forward = forward
            out = model.model.multi_modal_projector(model.model.vision_tower(x, output_hidden_states=True).hidden_states[-2][:, 1:])  # of one tile
        elif name.startswith('qwen'):
            p, (h, w) = 16 if name.startswith('qwen3') else 14, img.shape[:2]
            grid = (h // p, w // p)
            two = x.repeat(2, 1, 1, 1)  # an image is a film of two frames
            y = two.reshape(1, 2, 3, grid[0] // 2, 2, p, grid[1] // 2, 2, p).permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(grid[0] * grid[1], -1)
            out = model.model.get_image_features(pixel_values=y, image_grid_thw=torch.tensor([[1, *grid]]))
            if name.startswith('qwen3'):  # what is added in the first layers lies behind
                flat = lambda x: [x] if torch.is_tensor(x) else [t for y in x for t in flat(y)]
                out = torch.cat(flat(out.pooler_output) + flat(out.deepstack_features), 1)
        elif name == 'mistral3':  # the embedding of a token stands behind each row of squares but the last
            out = model.model.get_image_features(pixel_values=x, image_sizes=torch.tensor([img.shape[:2]])).pooler_output[0]
            ends = next(t['id'] for t in json.load(open(os.path.join(folder, 'tokenizer.json')))['added_tokens'] if t['content'] == '[IMG_BREAK]')
            end = model.model.language_model.embed_tokens.weight[ends][None]
            out = torch.cat([torch.cat([line, end]) for line in out.split(img.shape[1] // 28)])[:-1]
        else:
            out = model.model.get_image_features(pixel_values=x)
    out = getattr(out, 'pooler_output', out)
    while isinstance(out, (list, tuple)):
        out = out[0]
    return out.reshape(-1, out.shape[-1]).numpy()


p = argparse.ArgumentParser()
for arg in ('quern', 'models', 'work'):
    p.add_argument(arg)
p.add_argument('names', nargs='*')
p.add_argument('--llama', required=True)
a = p.parse_intermixed_args()
os.makedirs(a.work, exist_ok=True)
print('| model | embeddings | F32 | F16 | Q8_0 |\n| --- | --- | --- | --- | --- |')
for name in a.names or SIZES:
    folder, cells, want = os.path.join(a.models, name), [], None
    img = np.random.default_rng(1).integers(0, 256, (*SIZES[name], 3), np.uint8)
    image, out, text = (os.path.join(a.work, name + s) for s in ('.img.npy', '.out.npy', '.gguf'))
    np.save(image, img)
    run(a.quern, 'convert', folder, '--outtype', 'f32', '-o', text, '--force', '--pre', 'gpt-2')
    if name != 'cogvlm':
        want = transformers_embeddings(name, folder, img)
    for typ in ('f32', 'f16', 'q8_0'):
        mmproj = os.path.join(a.work, f'{name}-mmproj-{typ}.gguf')
        try:
            run(a.quern, 'convert', folder, '--mmproj', '--outtype', typ, '-o', mmproj, '--force')
            run(a.llama, '-c', LLAMA, text, mmproj, image, out)
            got = np.load(out)
            if not cells:
                cells.append('x'.join(map(str, got.shape)))
            cells.append('loaded' if want is None else f'{np.abs(got - want).max() / want.std():.1e}' if got.shape == want.shape else f'{got.shape}, not {want.shape}')
        except RuntimeError as e:
            cells.append(str(e))
    print('| ' + ' | '.join([name] + cells) + ' |', flush=True)
