"""What the towers of vision.py's second half make of an image or a sound: with transformers where it has the class, else by the formulas of the published code.

Each function is given the folder of a checkpoint and the image's normed pixels, of shape (1, 3, height, width), or the instants of a sound, 16000 a second, and returns embeddings in the order in which
runtimes tell them. SIZES are heights and widths of test images, and lengths of test sounds.
"""
import json, os
import torch
import torch.nn.functional as F

SIZES = {'museglimmer': (112, 112), 'gemma4-unified': (108, 120), 'gemma4-unified-hears': 16000, 'gemma3n': (256, 256),
         'lfm2vl': (256, 320), 'dotsocr': (84, 112), 'paddleocr': (84, 112), 'glm5v': (84, 112), 'minicpmv46': (112, 112), 'minicpmv46-4x': (112, 112), 'step3vl': (504, 1008), 'step3p7': (112, 112), 'deepseekocr': (1024, 1024), 'unlimitedocr': (1024, 1024), 'deepseekocr2': (1024, 1024), 'deepseek4v': (112, 98), 'nemotronvl': (64, 64),
         'nemotronvl-wide': (64, 64), 'gemma4-hears': 16000, 'qwen2audio': 480000, 'audioflamingo3': 480000, 'voxtral': 480000, 'meralion2': 480000, 'qwen3asr-hf': 63840, 'ultravox': 480000, 'ultravox-4': 480000, 'glmasr': 480000,
         'glm5next': (84, 112), 'granite4vision': (64, 128), 'dots3note': (84, 112), 'dots3note-hears': 64000, 'mimo': (96, 128), 'mimo-hears': 48000, 'hunyuanvl': (96, 160), 'exaone4_5': (84, 140), 'ling3vl': (96, 96), 'phi4v': (160, 96)}
SIZES |= {'qwen2.5omni': (84, 112), 'qwen2.5omni-hears': 480000, 'qwen3omni': (96, 128), 'qwen3omni-hears': 63840}
SIZES |= {'lfm2audio': 47840, 'nemotronomni': (64, 64), 'nemotronomni-hears': 47840}
SIZES |= {'granitespeech': 47840, 'granitespeechplus': 47840, 'granitespeech-hf': 47840}
SIZES |= {'sarashina': (84, 112)}
SIZES |= {'qwen3tts': 72000, 'pockettts': 76800}  # 24000 a second
FOLDERS = {'nemotronomni-hears': 'nemotronomni', 'qwen2.5omni-hears': 'qwen2.5omni', 'qwen3omni-hears': 'qwen3omni'}  # of models that see, too


def weights(folder):
    from safetensors.torch import load_file
    t = load_file(os.path.join(folder, 'model.safetensors'))
    return json.load(open(os.path.join(folder, 'config.json'))), {k: v.float() for k, v in t.items()}


def library(folder, **more):
    import transformers as tf
    kind = json.load(open(os.path.join(folder, 'config.json')))['architectures'][0]
    return getattr(tf, kind).from_pretrained(folder, dtype=torch.float32, attn_implementation='eager', **more).eval()


def patches(x, p):
    """Patches in rows, of shape (h·w, 3, p, p), and h and w."""
    h, w = x.shape[2] // p, x.shape[3] // p
    return x[0].reshape(3, h, p, w, p).permute(1, 3, 0, 2, 4).reshape(h * w, 3, p, p), h, w


def squares(x, h, w, n=2):
    """Vectors of h·w patches in rows, as those of squares of n·n one behind the other."""
    return x.reshape(h // n, n, w // n, n, -1).permute(0, 2, 1, 3, 4).reshape(h * w // n // n, -1)


def rms(x, w, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w


def rotated(x, h, w, base=1e4):
    """Heads of shape (heads, h·w, d) rotated in halves, whose first quarters go by row and second by column."""
    q = x.shape[-1] // 4
    f = base ** (-torch.arange(q) / q)
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing='ij')
    a = torch.cat([rows.reshape(-1, 1) * f, columns.reshape(-1, 1) * f], 1).repeat(1, 2)
    one, two = x.chunk(2, -1)
    return x * a.cos() + torch.cat([-two, one], -1) * a.sin()


def attention(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask)[0].transpose(0, 1).flatten(1)


def ling3vl(folder, x):
    """of an image with as many patches as places"""
    c, t = weights(folder)
    v, (y, h, w) = c['vision_config'], patches(x, 16)
    line = lambda y, at: F.linear(y, t[at + '.weight'], t[at + '.bias'])
    norm = lambda y, at: F.layer_norm(y, y.shape[-1:], t[at + '.weight'], t[at + '.bias'], 1e-6)
    y = F.conv2d(y, t['visual.patch_embed.proj.weight'].sum(2), stride=16).flatten(1) + t['visual.pos_embed.weight']  # both instants are the image
    for i in range(v['depth']):
        at = f'visual.blocks.{i}.'
        q, k, val = line(norm(y, at + 'norm1'), at + 'attn.qkv').reshape(h * w, 3, v['num_heads'], -1).permute(1, 2, 0, 3)
        y = y + line(attention(rotated(q, h, w), rotated(k, h, w), val), at + 'attn.proj')
        y = y + line(F.gelu(line(norm(y, at + 'norm2'), at + 'mlp.linear_fc1'), approximate='tanh'), at + 'mlp.linear_fc2')
    y = squares(norm(y, 'visual.merger.norm'), h, w)
    return line(F.gelu(line(y, 'linear_proj.0'), approximate='tanh'), 'linear_proj.2')


def neighbours(x, h, w, base=1e4):
    """Heads of shape (heads, h·w, d) rotated in pairs of neighbours, the first half by column and the second by row."""
    q = x.shape[-1] // 4
    f = base ** (-torch.arange(q) / q)
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing='ij')
    a = torch.cat([columns.reshape(-1, 1) * f, rows.reshape(-1, 1) * f], 1)
    return torch.view_as_real(torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(a), a)).flatten(-2)


def step3vl(folder, x):
    """the tiles of an image, each of 504 pixels a side; with SMOOTH in the environment places are shrunk as llama.cpp shrinks them"""
    c, t = weights(folder)
    v, n = c['vision_config'], 'vision_model.'
    line = lambda y, at: F.linear(y, t[n + at + 'weight'], t[n + at + 'bias'])
    norm = lambda y, at: F.layer_norm(y, y.shape[-1:], t[n + at + '.weight'], t[n + at + '.bias'], v['layer_norm_eps'])
    out = []
    for tile in x.split(min(504, x.shape[3]), 3):
        y, h, w = patches(tile, v['patch_size'])
        side = v['image_size'] // v['patch_size']
        places = F.interpolate(t[n + 'positional_embedding'].reshape(1, side, side, -1).permute(0, 3, 1, 2), size=(h, w), mode='bilinear', align_corners=False, antialias='SMOOTH' in os.environ)
        z = norm(F.conv2d(y, t[n + 'conv1.weight']).flatten(1) + places[0].flatten(1).T, 'ln_pre')
        for i in range(v['layers']):
            at = f'transformer.resblocks.{i}.'
            q, k, u = line(norm(z, at + 'ln_1'), at + 'attn.in_proj_').reshape(h * w, 3, v['heads'], -1).permute(1, 2, 0, 3)
            z = z + line(attention(neighbours(q, h, w), neighbours(k, h, w), u), at + 'attn.out_proj.') * t[n + at + 'ls_1.gamma']
            y = line(norm(z, at + 'ln_2'), at + 'mlp.c_fc.')
            z = z + line(y * torch.sigmoid(1.702 * y), at + 'mlp.c_proj.') * t[n + at + 'ls_2.gamma']
        z = z.T.reshape(1, -1, h, w)
        for i in '12':
            z = F.conv2d(z, t[n + f'vit_downsampler{i}.weight'], t[n + f'vit_downsampler{i}.bias'], stride=2, padding=1)
        out.append(F.linear(z[0].flatten(1).T, t['vit_large_projector.weight']))
    return torch.cat(out)


def step3p7(folder, x):
    return library(folder).model.get_image_features(pixel_values=x)


def ocr(folder, x, kind, encoder, tile):
    """An image of 1024 pixels a side or, of a larger one, the tiles, as transformers has the towers of DeepSeek-OCR's kind."""
    import tempfile, shutil, transformers as tf
    c = json.load(open(os.path.join(folder, 'config.json')))
    width, text = c['vision_config']['width'], {k: v for k, v in c['language_config'].items() if k not in ('architectures', 'model_type')}
    s, text['mlp_layer_types'] = width['sam_vit_b'], ['dense', 'sparse']
    made = dict(architectures=[f'{kind}ForConditionalGeneration'], text_config=text, vision_config=dict(encoder_config=encoder(c['vision_config']), sam_config=dict(
        hidden_size=s['width'], num_hidden_layers=s['layers'], num_attention_heads=s['heads'], global_attn_indexes=s['global_attn_indexes'], downsample_channels=s['downsample_channels'], mlp_dim=4 * s['width'])))
    with tempfile.TemporaryDirectory() as d:
        shutil.copy(os.path.join(folder, 'model.safetensors'), d)
        kinds = {'UnlimitedOcr': 'unlimited_ocr', 'DeepseekOcr2': 'deepseek_ocr2'}
        json.dump(dict(made, model_type=kinds[kind]), open(os.path.join(d, 'config.json'), 'w'))
        m = library(d)
    if x.shape[2] <= 1024:
        return m.model.get_image_features(pixel_values=x).pooler_output
    n = x.shape[2] // tile
    tiles = x.reshape(3, n, tile, n, tile).permute(1, 3, 0, 2, 4).reshape(n * n, 3, tile, tile)
    more = dict(patches_grid=[[n, n]]) if kind == 'UnlimitedOcr' else {}
    both = m.model.get_image_features(pixel_values=x[:, :, :1024, :1024], pixel_values_local=tiles, num_local_patches=[n * n], **more).pooler_output[0]
    return both[:-257 if kind == 'DeepseekOcr2' else -273]


def unlimitedocr(folder, x):
    clip = lambda v: dict(hidden_size=v['width']['clip-l-14-224']['width'], num_hidden_layers=v['width']['clip-l-14-224']['layers'], num_attention_heads=v['width']['clip-l-14-224']['heads'],
                          intermediate_size=4 * v['width']['clip-l-14-224']['width'])
    return ocr(folder, x, 'UnlimitedOcr', clip, 640)


deepseekocr = unlimitedocr  # the same tower


def deepseekocr2(folder, x):
    return ocr(folder, x, 'DeepseekOcr2', lambda v: dict(hidden_size=v['width']['qwen2-0-5b']['dim'], num_hidden_layers=v['layers'], num_attention_heads=v['num_attention_heads'], num_key_value_heads=2,
                                                          intermediate_size=v['intermediate_size'], rms_norm_eps=1e-6, rope_parameters=dict(rope_type='default', rope_theta=1e6)), 768)


if 'TILES' in os.environ:  # of images that are larger than a tile, what is made of the tiles instead of the whole
    SIZES |= {'deepseekocr': (1280, 1280), 'unlimitedocr': (1280, 1280), 'deepseekocr2': (1536, 1536)}


def deepseek4v(folder, x):
    """behind no other tokens"""
    c, t = weights(folder)
    y, h, w = patches(x, c['vision_patch_size'])
    line = lambda y, at: F.linear(y, t[at + '.weight'], t.get(at + '.bias'))
    norm = lambda y, at: rms(y, t[at + '.weight'], 1e-6)
    y = line(y.flatten(1), 'vision.patch_embed.proj')
    for i in range(c['vision_n_layers']):
        at = f'vision.blocks.{i}.'
        q, k, v = line(norm(y, at + 'norm1'), at + 'attn.wqkv').reshape(h * w, 3, c['vision_n_heads'], -1).permute(1, 2, 0, 3)
        y = y + line(attention(rotated(q, h, w), rotated(k, h, w), v), at + 'attn.wo')
        gate, up = line(norm(y, at + 'norm2'), at + 'mlp.w1').chunk(2, -1)
        y = y + line(F.silu(gate) * up, at + 'mlp.w2')
    n = c['vision_downsample_ratio']
    y = F.pad(norm(y, 'vision.norm').T.reshape(1, -1, h, w), (0, -w % n, 0, -h % n))
    h, w = -(-h // n), -(-w // n)
    y = line(F.gelu(line(F.unfold(y, n, stride=n)[0].T, 'aligner.w1')), 'aligner.w2').reshape(h, w, -1)
    start, end, newline, pad = (t['image_' + k][None] for k in ('start', 'end', 'newline', 'pad'))
    y = torch.cat([y, newline.expand(h, 1, -1)], 1)  # a row of embeddings ends; rows are told in pairs, one of each by turns
    y = torch.cat([y, pad.expand(h % 2, w + 1, -1)]).reshape(-1, 2, w + 1, y.shape[-1]).transpose(1, 2).flatten(0, 2)
    return torch.cat([pad] * 3 + [start, y] + [pad] * (len(y) // 2 % 2 * 2) + [end])


def lfm2vl(folder, x):
    y, h, w = patches(x, 16)
    y = y.permute(0, 2, 3, 1).reshape(1, h * w, -1)
    m = library(folder)
    return m.model.get_image_features(pixel_values=y, spatial_shapes=torch.tensor([[h, w]]), pixel_attention_mask=torch.ones(1, h * w, dtype=torch.long)).pooler_output


def museglimmer(folder, x):
    """before the norm, which runtimes have in the language model"""
    y, h, w = patches(x, 14)
    m = library(folder).model
    m.perception_emb_norm = torch.nn.Identity()
    return torch.cat(m.get_image_features(pixel_values=y.flatten(1).repeat(1, 2), image_grid_thw=torch.tensor([[1, h, w]])).pooler_output)


def gemma3n(folder, x):
    """with timm; images are not normed, whatever the processor says"""
    import timm
    c, t = weights(folder)
    m = timm.create_model(c['vision_config']['architecture'], **c['vision_config']['model_args']).eval()
    at = 'model.vision_tower.timm_model.'
    m.load_state_dict({k.removeprefix(at): w for k, w in t.items() if k.startswith(at)})
    y = m(x * 0.5 + 0.5).flatten(2)[0].T * c['vision_config']['hidden_size'] ** 0.5
    y = rms(y, t['model.embed_vision.soft_embedding_norm.weight'], 1e-6)
    return rms(F.linear(y, t['model.embed_vision.embedding_projection.weight']), 1, 1e-6)


def phi4v(folder, x):
    from transformers.models.siglip2.modeling_siglip2 import Siglip2VisionModel
    import transformers as tf
    c, t = weights(folder)
    y, h, w = patches(x, 16)
    m = Siglip2VisionModel(tf.Siglip2VisionConfig(**c['vision_config'], patch_size=16, attn_implementation='eager')).eval()
    at = 'model.vision_tower.vision_tower.vision_model.'
    under = 'vision_model.' if any(k.startswith('vision_model.') for k in m.state_dict()) else ''
    m.load_state_dict({under + k.removeprefix(at): x for k, x in t.items() if k.startswith(at)})
    y = m(pixel_values=y.permute(0, 2, 3, 1).reshape(1, h * w, -1), spatial_shapes=torch.tensor([[h, w]]), pixel_attention_mask=torch.ones(1, h * w, dtype=torch.long),
          output_hidden_states=True).hidden_states[-2]
    line = lambda y, i: F.linear(y, t[f'model.mm_projector.{i}.weight'], t[f'model.mm_projector.{i}.bias'])
    return line(F.gelu(line(y, 0)), 2)


def dotsocr(folder, x):
    c, t = weights(folder)
    v, n = c['vision_config'], 'vision_tower.'
    y, h, w = patches(x, v['patch_size'])
    lin = lambda z, k: F.linear(z, t[n + k + '.weight'], t.get(n + k + '.bias'))
    eps, heads = v['rms_norm_eps'], v['num_attention_heads']
    z = rms(F.conv2d(y, t[n + 'patch_embed.patchifier.proj.weight'], t[n + 'patch_embed.patchifier.proj.bias']).flatten(1), t[n + 'patch_embed.patchifier.norm.weight'], eps)
    for i in range(v['num_hidden_layers']):
        b = f'blocks.{i}.'
        q, k, u = lin(rms(z, t[n + b + 'norm1.weight'], eps), b + 'attn.qkv').reshape(h * w, 3, heads, -1).permute(1, 2, 0, 3)
        z = z + lin(attention(rotated(q, h, w), rotated(k, h, w), u), b + 'attn.proj')
        y = rms(z, t[n + b + 'norm2.weight'], eps)
        z = z + lin(F.silu(lin(y, b + 'mlp.fc1')) * lin(y, b + 'mlp.fc3'), b + 'mlp.fc2')
    z = rms(z, t[n + 'post_trunk_norm.weight'], eps)
    z = F.layer_norm(z, z.shape[-1:], t[n + 'merger.ln_q.weight'], t[n + 'merger.ln_q.bias'], 1e-6)
    return lin(F.gelu(lin(squares(z, h, w), 'merger.mlp.0')), 'merger.mlp.2')


SIZES |= {'minimaxm3': (84, 112), 'youtuvl': (160, 224)}


def minimaxm3(folder, x):
    y, h, w = patches(x, 14)
    y = y.reshape(h // 2, 2, w // 2, 2, -1).permute(0, 2, 1, 3, 4).reshape(h * w, 3, 1, 14, 14).expand(-1, -1, 2, -1, -1).reshape(h * w, -1)
    return library(folder).model.get_image_features(pixel_values=y, image_grid_thw=torch.tensor([[1, h, w]]))


def youtuvl(folder, x):
    """The places of patches are rotations; a window is a square of squares, of which none sees another in layers that do not see the whole. Pixels of a patch lie colour by colour within."""
    c, t = weights(folder)
    v, n = c['vision_config'], 'siglip2.vision_model.'
    y, h, w = patches(x, v['patch_size'])
    lin = lambda z, k: F.linear(z, t[k + '.weight'], t[k + '.bias'])
    norm = lambda z, k: F.layer_norm(z, z.shape[-1:], t[k + '.weight'], t[k + '.bias'], v['layer_norm_eps'])
    z = lin(y.permute(0, 2, 3, 1).flatten(1), n + 'embeddings.patch_embedding')
    side = v['window_size'] // v['patch_size']
    of = (torch.arange(h)[:, None] // side * w + torch.arange(w)[None] // side).flatten()  # the window of each patch
    mask = torch.where(of[:, None] == of[None], 0.0, -torch.inf)
    for i in range(v['num_hidden_layers']):
        b = f'{n}encoder.layers.{i}.'
        a = norm(z, b + 'layer_norm1')
        q, k, u = (lin(a, f'{b}self_attn.{p}_proj').reshape(h * w, v['num_attention_heads'], -1).transpose(0, 1) for p in 'qkv')
        z = z + lin(attention(rotated(q, h, w), rotated(k, h, w), u, None if i in v['fullatt_block_indexes'] else mask), b + 'self_attn.out_proj')
        z = z + lin(F.gelu(lin(norm(z, b + 'layer_norm2'), b + 'mlp.fc1'), approximate='tanh'), b + 'mlp.fc2')
    z = rms(norm(z, n + 'post_layernorm'), t['merger.ln_q.weight'], 1e-6)
    return lin(F.gelu(lin(squares(z, h, w), 'merger.mlp.0')), 'merger.mlp.2')


def paddleocr(folder, x):
    y, h, w = patches(x, 14)
    m = library(folder, key_mapping={'^visual': 'model.visual', '^mlp_AR': 'model.projector', r'^model\.(?!visual|projector|language_model)': 'model.language_model.'})
    return torch.cat(m.model.get_image_features(pixel_values=y, image_grid_thw=torch.tensor([[1, h, w]])).pooler_output)


def minicpmv46(folder, x):
    y, h, w = patches(x, 14)
    y = y.permute(1, 2, 0, 3).reshape(1, 3, 14, -1)  # one row
    mode = json.load(open(os.path.join(folder, 'preprocessor_config.json'))).get('downsample_mode', '16x')
    return library(folder).model.get_image_features(pixel_values=y, target_sizes=torch.tensor([[h, w]]), downsample_mode=mode).pooler_output


def nemotronvl(folder, x):
    c, t = weights(folder)
    v, n = c['vision_config'], 'vision_model.radio_model.model.'
    y, h, w = patches(x, v['patch_size'])
    lin = lambda z, k: F.linear(z, t[n + k + '.weight'], t[n + k + '.bias'])
    norm = lambda z, k: F.layer_norm(z, z.shape[-1:], t[n + k + '.weight'], t[n + k + '.bias'], 1e-6)
    p = t[n + 'patch_generator.pos_embed']
    side = int(p.shape[1] ** 0.5)
    p = F.interpolate(p.reshape(1, side, side, -1).permute(0, 3, 1, 2), size=(h, w), mode='bilinear', align_corners=True).flatten(2)[0].T
    first = t[n + 'patch_generator.cls_token.token']
    z = torch.cat([first, F.linear(y.flatten(1), t[n + 'patch_generator.embedder.weight']) + p])
    for i in range(v['num_hidden_layers']):
        b = f'blocks.{i}.'
        q, k, u = lin(norm(z, b + 'norm1'), b + 'attn.qkv').reshape(len(z), 3, v['num_attention_heads'], -1).permute(1, 2, 0, 3)
        z = z + lin(attention(q, k, u), b + 'attn.proj')
        z = z + lin(F.gelu(lin(norm(z, b + 'norm2'), b + 'mlp.fc1')), b + 'mlp.fc2')
    z = rms(squares(z[len(first):], h, w), t['mlp1.0.weight'], 1e-6)
    return F.linear(F.relu(F.linear(z, t['mlp1.1.weight'])) ** 2, t['mlp1.3.weight'])


def gemma4(folder, x):
    if 'unified' in folder:
        return unified(folder, x)
    from transformers import Gemma4AudioFeatureExtractor
    f = Gemma4AudioFeatureExtractor()([x.numpy()], sampling_rate=16000, return_tensors='pt')
    out = library(folder).model.get_audio_features(f['input_features'], f['input_features_mask'].bool())
    return out.pooler_output


def unified(folder, x):
    m = library(folder).model
    if x.ndim == 1:
        return m.embed_audio(x.reshape(1, -1, 640))
    y, h, w = patches(x, 12)
    places = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing='xy'), -1).reshape(1, -1, 2)
    return m.get_image_features(pixel_values=y.permute(0, 2, 3, 1).reshape(1, h * w, -1), image_position_ids=places)


def mel(x, n):
    from transformers import WhisperFeatureExtractor
    return WhisperFeatureExtractor(feature_size=n)(x.numpy(), sampling_rate=16000, return_tensors='pt', return_attention_mask=True)


def qwen2audio(folder, x):
    m = library(folder).model
    return m.multi_modal_projector(m.audio_tower(mel(x, 80)['input_features'], attention_mask=torch.zeros(1, 1, 1500, 1500)).last_hidden_state)


def audioflamingo3(folder, x):
    f = mel(x, 128)
    return library(folder).model.get_audio_features(f['input_features'], f['attention_mask'])


def voxtral(folder, x):
    return library(folder).model.get_audio_features(mel(x, 128)['input_features'])


def whisper(folder, x, config, at):
    """What Whisper's encoder makes of a sound, and a function of the rest: a matrix and what is added to its products."""
    from transformers.models.whisper.modeling_whisper import WhisperEncoder
    import transformers as tf
    c, t = weights(folder)
    m = WhisperEncoder(tf.WhisperConfig(**c[config], attn_implementation='eager')).eval()
    m.load_state_dict({k.removeprefix(at): w for k, w in t.items() if k.startswith(at)})
    return c, t, m(mel(x, c[config]['num_mel_bins'])['input_features']).last_hidden_state[0]


def stacked(y, n):
    return F.pad(y.flatten(), (0, -y.numel() % (n * y.shape[1]))).reshape(-1, n * y.shape[1])


def whole(x):
    """Instants of whole seconds: llama.cpp hears the last, which the extractor leaves out."""
    from transformers import WhisperFeatureExtractor
    x = torch.cat([x, x[-201:-1].flip(0)])
    return WhisperFeatureExtractor(feature_size=128)(x.numpy(), sampling_rate=16000, return_tensors='pt', padding=False)['input_features']


def qwen3asr(folder, x):
    f = whole(x)
    return library(folder).model.get_audio_features(f, torch.ones(1, f.shape[2], dtype=torch.long))


def packed(t):
    """Experts as the library has them: all in one tensor, gates before the rest."""
    import re
    out, n = {}, 1 + max(int(m.group(1)) for k in t if (m := re.search(r'experts\.(\d+)\.', k)))
    for k, w in t.items():
        if '.experts.' not in k:
            out[k] = w
        elif '.experts.0.down_proj' in k:
            out[k.replace('.0.down_proj.weight', '.down_proj')] = torch.stack([t[k.replace('experts.0.', f'experts.{e}.')] for e in range(n)])
        elif '.experts.0.gate_proj' in k:
            at = lambda e, part: t[k.replace('experts.0.gate_proj', f'experts.{e}.{part}')]
            out[k.replace('.0.gate_proj.weight', '.gate_up_proj')] = torch.stack([torch.cat([at(e, 'gate_proj'), at(e, 'up_proj')]) for e in range(n)])
    return out


def thinker(folder, model, audio):
    """What sees, hears and thinks in a model that speaks, too."""
    import transformers as tf
    c, t = weights(folder)
    c = c['thinker_config']
    c['audio_config'] |= audio
    t = packed(t) if 'Moe' in model else t
    m = getattr(tf, model + 'ForConditionalGeneration')(getattr(tf, model + 'Config')(**c, attn_implementation='eager')).eval()
    t = {k.removeprefix('thinker.'): v for k, v in t.items() if k.startswith('thinker.')}
    m.load_state_dict({k if k.startswith('lm_head') else 'model.language_model.' + k[6:] if k.startswith('model.') else 'model.' + k: v for k, v in t.items()})
    return m.model


def qwen25omni(folder, x):
    """with half a minute of sound heard at once as runtimes do, or, with WINDOWS, two seconds at a time as the model does"""
    m = thinker(folder, 'Qwen2_5OmniThinker', {} if 'WINDOWS' in os.environ else dict(n_window=1500))
    if x.ndim == 1:
        return m.audio_tower(mel(x, 128)['input_features'][0], feature_lens=torch.tensor([3000]))
    return m.get_image_features(*film(x, 14))


def film(x, p):
    """Patches of two equal images, and how many there are of them."""
    y, h, w = patches(x, p)
    return squares(y.reshape(h * w, -1), h, w).reshape(h * w, 3, 1, -1).repeat(1, 1, 2, 1).flatten(1), torch.tensor([[1, h, w]])


def qwen3omni(folder, x):
    m = thinker(folder, 'Qwen3OmniMoeThinker', {})
    if x.ndim == 1:
        f = whole(x)
        y = m.audio_tower(f[0], feature_lens=torch.tensor([f.shape[2]])).last_hidden_state
        return F.pad(y, (0, y.shape[1] * len(m.visual.deepstack_visual_indexes)))  # sounds add nothing to layers
    y = m.get_image_features(*film(x, 16))
    flat = lambda y: [y] if torch.is_tensor(y) else [t for x in y for t in flat(x)]
    return torch.cat(flat(y.pooler_output) + flat(y.deepstack_features), 1)  # what is added in the first layers lies behind


def parakeet(x, config, t, bands=None, window=None):
    """What a conformer makes of a sound, whose names of tensors are the library's; with bands of its own it hears the last instant, too, which the library's extractor leaves out."""
    import transformers as tf
    from transformers.models.parakeet.modeling_parakeet import ParakeetEncoder
    m = ParakeetEncoder(tf.ParakeetEncoderConfig(**config, scale_input=False, attn_implementation='eager')).eval()
    m.load_state_dict({k: v for k, v in t.items() if not k.endswith('num_batches_tracked')}, strict=False)
    if bands is None:
        f = tf.ParakeetFeatureExtractor(feature_size=config['num_mel_bins'])(x.numpy(), sampling_rate=16000, return_tensors='pt')
        return m(f['input_features'], f['attention_mask']).last_hidden_state[0]
    y = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
    power = torch.stft(y, 512, 160, 400, window, return_complex=True, pad_mode='constant').abs() ** 2
    y = (bands @ power + 2 ** -24).log().T
    known = y[:len(x) // 160]
    return m(((y - known.mean(0)) / (known.std(0) + 1e-5))[None], torch.ones(1, len(y), dtype=torch.long)).last_hidden_state[0]


def nemotronomni(folder, x):
    if x.ndim > 1:
        return nemotronvl(folder, x)
    c, t = weights(folder)
    at = 'sound_encoder.encoder.'
    n = {k.removeprefix(at): v for k, v in t.items() if k.startswith(at)}
    keep = ('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'num_mel_bins', 'subsampling_conv_channels', 'conv_kernel_size')
    y = parakeet(x, {k: c['sound_config'][k] for k in keep} | dict(attention_bias=False, convolution_bias=False), n, n['feature_extractor.featurizer.fb'][0], n['feature_extractor.featurizer.window'])
    y = F.linear(rms(y, t['sound_projection.norm.weight'], 1e-6), t['sound_projection.linear1.weight'])
    return F.linear(F.relu(y) ** 2, t['sound_projection.linear2.weight'])


def lfm2audio(folder, x):
    c, t = weights(folder)
    e, n = c['encoder'], {}
    for k, v in t.items():
        for old, new in (('pre_encode.conv.', 'subsampling.layers.'), ('pre_encode.out', 'subsampling.linear'), ('linear_out', 'o_proj'), ('linear_pos', 'relative_k_proj'), ('linear_q', 'q_proj'), ('linear_k', 'k_proj'),
                         ('linear_v', 'v_proj'), ('pos_bias_', 'bias_'), ('conv.batch_norm', 'conv.norm')):
            k = k.replace(old, new)
        n[k.removeprefix('conformer.')] = v
    y = parakeet(x, dict(hidden_size=e['d_model'], num_hidden_layers=e['n_layers'], num_attention_heads=e['n_heads'], intermediate_size=int(e['d_model'] * e['ff_expansion_factor']),
                         subsampling_conv_channels=e['subsampling_conv_channels'], num_mel_bins=e['feat_in'], conv_kernel_size=e['conv_kernel_size']), n)
    line = lambda y, i: F.linear(y, t[f'audio_adapter.model.{i}.weight'], t[f'audio_adapter.model.{i}.bias'])
    return line(F.gelu(line(F.layer_norm(y, y.shape[-1:], t['audio_adapter.model.0.weight'], t['audio_adapter.model.0.bias']), 1)), 3)


def granitespeech(folder, x):
    from transformers.audio_utils import mel_filter_bank
    window = torch.hann_window(400)
    power = torch.stft(x, 512, 160, 400, window, return_complex=True, pad_mode='reflect').abs() ** 2
    bands = torch.from_numpy(mel_filter_bank(257, 80, 0, 8000, 16000, norm=None, mel_scale='htk')).float()
    y = (power.T @ bands).clip(min=1e-10).log10()
    y = torch.maximum(y, y.max() - 8) / 4 + 1
    y = y[:len(y) // 2 * 2].reshape(1, -1, 160)  # two instants at once
    if folder.endswith('-hf'):
        return library(folder).model.get_audio_features(y)
    import transformers as tf
    c, t = weights(folder)
    cls = c['architectures'][0].removesuffix('ForConditionalGeneration')
    m = getattr(tf, cls + 'Model')(getattr(tf, cls + 'Config')(**c, attn_implementation='eager')).eval()
    m.load_state_dict({k.replace('language_model.model.', 'language_model.'): v for k, v in t.items()}, strict=False)
    return m.get_audio_features(y)


granitespeechplus = granitespeech


def meralion2(folder, x):
    c, t, y = whisper(folder, x, 'speech_config', 'speech_encoder.')
    line = lambda y, at: F.linear(y, t['speech_audio_adapter.' + at + '.weight'], t['speech_audio_adapter.' + at + '.bias'])
    if 'STACKED' in os.environ:  # as llama.cpp norms
        y = stacked(y, 15)
        y = F.layer_norm(y, y.shape[-1:]) * t['ln_speech.weight'].repeat(15) + t['ln_speech.bias'].repeat(15)
    else:
        y = stacked(F.layer_norm(y, y.shape[-1:], t['ln_speech.weight'], t['ln_speech.bias']), 15)
    y = F.silu(line(y, 'mlp_adapter.0'))
    return line(F.silu(line(y, 'gate_proj')) * line(y, 'pool_proj'), 'out_proj')


def glmasr(folder, x):
    """As llama.cpp has it: embeddings of places and no rotations; with ROTATED set as the model has it, half of each head rotated in neighbouring pairs and no places."""
    c, t = weights(folder)
    w, at, eps = c['whisper_config'], 'audio_encoder.whisper.', 1e-5
    line = lambda y, at: F.linear(y, t[at + '.weight'], t.get(at + '.bias'))
    norm = lambda y, at: F.layer_norm(y, y.shape[-1:], t[at + '.weight'], t[at + '.bias'], eps)
    y = mel(x, w['num_mel_bins'])['input_features']
    for n in (1, 2):
        y = F.gelu(F.conv1d(y, t[f'{at}conv{n}.weight'], t[f'{at}conv{n}.bias'], stride=n, padding=1))
    y = y[0].T
    turned, heads = 'ROTATED' in os.environ, w['encoder_attention_heads']
    if not turned:
        y = y + t[at + 'embed_positions.weight'][:len(y)]
    half = y.shape[1] // heads // 2
    a = torch.arange(len(y))[:, None] * 1e4 ** (-torch.arange(0, half, 2) / half)

    def head(y):
        y = y.reshape(len(y), heads, -1).transpose(0, 1)
        if not turned:
            return y
        one, two = y[..., :half:2], y[..., 1:half:2]
        return torch.cat([torch.stack([one * a.cos() - two * a.sin(), two * a.cos() + one * a.sin()], -1).flatten(2), y[..., half:]], -1)
    for i in range(w['encoder_layers']):
        l = f'{at}layers.{i}.'
        z = norm(y, l + 'self_attn_layer_norm')
        q, k, v = (line(z, l + f'self_attn.{p}_proj') for p in 'qkv')
        y = y + line(attention(head(q), head(k), v.reshape(len(v), heads, -1).transpose(0, 1)), l + 'self_attn.out_proj')
        y = y + line(F.gelu(line(norm(y, l + 'final_layer_norm'), l + 'fc1')), l + 'fc2')
    y = line(F.gelu(line(stacked(norm(y, 'audio_encoder.layer_norm'), c['merge_factor']), 'audio_encoder.adapting.0')), 'audio_encoder.adapting.2')
    begin, end = t['audio_encoder.audio_bos_eos_token.weight'].split(1)
    return torch.cat([begin, y, end])


def ultravox(folder, x):
    c, t, y = whisper(folder, x, 'audio_config', 'audio_tower.')
    at = 'multi_modal_projector.'
    one, two = F.linear(rms(stacked(y, c['stack_factor']), t[at + 'ln_pre.weight'], 1e-6), t[at + 'linear_1.weight']).chunk(2, -1)
    return F.linear(rms(F.silu(two) * one, t[at + 'ln_mid.weight'], 1e-6), t[at + 'linear_2.weight'])


def sarashina(folder, x):
    """as runtimes compute it; NORMED=1 with the norm that the model has behind its projector"""
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel as Tower
    import transformers as tf
    c, t = weights(folder)
    m = Tower(tf.Qwen2VLConfig(vision_config=c['vision_config']).vision_config).eval()
    m.load_state_dict({k.removeprefix('visual.'): v for k, v in t.items() if k.startswith('visual.')})
    y, grid = film(x, 14)
    y = plain(m(y, grid_thw=grid))
    return F.layer_norm(y, y.shape[-1:], t['norm.weight'], t['norm.bias']) if 'NORMED' in os.environ else y


def plain(out):
    return getattr(out, 'pooler_output', out)


def qwen3tts(folder, x):
    """what a speaker's voice is, of three seconds of 24000 instants"""
    from transformers.audio_utils import mel_filter_bank
    c, t = weights(folder)
    bank = torch.from_numpy(mel_filter_bank(513, 128, 0, 12000, 24000, norm='slaney', mel_scale='slaney')).float()
    y = F.pad(x[None], (384, 384), mode='reflect')[0]
    y = torch.stft(y, 1024, 256, 1024, torch.hann_window(1024), center=False, return_complex=True).abs().pow(2).add(1e-9).sqrt()
    y = (bank.T @ y).clamp(min=1e-5).log()[None]

    def convolved(y, at, step=1):
        w, b = t['speaker_encoder.' + at + '.weight'], t['speaker_encoder.' + at + '.bias']
        around = (w.shape[2] - 1) * step // 2
        return F.conv1d(F.pad(y, (around, around), mode='reflect') if around else y, w, b, dilation=step)

    def moments(y, w):
        mean = (w * y).sum(2, keepdim=True)
        return mean, (w * (y - mean).pow(2)).sum(2, keepdim=True).clamp(1e-12).sqrt()
    y, all = F.relu(convolved(y, 'blocks.0.conv')), []
    for b in (1, 2, 3):
        at, z = f'blocks.{b}.', F.relu(convolved(y, f'blocks.{b}.tdnn1.conv'))
        parts, last = list(z.chunk(8, 1)), 0
        for i in range(7):
            last = parts[i + 1] = F.relu(convolved(parts[i + 1] + last, at + f'res2net_block.blocks.{i}.conv', b + 1))
        z = F.relu(convolved(torch.cat(parts, 1), at + 'tdnn2.conv'))
        y = y + z * torch.sigmoid(convolved(F.relu(convolved(z.mean(2, keepdim=True), at + 'se_block.conv1')), at + 'se_block.conv2'))
        all.append(y)
    y = F.relu(convolved(torch.cat(all, 1), 'mfa.conv'))
    w = torch.cat([y, *(m.expand_as(y) for m in moments(y, 1 / y.shape[2]))], 1)
    w = convolved(torch.tanh(F.relu(convolved(w, 'asp.tdnn.conv'))), 'asp.conv').softmax(2)
    return convolved(torch.cat(moments(y, w), 1), 'fc')[:, :, 0]


def pockettts(folder, x):
    """a voice, an embedding for each 80 ms of 24000 instants a second; runtimes take GELU by a hyperbolic tangent where the model has it exactly"""
    from safetensors.torch import load_file
    t = {k: v.float() for k, v in load_file(os.path.join(folder, 'model.safetensors')).items()}
    act = lambda y: F.gelu(y, approximate='tanh' if 'TANH' in os.environ else 'none')

    def convolved(y, at, step=1, mode='constant'):
        w = t['mimi.' + at + '.weight']
        return F.conv1d(F.pad(y, (w.shape[2] - step, 0), mode=mode), w, t.get('mimi.' + at + '.bias'), stride=step)
    y = convolved(x[None, None], 'encoder.model.0.conv')
    for i, rate in enumerate((4, 5, 6)):
        z = convolved(F.elu(y), f'encoder.model.{1 + 3 * i}.block.1.conv')
        y = y + convolved(F.elu(z), f'encoder.model.{1 + 3 * i}.block.3.conv')
        y = convolved(F.elu(y), f'encoder.model.{3 + 3 * i}.conv', rate)
    y = convolved(F.elu(y), 'encoder.model.11.conv')[0].T
    n, d = y.shape
    behind = torch.arange(n)[:, None] - torch.arange(n)
    mask = (behind >= 0) & (behind < 250)
    a = torch.arange(n)[:, None] * 1e4 ** (-torch.arange(32) / 32)

    def turned(q):
        q = q.reshape(*q.shape[:-1], 32, 2)
        return torch.stack([q[..., 0] * a.cos() - q[..., 1] * a.sin(), q[..., 0] * a.sin() + q[..., 1] * a.cos()], -1).flatten(-2)
    for l in range(sum(k.startswith('mimi.encoder_transformer') and k.endswith('norm1.weight') for k in t)):
        at = f'mimi.encoder_transformer.transformer.layers.{l}.'
        norm = lambda y, k: F.layer_norm(y, (d,), t[at + k + '.weight'], t[at + k + '.bias'])
        q, k, v = F.linear(norm(y, 'norm1'), t[at + 'self_attn.in_proj.weight']).reshape(n, 3, d // 64, 64).permute(1, 2, 0, 3)
        y = y + F.linear(attention(turned(q), turned(k), v, mask), t[at + 'self_attn.out_proj.weight']) * t[at + 'layer_scale_1.scale']
        y = y + F.linear(act(F.linear(norm(y, 'norm2'), t[at + 'linear1.weight'])), t[at + 'linear2.weight']) * t[at + 'layer_scale_2.scale']
    y = convolved(y.T[None], 'downsample.conv.conv', 16, 'replicate')[0].T
    return F.linear(y, t['flow_lm.speaker_proj_weight'])


def hunyuanvl(folder, x):
    y, h, w = patches(x, 16)
    return library(folder).model.get_image_features(pixel_values=y.flatten(1), image_grid_thw=torch.tensor([[1, h, w]]))


def exaone4_5(folder, x):
    y, grid = film(x, 14)
    return library(folder).model.get_image_features(pixel_values=y, image_grid_thw=grid)


def granite4vision(folder, x):
    """all projectors' embeddings side by side, of two tiles; what stands before them, of a smaller image, is resized by other rules in runtimes, and left out there and here"""
    tiles = torch.cat([F.interpolate(x, (64, 64)), x[..., :64], x[..., 64:]])
    m = library(folder).model
    streams = m.get_image_features(pixel_values=tiles, image_sizes=torch.tensor([[64, 128]]), vision_feature_select_strategy='full').deepstack_features
    return torch.cat([y[0] for _, y in sorted(streams, key=lambda s: s[0])], 1)[16:]


def dots3note(folder, x):
    import transformers as tf
    m = tf.Dots3NoteForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager').eval().model
    if x.ndim == 1:
        f = tf.Dots3NoteFeatureExtractor()([x.numpy()], sampling_rate=16000)
        return m.get_audio_features(f['input_features'], f['chunk_sample_lengths']).pooler_output
    y, h, w = patches(x, 14)
    y = squares(y.reshape(h * w, -1), h, w).reshape(h * w, -1)
    return m.get_image_features(pixel_values=y, image_grid_thw=torch.tensor([[1, h, w]])).pooler_output[0]


def mimo(folder, x):
    """as runtimes have it: numbers for what is not seen stand in denominators"""
    c, t = weights(folder)
    line = lambda y, at, t=t: F.linear(y, t[at + '.weight'], t.get(at + '.bias'))
    if x.ndim == 1:
        return mimo_hears(folder, c, t, line, x)
    v = c['vision_config']
    y, h, w = patches(x, v['patch_size'])
    heads, kv, d = v['num_heads'], v['num_key_value_heads'], v['qk_channels']
    y = F.conv2d(y, t['visual.patch_embed.proj.weight'].sum(2), stride=v['patch_size']).flatten(1)
    order = squares(torch.arange(h * w), h, w)  # patches of squares one behind the other
    columns = order.reshape(h // 2, w // 2, 4).transpose(0, 1).reshape(-1)  # squares by columns
    band = (torch.arange(h * w)[:, None] - torch.arange(h * w)).abs() > v['visual_token_window_size']
    for i, kind in enumerate(v['vit_window_attn_types']):
        at, seen = f'visual.blocks.{i}.', columns if kind == 1 else order.reshape(-1)
        qkv = line(rms(y, t[at + 'norm1.weight'], 1e-6), at + 'attn.qkv')
        q, k, u = (z.reshape(h * w, -1, d).transpose(0, 1) for z in qkv.split([heads * d, kv * d, kv * d], 1))
        q, k = rotated(q, h, w), rotated(k, h, w)
        q, k, u = q[:, seen], k[:, seen].repeat_interleave(heads // kv, 0), u[:, seen].repeat_interleave(heads // kv, 0)
        s = q @ k.transpose(1, 2) * d ** -0.5
        if kind >= 0:
            s = torch.cat([s.masked_fill(band, -torch.inf), t[at + 'attn.sinks'][:, None, None].expand(-1, h * w, 1)], 2)
        z = (s.softmax(2)[..., :h * w] @ u).transpose(0, 1).flatten(1)
        y = y + line(z[seen.argsort()], at + 'attn.proj')
        z = rms(y, t[at + 'norm2.weight'], 1e-6)
        y = y + line(F.silu(line(z, at + 'mlp.gate_proj')) * line(z, at + 'mlp.up_proj'), at + 'mlp.down_proj')
    y = F.layer_norm(y, y.shape[-1:], t['visual.merger.ln_q.weight'], None, 1e-6)
    return line(F.gelu(line(squares(y, h, w), 'visual.merger.mlp.0')), 'visual.merger.mlp.2')


def turned(x, base):
    """Heads of shape (heads, positions, d) rotated in halves by their positions."""
    q = x.shape[-1] // 2
    a = (torch.arange(x.shape[1])[:, None] * base ** (-torch.arange(q) / q)).repeat(1, 2)
    one, two = x.chunk(2, -1)
    return x * a.cos() + torch.cat([-two, one], -1) * a.sin()


def mimo_hears(folder, c, main, line, x):
    from transformers.audio_utils import mel_filter_bank
    e, t = weights(os.path.join(folder, 'audio_tokenizer'))
    own = lambda y, at: line(y, at, t)
    norm = lambda y, at: F.layer_norm(y, y.shape[-1:], t[at + '.weight'], t[at + '.bias'], 1e-5)
    s = torch.stft(x, 960, 240, window=torch.hann_window(960), center=True, pad_mode='reflect', return_complex=True).abs()
    bank = torch.from_numpy(mel_filter_bank(481, e['n_mels'], 0, 12000, 24000, norm=None, mel_scale='htk')).float()
    y = (bank.T @ s).clip(1e-7).log()[None]
    y = F.gelu(F.conv1d(y, t['encoder.conv1.weight'], t['encoder.conv1.bias'], padding=1))
    y = F.gelu(F.conv1d(y, t['encoder.conv2.weight'], t['encoder.conv2.bias'], stride=2, padding=1))[0].T
    n, heads = len(y), e['encoder_attention_heads']
    back = torch.arange(n)[:, None] - torch.arange(n)
    split = lambda z: z.reshape(n, heads, -1).transpose(0, 1)
    for i in range(e['encoder_layers']):
        at = f'encoder.layers.{i}.'
        seen = (back >= 0) & (back <= e['encoder_attn_window_size'][0]) if i % e['swa_per_block'] < e['swa_per_block'] - 1 else back >= 0
        z = norm(y, at + 'self_attn_layer_norm')
        q, k, u = (split(own(z, f'{at}self_attn.{p}_proj')) for p in 'qkv')
        y = y + own(attention(turned(q, 1e4), turned(k, 1e4), u, seen), at + 'self_attn.out_proj')
        within = y
        y = y + own(F.gelu(own(norm(y, at + 'final_layer_norm'), at + 'fc1')), at + 'fc2')
        if i == e['encoder_skip_layer_id'] - 1:
            third = within if 'WITHIN' in os.environ else y  # llama.cpp takes what attention left
    y = norm(y + third, 'encoder.layer_norm')
    y = norm(F.gelu(F.conv1d(y.T[None], t['encoder.down_sample_layer.0.weight'], stride=2))[0].T, 'encoder.down_sample_norm')
    z = 0
    for i in range(c['audio_config']['audio_channels']):
        book = t[f'encoder.quantizer.vq.layers.{i}._codebook.embed']
        code = torch.cdist(y, book).argmin(1)
        y = y - book[code]
        z = z + main[f'speech_embeddings.{i}.weight'][code]
    g = c['audio_config']['group_size']
    z = F.pad(z, (0, 0, 0, -len(z) % g))
    n, heads = len(z), c['audio_config']['input_local_attn_heads']
    together = torch.arange(n)[:, None] // g == torch.arange(n) // g
    whirled = lambda q: turned(q.reshape(heads * n // g, g, -1), 64e4).reshape(heads, n, -1)
    for i in range(c['audio_config']['input_local_layers']):
        at = f'audio_encoder.input_local_transformer.layers.{i}.'
        q, k, u = (split(line(rms(z, main[at + 'input_layernorm.weight'], 1e-5), f'{at}self_attn.{p}_proj')) for p in 'qkv')
        z = z + line(attention(whirled(q), whirled(k), u, together), at + 'self_attn.o_proj')
        y = rms(z, main[at + 'post_attention_layernorm.weight'], 1e-5)
        z = z + line(F.silu(line(y, at + 'mlp.gate_proj')) * line(y, at + 'mlp.up_proj'), at + 'mlp.down_proj')
    z = rms(z, main['audio_encoder.input_local_transformer.norm.weight'], 1e-5).reshape(n // g, -1)
    return line(F.gelu(line(z, 'audio_encoder.projection.mlp.0')), 'audio_encoder.projection.mlp.2')
