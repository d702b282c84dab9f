#!/usr/bin/env python3
"""Embeddings of an image or a sound: llama.cpp (libmtmd) with quern's two files against transformers, on tiny models.

usage: vision.py QUERN MODELS WORK --llama PYTHON [NAME…]

MODELS is what `convert/testdata/mmproj.py … --keep MODELS` leaves, with tokenizers (TOKENIZERS=golden/arch). This interpreter needs torch
and transformers (timm for Gemma 3n), PYTHON llama-cpp-python. For each model: the number of embeddings, and the largest difference for files in F32, F16 and Q8_0, in
spreads (standard deviations of all embeddings). Text and tower are loaded in every case, embeddings compared where a tower of
transformers has the model. LLaVA is compared with a forward pass that puts the class embedding where llama.cpp puts it: docs/vision.md.
"""
import argparse, json, os, subprocess, sys
import numpy as np
import towers

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
bitmap = M.mtmd_bitmap_init_from_audio(len(img), (ctypes.c_float * len(img)).from_buffer(img)) if img.ndim == 1 else M.mtmd_bitmap_init(img.shape[1], img.shape[0], buf)
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
    if M.mtmd_input_chunk_get_type(c) == 0:  # a text
        continue
    assert M.mtmd_encode_chunk(ctx, c) == 0
    n = M.mtmd_input_chunk_get_n_tokens(c)
    all.append(np.ctypeslib.as_array(M.mtmd_get_output_embd(ctx), (n, n_embd)).copy())
np.save(out, np.concatenate(all))
'''
SIZES = {'llava': (28, 28), 'llava-next': (28, 28), 'qwen2vl': (84, 112), 'qwen2.5vl': (84, 112), 'qwen3vl': (96, 128), 'qwen3vlmoe': (96, 128), 'qwen4exp': (96, 128), 'gemma3': (56, 56), 'mistral3': (84, 112),
         'idefics3': (112, 112), 'smolvlm': (56, 56), 'internvl': (56, 56), 'internvl-hf': (56, 56), 'llama4': (56, 56), 'pixtral': (84, 112),
         'lightonocr': (28, 56), 'janus': (56, 56), 'kimivl': (896, 896), 'kimik25': (84, 112), 'glm4v': (84, 84), 'glmocr': (84, 112), 'gemma4': (108, 120),
         'cogvlm': (28, 28)} | towers.SIZES
TEXTS = {'ultravox': 'voxtral', 'ultravox-4': 'voxtral', 'gemma3n': 'gemma3n-text'}  # whose language model stands in for the one that is not there


def run(*cmd):
    done = subprocess.run([str(c) for c in cmd], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or 'status %d' % done.returncode).splitlines()[-1][-160:])


def kimi(folder):
    """Kimi-VL's and Kimi K2.5's tower as transformers has it: the same, for images."""
    import tempfile, transformers as tf
    from safetensors.torch import load_file, save_file
    c = json.load(open(os.path.join(folder, 'config.json')))
    v = {k.removeprefix('vt_').removeprefix('init_'): x for k, x in c['vision_config'].items()}
    keep = ('hidden_size', 'intermediate_size', 'num_attention_heads', 'num_hidden_layers', 'patch_size', 'pos_emb_height', 'pos_emb_width')
    with tempfile.TemporaryDirectory() as d:
        json.dump(dict(architectures=['Kimi_K25ForConditionalGeneration'], model_type='kimi_k25', text_config=c['text_config'], projection_hidden_size=v['hidden_size'],
                       vision_config={k: v[k] for k in keep}, tie_word_embeddings=False), open(os.path.join(d, 'config.json'), 'w'))
        t = load_file(os.path.join(folder, 'model.safetensors'))
        for new, old in (('mm_projector.proj.0', 'linear_1'), ('mm_projector.proj.2', 'linear_2'), ('mm_projector.pre_norm', 'pre_norm')):
            t = {k.replace('multi_modal_projector.' + old, new).replace('mm_projector.' + old, new): x for k, x in t.items()}
        save_file(t, os.path.join(d, 'model.safetensors'), metadata={'format': 'pt'})
        return tf.AutoModelForImageTextToText.from_pretrained(d, dtype='float32', attn_implementation='eager').eval()


def intern(folder):
    """InternVL in its authors' layout as transformers has it."""
    import transformers as tf
    from safetensors.torch import load_file
    c = json.load(open(os.path.join(folder, 'config.json')))
    v = {k: x for k, x in c['vision_config'].items() if k not in ('architectures', 'model_type')}
    model = tf.InternVLForConditionalGeneration(tf.InternVLConfig(text_config=c['llm_config'], vision_config=dict(v, attention_bias=v['qkv_bias']), tie_word_embeddings=False))
    names = dict([('language_model.lm_head', 'lm_head'), ('language_model.model', 'model.language_model'), ('mlp1.0', 'model.multi_modal_projector.layer_norm'),
                  ('mlp1.1', 'model.multi_modal_projector.linear_1'), ('mlp1.3', 'model.multi_modal_projector.linear_2'), ('vision_model.encoder.layers', 'model.vision_tower.encoder.layer'),
                  ('vision_model.embeddings.class_embedding', 'model.vision_tower.embeddings.cls_token'), ('.norm1', '.layernorm_before'), ('.norm2', '.layernorm_after'),
                  ('vision_model.embeddings.patch_embedding', 'model.vision_tower.embeddings.patch_embeddings.projection'), ('.attn.proj', '.attention.projection_layer'),
                  ('vision_model.embeddings.position_embedding', 'model.vision_tower.embeddings.position_embeddings'), ('.ls1', '.lambda_1'), ('.ls2', '.lambda_2')])
    t = {}
    for k, x in load_file(os.path.join(folder, 'model.safetensors')).items():
        for old, new in names.items():
            k = k.replace(old, new)
        if '.attn.qkv.' in k:
            for part, y in zip('qkv', x.chunk(3)):
                t[k.replace('attn.qkv', f'attention.{part}_proj')] = y
        else:
            t[k] = x
    model.load_state_dict(t)
    return model.float().eval()


def transformers_embeddings(name, folder, img):
    import torch, transformers as tf
    pre = json.load(open(os.path.join(folder, 'preprocessor_config.json')))
    pre = pre.get('media_proc_cfg', pre.get('vision_config', pre))
    x = torch.from_numpy(img) if img.ndim == 1 else torch.from_numpy(((img / 255 - pre['image_mean']) / pre['image_std']).astype(np.float32)).permute(2, 0, 1)[None]
    if name in towers.SIZES and hasattr(towers, name.split('-')[0].replace('.', '')):
        with torch.no_grad():
            return plain(getattr(towers, name.split('-')[0].replace('.', ''))(folder, x))
    older = dict(key_mapping={'^visual': 'model.visual', r'^model\.(?!visual|language_model)': 'model.language_model.'}) if name.startswith(('qwen3', 'qwen4')) else {}
    if name == 'lightonocr':  # transformers spells its class otherwise
        model = tf.LightOnOcrForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager').eval()
    elif name == 'internvl':
        model = intern(folder)
    elif name.startswith('kimi') or name == 'glm5v':
        model = kimi(folder)
    else:
        model = tf.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager', **older).eval()
    with torch.no_grad():
        if name.startswith('llava'):
            e = model.model.vision_tower.embeddings if hasattr(model.model.vision_tower, 'embeddings') else model.model.vision_tower.vision_model.embeddings

            def forward(pixel_values, **_):  # the class embedding behind the patches
                patches = e.patch_embedding(pixel_values).flatten(2).transpose(1, 2)
                return torch.cat([patches, e.class_embedding.expand(len(patches), 1, -1)], 1) + e.position_embedding.weight
            e.forward = forward
            out = model.model.multi_modal_projector(model.model.vision_tower(x, output_hidden_states=True).hidden_states[-2][:, 1:])  # of one tile
        elif name.startswith(('qwen', 'glm4', 'glmocr', 'glm5next')):
            p, (h, w) = 16 if name.startswith(('qwen3', 'qwen4')) else 14, img.shape[:2]
            grid = (h // p, w // p)
            two = x.repeat(2, 1, 1, 1)  # an image is a film of two frames
            y = two.reshape(1, 2, 3, grid[0] // 2, 2, p, grid[1] // 2, 2, p).permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(grid[0] * grid[1], -1)
            out = model.model.get_image_features(pixel_values=y, image_grid_thw=torch.tensor([[1, *grid]]))
            if name.startswith('qwen3'):  # what is added in the first layers lies behind
                flat = lambda x: [x] if torch.is_tensor(x) else [t for y in x for t in flat(y)]
                out = torch.cat(flat(out.pooler_output) + flat(out.deepstack_features), 1)
        elif name in ('idefics3', 'smolvlm'):
            side = model.config.vision_config.image_size  # of tiles, in rows
            tiles = x[0].unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).reshape(1, -1, 3, side, side)
            out = torch.cat(list(model.model.get_image_features(pixel_values=tiles).pooler_output))
        elif name == 'llama4':
            out = model.multi_modal_projector(model.vision_model(x).last_hidden_state)
            side = int(out.shape[-2] ** 0.5)
            out = out.reshape(side, side, -1).transpose(0, 1)  # llama.cpp tells columns instead of rows
        elif name.startswith('internvl'):
            e = model.model.vision_tower.embeddings

            def forward(pixel_values, **_):  # here, too
                patches = e.patch_embeddings(pixel_values)
                patches = patches[0] if isinstance(patches, tuple) else patches
                return torch.cat([patches, e.cls_token], 1) + e.position_embeddings
            e.forward = forward
            first = model.model.vision_tower(x).last_hidden_state
            model.model.vision_tower.forward = lambda **_: type('', (), dict(last_hidden_state=torch.cat([first[:, -1:], first[:, :-1]], 1)))
            out = model.model.get_image_features(pixel_values=x)
        elif name.startswith('kimi') or name == 'glm5v':
            h, w = (side // 14 for side in img.shape[:2])
            patches = x[0].reshape(3, h, 14, w, 14).permute(1, 3, 0, 2, 4).reshape(h * w, 3, 14, 14)
            y = model.model.vision_tower(patches, grid_thw=torch.tensor([[1, h, w]]))
            out = model.model.mm_projector(y.pooler_output)
        elif name == 'gemma4':
            h, w = (side // 4 for side in img.shape[:2])
            patches = x[0].reshape(3, h, 4, w, 4).permute(1, 3, 2, 4, 0).reshape(1, h * w, 48)
            places = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing='xy'), -1).reshape(1, -1, 2)
            out = model.model.get_image_features(pixel_values=patches, image_position_ids=places)
        elif name == 'lightonocr':
            out = model.model.get_image_features(pixel_values=x, image_sizes=torch.tensor([img.shape[:2]]))
        elif name in ('mistral3', 'pixtral'):  # the embedding of a token stands behind each row of squares but the last
            out = model.model.get_image_features(pixel_values=x, image_sizes=torch.tensor([img.shape[:2]])).pooler_output[0]
            ends = next(t['id'] for t in json.load(open(os.path.join(folder, 'tokenizer.json')))['added_tokens'] if t['content'] == '[IMG_BREAK]')
            end = model.model.language_model.embed_tokens.weight[ends][None]
            out = torch.cat([torch.cat([line, end]) for line in out.split(img.shape[1] // (28 if name == 'mistral3' else 14))])[:-1]
        else:
            out = model.model.get_image_features(pixel_values=x)
    return plain(out)


def plain(out):
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
    folder, cells, want = os.path.join(a.models, towers.FOLDERS.get(name, name)), [], None
    dice = np.random.default_rng(1)
    if isinstance(SIZES[name], int):  # instants of a sound
        img = (dice.standard_normal(SIZES[name]) * 0.05 + 0.3 * np.sin(np.arange(SIZES[name]) * 0.07 * (1 + np.arange(SIZES[name]) / SIZES[name]))).astype(np.float32)
    else:
        img = dice.integers(0, 256, (*SIZES[name], 3), np.uint8)
    image, out, text = (os.path.join(a.work, name + s) for s in ('.img.npy', '.out.npy', '.gguf'))
    np.save(image, img)
    run(a.quern, 'convert', os.path.join(a.models, TEXTS.get(name, os.path.basename(folder))), '--outtype', 'f32', '-o', text, '--force', '--pre', 'gpt-2')
    if name != 'cogvlm':
        want = transformers_embeddings(name, folder, img)
    for typ in ('f32', 'f16', 'q8_0'):
        mmproj = os.path.join(a.work, f'{name}-mmproj-{typ}.gguf')
        try:
            run(a.quern, 'convert', folder, '--mmproj', '--outtype', typ, '-o', mmproj, '--force')
            run(a.llama, '-c', LLAMA, text, mmproj, image, out)
            got = np.load(out)
            if name in ('idefics3', 'smolvlm', 'step3vl') or img.ndim == 1:
                got = got[:len(want)]  # the whole image stands behind its tiles, silence behind a sound
            if name == 'granite4vision':
                got = got[16:]
            if name in ('deepseekocr', 'unlimitedocr', 'deepseekocr2'):
                got = got[:len(want)] if 'TILES' in os.environ else got[-len(want):]
            if not cells:
                cells.append('x'.join(map(str, got.shape)))
            cells.append('loaded' if want is None else f'{np.abs(got - want).max() / want.std():.1e}' if got.shape == want.shape else f'{got.shape}, not {want.shape}')
        except RuntimeError as e:
            cells.append(str(e))
    print('| ' + ' | '.join([name] + cells) + ' |', flush=True)
