"""Makes mmproj.json: tiny models that see, and what the reference converter makes of them.

usage: python mmproj.py LLAMA_CPP OUT [--keep DIR] [--only NAME,NAME]

LLAMA_CPP is a checkout of llama.cpp, OUT the file to write. Weights follow from the names of tensors (FNV-1a, then
splitmix64), so that the test makes the same checkpoints without storing them. The reference has no converter for the towers of
LLaVA; those cases have no expected file, and the test has a list of its own for them.
"""
import hashlib, json, os, runpy, sys, tempfile, traceback
import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import speech

M = (1 << 64) - 1

def reference(llama, *args):
    """Runs the reference converter in a process that has its libraries already; what it said if it failed, None otherwise."""
    if llama not in sys.path:
        sys.path.insert(0, llama)
    import conversion, conversion.base as base
    conversion.load_all_models()
    with tempfile.TemporaryFile("w+") as said:
        pid = os.fork()
        if pid == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            # The tokenizers of the tiny models are nobody's, so the reference is told their pre-tokenizer.
            base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
            import gguf  # it has lost the name of two norms of Gemma 3n's, and fails without it
            names, norm = gguf.TensorNameMap.block_mappings_cfg, gguf.MODEL_TENSOR.A_ENC_CONV1D_NORM
            names[norm] += ("model.audio_tower.subsample_conv_projection.conv_{bid}.norm",)
            small = dict(_vit_hidden_size=32, _vit_intermediate_size=48, _vit_num_layers=4, _vit_num_heads=2)  # of the only size that it knows, a smaller one
            sees = json.load(open(os.path.join(args[0], "config.json"))).get("vision_config") or {}
            small |= dict(_vit_num_layers=sees.get("num_hidden_layers", 4))
            for k, v in small.items():
                setattr(conversion.nemotron.NemotronNanoV2VLModel, k, v)
            exec(compile(open(conversion.step3.__file__).read(), conversion.step3.__file__, "exec", optimize=1), vars(conversion.step3))  # less what holds models for the published one
            # It takes "thinker." off what hears in Qwen3-Omni, and forgets it of what sees, which it then does not find.
            omni = conversion.qwen3vl.Qwen3OmniMmprojModel
            mended = omni.modify_tensors
            omni.modify_tensors = lambda self, data, name, bid: mended(self, data, name.replace("thinker.visual.", "visual."), bid)
            sys.argv = ["convert_hf_to_gguf.py", *args]
            try:
                runpy.run_path(os.path.join(llama, "convert_hf_to_gguf.py"), run_name="__main__")
                sys.stdout.flush()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
        failed = os.waitpid(pid, 0)[1]
        said.seek(0)
        return said.read()[-600:] if failed else None


def weights(name, shape):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & M
    n = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24) - np.float32(0.5)
    if len(shape) == 1 and "norm" in name and name.endswith("weight"):
        u = np.float32(1) + u
    if name.endswith("running_var"):
        u += np.float32(1)
    if name.endswith("featurizer.fb"):
        u += np.float32(0.5)
    if not len(shape):  # the ends of a range
        u += np.float32(1 if name.endswith("_max") else -1)
    if name.endswith("cluster_usage"):  # how often something was
        u += np.float32(1)
    return torch.from_numpy(u.reshape(shape))


TEXT = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=512,
            max_position_embeddings=256)
TOWER = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=14)
MROPE = dict(TEXT, bos_token_id=0, eos_token_id=0, rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}


def shell(cls, config):
    """A class of transformers as (config, names and shapes of what it stores)."""
    with torch.device("meta"):
        m = cls(config)
    d = json.loads(config.to_json_string(use_diff=False))
    d["architectures"] = [cls.__name__]
    names = {}
    for k, v in m.state_dict().items():
        k = k.replace("model.language_model.", "language_model.model.") if "vision_tower" in "".join(m.state_dict()) else k.replace("model.language_model.", "model.")
        k = k.replace("model.visual.", "visual.").replace("model.multi_modal_projector.", "multi_modal_projector.").replace("model.image_newline", "image_newline")
        k = k.replace("model.vision_tower.", "vision_tower.vision_model.")
        if k == "lm_head.weight":
            if d.get("tie_word_embeddings"):
                continue
            k = "language_model." + k if any("vision_tower" in x for x in names) or "llava" in d["model_type"] else k
        if not k.endswith("position_ids"):
            names[k] = list(v.shape)
    return slim(d), names


def slim(d):
    """Less of what nobody asks for."""
    drop = {"transformers_version", "id2label", "label2id", "problem_type", "return_dict", "output_hidden_states", "output_attentions", "chunk_size_feed_forward",
            "is_encoder_decoder", "initializer_range", "initializer_factor", "use_cache", "dtype", "pad_token_id", "attention_dropout", "_name_or_path"}
    return {k: slim(v) if isinstance(v, dict) else v for k, v in d.items() if k not in drop and v is not None}


def named(cls, config, renames=(), **more):
    """Like shell, with the names of a published layout: pairs of old and new, in the order in which they are tried."""
    with torch.device("meta"):
        m = cls(config)
    d = slim(json.loads(config.to_json_string(use_diff=False)))
    d |= dict(architectures=[cls.__name__], **more)
    names = {}
    for k, v in m.state_dict().items():
        if k.endswith("position_ids") or k == "lm_head.weight" and d.get("tie_word_embeddings"):
            continue
        for old, new in renames:
            k = k.replace(old, new)
        names[k] = list(v.shape)
    return d, names


def saved(cls, config, **more):
    """Like named, with the names and the configuration that the library writes."""
    from safetensors import safe_open
    with tempfile.TemporaryDirectory() as d:
        cls(config).save_pretrained(d)
        c = slim(json.load(open(os.path.join(d, "config.json"))))
        with safe_open(os.path.join(d, "model.safetensors"), "pt") as f:
            return c | more, {k: f.get_slice(k).get_shape() for k in f.keys()}


def internvl():
    """InternVL in the layout of its authors: three matrices in one, and other names."""
    c = dict(architectures=["InternVLChatModel"], model_type="internvl_chat", downsample_ratio=0.5, min_dynamic_patch=1, max_dynamic_patch=6, ps_version="v2", select_layer=-1,
             llm_config=dict(TEXT, architectures=["Qwen2ForCausalLM"], model_type="qwen2", rms_norm_eps=1e-6, rope_theta=1e6, hidden_act="silu", tie_word_embeddings=False),
             vision_config=dict(TOWER, num_hidden_layers=4, architectures=["InternVisionModel"], model_type="intern_vit_6b", image_size=56, hidden_act="gelu", layer_norm_eps=1e-6,
                                norm_type="layer_norm", qkv_bias=True, qk_normalization=False, num_channels=3, initializer_factor=0.1))
    _, text = named(tf.Qwen2ForCausalLM, tf.Qwen2Config(**TEXT, tie_word_embeddings=False))
    n = {"language_model." + k: s for k, s in text.items()}
    v = "vision_model.embeddings."
    n |= {v + "class_embedding": [1, 1, 32], v + "patch_embedding.weight": [32, 3, 14, 14], v + "patch_embedding.bias": [32], v + "position_embedding": [1, 17, 32],
          "mlp1.0.weight": [128], "mlp1.0.bias": [128], "mlp1.1.weight": [64, 128], "mlp1.1.bias": [64], "mlp1.3.weight": [64, 64], "mlp1.3.bias": [64]}
    for i in range(4):
        at = f"vision_model.encoder.layers.{i}."
        for k, s in {"norm1": [32], "norm2": [32], "attn.qkv": [96, 32], "attn.proj": [32, 32], "mlp.fc1": [48, 32], "mlp.fc2": [32, 48]}.items():
            n[at + k + ".weight"], n[at + k + ".bias"] = s, s[:1]
        n[at + "ls1"] = n[at + "ls2"] = [32]
    return c, n


def ling():
    """Ling 3 VL by the names that the reference asks for: the library does not have it."""
    c = dict(architectures=["BailingMoeV3VLForConditionalGeneration"], mrope_section=[2, 1, 1], text_config=dict(
        TEXT, num_key_value_heads=4, rms_norm_eps=1e-6, rope_theta=6e6, head_dim=16, kv_lora_rank=16, q_lora_rank=None, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=8,
        layer_group_size=2, short_conv_kernel_size=4, first_k_dense_replace=2, tie_word_embeddings=False),
        vision_config=dict(depth=3, hidden_size=32, intermediate_size=48, num_heads=2, patch_size=16, spatial_merge_size=2, temporal_patch_size=2, num_position_embeddings=36,
                           out_hidden_size=128, disable_merger_proj=True, deepstack_visual_indexes=[], hidden_act="gelu_pytorch_tanh", in_channels=3))
    n = {"visual.patch_embed.proj.weight": [32, 3, 2, 16, 16], "visual.pos_embed.weight": [36, 32], "visual.merger.norm.weight": [32], "visual.merger.norm.bias": [32],
         "linear_proj.0.weight": [64, 128], "linear_proj.0.bias": [64], "linear_proj.2.weight": [64, 64], "linear_proj.2.bias": [64]}
    for i in range(3):
        for k, s in {"norm1": [32], "norm2": [32], "attn.qkv": [96, 32], "attn.proj": [32, 32], "mlp.linear_fc1": [48, 32], "mlp.linear_fc2": [32, 48]}.items():
            n[f"visual.blocks.{i}.{k}.weight"], n[f"visual.blocks.{i}.{k}.bias"] = s, s[:1]
    n |= {"model.word_embeddings.weight": [512, 64], "model.norm.weight": [64], "lm_head.weight": [512, 64]}
    for i in range(2):
        at = f"model.layers.{i}."
        n |= {at + k + ".weight": s for k, s in {"input_layernorm": [64], "post_attention_layernorm": [64], "mlp.gate_proj": [96, 64], "mlp.up_proj": [96, 64], "mlp.down_proj": [64, 96]}.items()}
    n |= {"model.layers.0.attention." + k: s for k, s in {"A_log": [4], "dt_bias": [64], "o_norm.weight": [16], "b_proj.weight": [4, 64]}.items()} | {
        f"model.layers.0.attention.{k}_conv1d.weight": [64, 1, 4] for k in "qkv"} | {f"model.layers.0.attention.{k}_proj.weight": [64, 64] for k in "qkvfgo"}
    n |= {f"model.layers.1.attention.{k}.weight": s for k, s in {"q_proj": [64, 64], "kv_a_proj_with_mqa": [24, 64], "kv_a_layernorm": [16], "kv_b_proj": [64, 16], "g_proj": [4, 64],
                                                                   "dense": [64, 32]}.items()}
    return c, n


def step(cls, text, words):
    """Step3-VL and Step 3.7 as published."""
    c = dict(architectures=[cls], model_type="step3p7" if "3p7" in cls else "step_robotics", text_config=text, understand_projector_stride=2, projector_bias=False, hidden_size=64,
             vision_config=dict(width=32, layers=3, heads=2, mlp_ratio=1.5, image_size=112, patch_size=14, hidden_act="quick_gelu", layer_norm_eps=1e-5, ls_init_value=0.1, use_cls_token=False,
                                use_ln_pre=True, use_ln_post=False, use_abs_posemb=True, use_rope2d=True))
    v = "vision_model."
    n = words | {v + "conv1.weight": [32, 3, 14, 14], v + "positional_embedding": [64, 32], v + "ln_pre.weight": [32], v + "ln_pre.bias": [32], "vit_large_projector.weight": [64, 128]}
    for k, s in {"vit_downsampler1": [64, 32, 3, 3], "vit_downsampler2": [128, 64, 3, 3]}.items():
        n[f"{v}{k}.weight"], n[f"{v}{k}.bias"] = s, s[:1]
    for i in range(3):
        at = f"{v}transformer.resblocks.{i}."
        for k, s in {"ln_1.": [32], "ln_2.": [32], "attn.in_proj_": [96, 32], "attn.out_proj.": [32, 32], "mlp.c_fc.": [48, 32], "mlp.c_proj.": [32, 48]}.items():
            n[at + k + "weight"], n[at + k + "bias"] = s, s[:1]
        n[at + "ls_1.gamma"] = n[at + "ls_2.gamma"] = [32]
    return c, n


def step35_words():
    n = {"model.embed_tokens.weight": [512, 64], "model.norm.weight": [64], "lm_head.weight": [512, 64]}
    for i in range(2):
        at = f"model.layers.{i}."
        mlp = {"moe.gate": [4, 64], "moe.up_proj": [4, 32, 64], "moe.gate_proj": [4, 32, 64], "moe.down_proj": [4, 64, 32], "share_expert.up_proj": [32, 64], "share_expert.gate_proj": [32, 64],
               "share_expert.down_proj": [64, 32]} if i else {"mlp.gate_proj": [96, 64], "mlp.up_proj": [96, 64], "mlp.down_proj": [64, 96]}
        n |= {at + k + ".weight": s for k, s in (mlp | {"self_attn.q_proj": [64, 64], "self_attn.k_proj": [32, 64], "self_attn.v_proj": [32, 64], "self_attn.o_proj": [64, 64], "self_attn.g_proj": [4, 64],
              "self_attn.q_norm": [16], "self_attn.k_norm": [16], "input_layernorm": [64], "post_attention_layernorm": [64]}).items()}
    return n | {"model.layers.1.moe.router_bias": [4]}


def ocr(cls):
    """DeepSeek-OCR and its successors as published, the towers smaller."""
    two = "2" in cls
    text = dict(TEXT, architectures=["DeepseekV2ForCausalLM"], model_type="deepseek_v2", num_key_value_heads=4, use_mla=False, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_shared_experts=1,
                first_k_dense_replace=1, n_group=1, topk_group=1, topk_method="greedy", kv_lora_rank=None, q_lora_rank=None, qk_nope_head_dim=0, qk_rope_head_dim=0, v_head_dim=0, rms_norm_eps=1e-6, rm_head=False)
    width = dict(sam_vit_b=dict(downsample_channels=[48, 64], global_attn_indexes=[2], heads=2, layers=3, width=32))
    vision = dict(image_size=1024, mlp_ratio=3.7362, model_name="deeplip_b_l", model_type="vision", width=width)
    if two:
        width["qwen2-0-5b"] = dict(dim=64)
        vision |= dict(layers=4, num_attention_heads=4, intermediate_size=96)  # which the published one has built in
    else:
        width["clip-l-14-224"] = dict(heads=4, image_size=224, layers=4, patch_size=14, width=64)
    c = dict(architectures=[cls], model_type="deepseek_vl_v2", candidate_resolutions=[[1024, 1024]], global_view_pos="head", tile_tag="2D", language_config=text, vision_config=vision,
             projector_config=dict(input_dim=64 if two else 128, model_type="mlp_projector", n_embed=64, projector_type="linear"), **{k: v for k, v in text.items() if k not in ("architectures", "model_type")})
    s = "model.sam_model."
    n = {"model.embed_tokens.weight": [512, 64], "model.norm.weight": [64], "lm_head.weight": [512, 64], s + "pos_embed": [1, 64, 64, 32], s + "patch_embed.proj.weight": [32, 3, 16, 16], s + "patch_embed.proj.bias": [32],
         s + "neck.0.weight": [256, 32, 1, 1], s + "neck.2.weight": [256, 256, 3, 3], s + "net_2.weight": [48, 256, 3, 3], s + "net_3.weight": [64, 48, 3, 3], "model.view_seperator": [64],
         "model.projector.layers.weight": [64, 64 if two else 128], "model.projector.layers.bias": [64]}
    n |= {f"{s}neck.{i}.{k}": [256] for i in (1, 3) for k in ("weight", "bias")}
    for i in range(3):
        at = f"{s}blocks.{i}."
        for k, z in {"norm1": [32], "norm2": [32], "attn.qkv": [96, 32], "attn.proj": [32, 32], "mlp.lin1": [128, 32], "mlp.lin2": [32, 128]}.items():
            n[at + k + ".weight"], n[at + k + ".bias"] = z, z[:1]
        n[at + "attn.rel_pos_h"] = n[at + "attn.rel_pos_w"] = [127 if i == 2 else 27, 16]
    for i in range(2):
        at = f"model.layers.{i}."
        n |= {f"{at}self_attn.{k}_proj.weight": [64, 64] for k in "qkvo"} | {at + "input_layernorm.weight": [64], at + "post_attention_layernorm.weight": [64]}
        for mlp, f in (("", 96),) if i == 0 else [("shared_experts.", 32)] + [(f"experts.{e}.", 32) for e in range(4)]:
            n |= {f"{at}mlp.{mlp}{k}_proj.weight": z for k, z in {"gate": [f, 64], "up": [f, 64], "down": [64, f]}.items()}
    n |= {"model.layers.1.mlp.gate.weight": [4, 64]}
    if two:
        q = "model.qwen2_model."
        n |= {q + "query_768.weight": [144, 64], q + "query_1024.weight": [256, 64], q + "model.model.norm.weight": [64]}
        for i in range(4):
            at = f"{q}model.model.layers.{i}."
            n |= {at + k + ".weight": z for k, z in {"input_layernorm": [64], "post_attention_layernorm": [64], "self_attn.q_proj": [64, 64], "self_attn.k_proj": [32, 64], "self_attn.v_proj": [32, 64],
                                                     "self_attn.o_proj": [64, 64], "mlp.gate_proj": [96, 64], "mlp.up_proj": [96, 64], "mlp.down_proj": [64, 96]}.items()}
            n |= {f"{at}self_attn.{k}_proj.bias": [64 if k == "q" else 32] for k in "qkv"}
        return c, n
    v = "model.vision_model."
    n |= {"model.image_newline": [64], v + "embeddings.class_embedding": [64], v + "embeddings.patch_embedding.weight": [64, 3, 14, 14], v + "embeddings.position_embedding.weight": [257, 64],
          v + "pre_layrnorm.weight": [64], v + "pre_layrnorm.bias": [64]}
    for i in range(4):
        for k, z in {"layer_norm1": [64], "layer_norm2": [64], "self_attn.qkv_proj": [192, 64], "self_attn.out_proj": [64, 64], "mlp.fc1": [256, 64], "mlp.fc2": [64, 256]}.items():
            n[f"{v}transformer.layers.{i}.{k}.weight"], n[f"{v}transformer.layers.{i}.{k}.bias"] = z, z[:1]
    return c, n


def v4():
    """DeepSeek-V4-Flash-Vision as published, without layers in which a table chooses experts, and weights of fewer bits."""
    c = dict(architectures=["DeepseekV4ForCausalLM"], model_type="deepseek_v4", **{k: TEXT[k] for k in ("hidden_size", "num_attention_heads", "vocab_size", "max_position_embeddings")}, num_hidden_layers=3,
             num_key_value_heads=1, head_dim=64, qk_rope_head_dim=16, q_lora_rank=32, o_groups=2, o_lora_rank=32, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_shared_experts=1,
             compress_ratios=[0, 4, 128], num_hash_layers=0, swiglu_limit=10.0, index_topk=16, index_head_dim=128, index_n_heads=32, sliding_window=32, rms_norm_eps=1e-6, rope_theta=1e4,
             compress_rope_theta=16e4, hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, routed_scaling_factor=1.5, norm_topk_prob=True, scoring_func="sqrtsoftplus", tie_word_embeddings=False,
             vision_n_layers=3, vision_dim=64, vision_n_heads=2, vision_inter_dim=96, vision_patch_size=14, vision_rope_theta=10000.0, vision_downsample_ratio=3, vision_min_pixels=7056,
             vision_max_n_token=384, vision_max_wh_ratio=8)
    n = {"embed.weight": [512, 64], "head.weight": [512, 64], "norm.weight": [64], "hc_head_base": [4], "hc_head_fn": [4, 256], "hc_head_scale": [1], "vision.norm.weight": [64],
         "vision.patch_embed.proj.weight": [64, 588], "vision.patch_embed.proj.bias": [64], "aligner.w1.weight": [64, 576], "aligner.w1.bias": [64], "aligner.w2.weight": [64, 64], "aligner.w2.bias": [64]}
    n |= {"image_" + k: [64] for k in ("start", "end", "newline", "pad")}
    for i in range(3):
        at = f"layers.{i}."
        n |= {at + k: s for k, s in {"attn.attn_sink": [4], "attn.kv_norm.weight": [64], "attn.q_norm.weight": [32], "attn.wkv.weight": [64, 64], "attn.wo_a.weight": [64, 128], "attn.wo_b.weight": [64, 64],
                                     "attn.wq_a.weight": [32, 64], "attn.wq_b.weight": [256, 32], "attn_norm.weight": [64], "ffn_norm.weight": [64], "ffn.gate.weight": [4, 64], "ffn.gate.bias": [4],
                                     "ffn.gate.bias_vl": [4]}.items()}
        for e in ("shared_experts", *(f"experts.{j}" for j in range(4))):
            n |= {f"{at}ffn.{e}.w{j}.weight": [64, 32] if j == 2 else [32, 64] for j in (1, 2, 3)}
        for k in ("attn", "ffn"):
            n |= {f"{at}hc_{k}_base": [24], f"{at}hc_{k}_fn": [24, 256], f"{at}hc_{k}_scale": [3]}
        at = f"vision.blocks.{i}."
        n |= {at + k: s for k, s in {"norm1.weight": [64], "norm2.weight": [64], "attn.wqkv.weight": [192, 64], "attn.wqkv.bias": [192], "attn.wo.weight": [64, 64], "attn.wo.bias": [64],
                                     "mlp.w1.weight": [192, 64], "mlp.w2.weight": [64, 96]}.items()}
    for at, r, w, d in (("layers.1.attn.compressor.", 4, 128, 64), ("layers.1.attn.indexer.compressor.", 4, 256, 128), ("layers.2.attn.compressor.", 128, 64, 64)):
        n |= {at + "ape": [r, w], at + "norm.weight": [d], at + "wgate.weight": [w, 64], at + "wkv.weight": [w, 64]}
    return c, n | {"layers.1.attn.indexer.weights_proj.weight": [32, 64], "layers.1.attn.indexer.wq_b.weight": [4096, 32]}


def kimi(cls):
    """Kimi-VL and Kimi K2.5, whose towers have names of their own."""
    text = dict(TEXT, model_type="deepseek_v3", n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=48, n_shared_experts=1, first_k_dense_replace=1,
                n_group=1, topk_group=1, kv_lora_rank=16, q_lora_rank=24, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=8, routed_scaling_factor=2.0,
                rms_norm_eps=1e-5, rope_theta=8e5, tie_word_embeddings=False, num_key_value_heads=4)
    _, n = named(tf.DeepseekV3ForCausalLM, tf.DeepseekV3Config(**text))
    n = {"language_model." + k: s for k, s in n.items() if ".experts." not in k}
    for e in range(4):
        for k, s in {"gate_proj": [48, 64], "up_proj": [48, 64], "down_proj": [64, 48]}.items():
            n[f"language_model.model.layers.1.mlp.experts.{e}.{k}.weight"] = s
    vl = cls.startswith("KimiVL")
    c = dict(architectures=[cls], text_config=text)  # by its model_type the reference would ask transformers, which knows the sizes of K2.5 by other names
    c["vision_config"] = dict(patch_size=14, init_pos_emb_height=64, init_pos_emb_width=64, merge_kernel_size=[2, 2]) | (
        dict(model_type="moonvit", hidden_size=64, intermediate_size=96, num_attention_heads=4, num_hidden_layers=3) if vl else
        dict(vt_hidden_size=64, vt_intermediate_size=96, vt_num_attention_heads=16, vt_num_hidden_layers=3, init_pos_emb_time=4, projector_hidden_act="gelu",
             projector_ln_eps=1e-5, text_hidden_size=64, mm_hidden_size=64))
    v = "vision_tower."
    n |= {v + "patch_embed.proj.weight": [64, 3, 14, 14], v + "patch_embed.proj.bias": [64], v + "patch_embed.pos_emb.weight": [64, 64, 64],
          v + "encoder.final_layernorm.weight": [64], v + "encoder.final_layernorm.bias": [64]}
    for i in range(3):
        for k, s in {"norm0": [64], "norm1": [64], "wqkv": [192, 64], "wo": [64, 64], "mlp.fc0": [96, 64], "mlp.fc1": [64, 96]}.items():
            n[f"{v}encoder.blocks.{i}.{k}.weight"], n[f"{v}encoder.blocks.{i}.{k}.bias"] = s, s[:1]
    m = "multi_modal_projector.linear_%d." if vl else "mm_projector.proj.%d."
    for i, s in ((1, [256, 256]), (2, [64, 256])) if vl else ((0, [256, 256]), (2, [64, 256])):
        n[m % i + "weight"], n[m % i + "bias"] = s, s[:1]
    p = m.split(".")[0] + ".pre_norm."
    n[p + "weight"] = n[p + "bias"] = [64]
    return c, n


def cogvlm():
    c = dict(architectures=["CogVLMForCausalLM"], hidden_act="silu", hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=4, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False, vocab_size=512,
             vision_config=dict(hidden_act="gelu", hidden_size=32, image_size=28, in_channels=3, intermediate_size=48, layer_norm_eps=1e-6,
                                num_heads=2, num_hidden_layers=3, num_positions=5, patch_size=14))
    n = {"model.embed_tokens.weight": [512, 64], "model.norm.weight": [64], "lm_head.weight": [512, 64]}
    for i in range(2):
        for expert in ("language", "vision"):
            at = f"model.layers.{i}."
            n[at + f"self_attn.{expert}_expert_query_key_value.weight"] = [192, 64]
            n[at + f"self_attn.{expert}_expert_dense.weight"] = [64, 64]
            n[at + f"mlp.{expert}_mlp.gate_proj.weight"] = [96, 64]
            n[at + f"mlp.{expert}_mlp.up_proj.weight"] = [96, 64]
            n[at + f"mlp.{expert}_mlp.down_proj.weight"] = [64, 96]
        n[at + "input_layernorm.weight"] = n[at + "post_attention_layernorm.weight"] = [64]
    v = "model.vision."
    n |= {v + "boi": [1, 1, 64], v + "eoi": [1, 1, 64], v + "patch_embedding.cls_embedding": [1, 32], v + "patch_embedding.position_embedding.weight": [5, 32],
          v + "patch_embedding.proj.weight": [32, 3, 14, 14], v + "patch_embedding.proj.bias": [32], v + "linear_proj.linear_proj.weight": [64, 32],
          v + "linear_proj.norm1.weight": [64], v + "linear_proj.norm1.bias": [64], v + "linear_proj.gate_proj.weight": [96, 64],
          v + "linear_proj.dense_h_to_4h.weight": [96, 64], v + "linear_proj.dense_4h_to_h.weight": [64, 96]}
    for i in range(3):
        at = v + f"transformer.layers.{i}."
        for k, s in {"input_layernorm": [32], "post_attention_layernorm": [32], "attention.query_key_value": [96, 32], "attention.dense": [32, 32],
                     "mlp.fc1": [48, 32], "mlp.fc2": [32, 48]}.items():
            n[at + k + ".weight"], n[at + k + ".bias"] = s, s[:1]
    return c, n


def mimo():
    """MiMo-V2.5, which the library does not have, as published; what lies in a folder within its own has that before its names."""
    heads, kv, hd, vhd = 4, 2, 24, 16
    text = dict(TEXT, num_attention_heads=heads, num_key_value_heads=1, head_dim=hd, v_head_dim=vhd, swa_num_attention_heads=heads, swa_num_key_value_heads=kv, swa_head_dim=hd, swa_v_head_dim=vhd,
                layernorm_epsilon=1e-5, hidden_act="silu", tie_word_embeddings=False, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_group=1, topk_group=1, norm_topk_prob=True,
                scoring_func="sigmoid", topk_method="noaux_tc", attention_value_scale=0.707, sliding_window=7, sliding_window_size=7, hybrid_layer_pattern=[0, 1], moe_layer_freq=[0, 1],
                rope_theta=5e6, swa_rope_theta=1e4, partial_rotary_factor=0.334, attention_projection_layout="fused_qkv", add_swa_attention_sink_bias=True, add_full_attention_sink_bias=False,
                attention_bias=False)
    n = {"model.embed_tokens.weight": [512, 64], "model.norm.weight": [64], "lm_head.weight": [512, 64], "model.layers.1.self_attn.attention_sink_bias": [heads], "model.layers.1.mlp.gate.weight": [4, 64],
         "model.layers.1.mlp.gate.e_score_correction_bias": [4]}
    for i in range(2):
        at = f"model.layers.{i}."
        n |= {at + "input_layernorm.weight": [64], at + "post_attention_layernorm.weight": [64], at + "self_attn.o_proj.weight": [64, heads * vhd],
              at + "self_attn.qkv_proj.weight": [heads * hd + (1, kv)[i] * (hd + vhd), 64]}
        for e, w in ((at + "mlp.", 96),) if i == 0 else ((f"{at}mlp.experts.{e}.", 32) for e in range(4)):
            n |= {e + "gate_proj.weight": [w, 64], e + "up_proj.weight": [w, 64], e + "down_proj.weight": [64, w]}
    sees = dict(depth=4, hidden_size=64, intermediate_size=96, num_heads=4, num_key_value_heads=2, qk_channels=32, out_hidden_size=64, in_chans=3, patch_size=16, temporal_patch_size=2,
                spatial_merge_size=2, fullatt_block_indexes=[0], vit_window_attn_types=[-1, 0, 1, 1], visual_token_window_size=5, use_sink=True, hidden_act="silu")
    v = "visual."
    n |= {v + "patch_embed.proj.weight": [64, 3, 2, 16, 16], v + "merger.ln_q.weight": [64], v + "merger.mlp.0.weight": [256, 256], v + "merger.mlp.2.weight": [64, 256]}
    for i in range(4):
        at = f"{v}blocks.{i}."
        n |= {at + "norm1.weight": [64], at + "norm2.weight": [64]} | ({at + "attn.sinks": [4]} if i else {})
        for k, s in {"attn.qkv": [256, 64], "attn.proj": [64, 128], "mlp.gate_proj": [96, 64], "mlp.up_proj": [96, 64], "mlp.down_proj": [64, 96]}.items():
            n |= {at + k + ".weight": s, at + k + ".bias": s[:1]}
    books = [24, 16, 8]
    hears = dict(audio_channels=3, group_size=4, input_full_attention=True, input_local_dim=32, input_local_layers=2, input_local_attn_heads=2, input_local_head_dim=16, input_local_intermediate_size=48,
                 out_hidden_size=64, projection_layers=2, rope_theta=640000, add_post_norm=True, partial_rotary_factor=1.0)
    encoder = dict(d_model=32, encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=40, n_mels=128, kernel_size=3, stride_size=2, avg_pooler=2, encoder_skip_layer_id=3, encoder_causal=True,
                   encoder_attn_window_size=[9, 0], hybrid_attention=True, swa_per_block=2, rope_theta=10000, num_quantizers=3, codebook_size=books, sampling_rate=24000, hop_length=240, nfft=960,
                   window_size=960, ln_type="LayerNorm", scale_embedding=False)
    n |= {f"speech_embeddings.{i}.weight": [25, 32] for i in range(3)} | {"audio_encoder.projection.mlp.0.weight": [80, 128], "audio_encoder.projection.mlp.2.weight": [64, 80],
                                                                      "audio_encoder.input_local_transformer.norm.weight": [32]}
    for i in range(2):
        at = f"audio_encoder.input_local_transformer.layers.{i}."
        n |= {at + k + ".weight": s for k, s in {"input_layernorm": [32], "post_attention_layernorm": [32], "self_attn.o_proj": [32, 32], "mlp.gate_proj": [48, 32], "mlp.up_proj": [48, 32],
                                                 "mlp.down_proj": [32, 48]}.items()}
        n |= {f"{at}self_attn.{k}_proj.{p}": [32, 32][:2 - (p == "bias")] for k in "qkv" for p in ("weight", "bias")}
    t = "audio_tokenizer/"
    n |= {t + "encoder.conv1.weight": [32, 128, 3], t + "encoder.conv1.bias": [32], t + "encoder.conv2.weight": [32, 32, 3], t + "encoder.conv2.bias": [32],
          t + "encoder.down_sample_layer.0.weight": [32, 32, 2], t + "decoder.conv.weight": [4, 4]}
    for k in ("layer_norm", "down_sample_norm"):
        n |= {f"{t}encoder.{k}.weight": [32], f"{t}encoder.{k}.bias": [32]}
    for i in range(4):
        at = f"{t}encoder.layers.{i}."
        for k, s in {"self_attn_layer_norm": [32], "final_layer_norm": [32], "self_attn.q_proj": [32, 32], "self_attn.v_proj": [32, 32], "self_attn.out_proj": [32, 32], "fc1": [40, 32], "fc2": [32, 40]}.items():
            n |= {at + k + ".weight": s, at + k + ".bias": s[:1]}
        n[at + "self_attn.k_proj.weight"] = [32, 32]
    for i, rows in enumerate(books):
        at = f"{t}encoder.quantizer.vq.layers.{i}._codebook."
        n |= {at + "embed": [rows, 32], at + "embed_avg": [rows, 32], at + "cluster_size": [rows], at + "inited": [1]}
    return text | dict(architectures=["MiMoV2ForCausalLM"], vision_config=sees, audio_config=hears, audio_tokenizer=encoder), n


def dots3():
    """dots3-note as it is published: the language model's keys at the root."""
    text = dict(TEXT, num_hidden_layers=2, num_key_value_heads=4, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, n_shared_experts=1, first_k_dense_replace=1,
                q_lora_rank=32, kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=16, v_head_dim=32, head_dim=32, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5,
                scoring_func="sigmoid", topk_method="noaux_tc", index_topk=8, index_head_dim=64, index_n_heads=24, layer_types=["full_attention", "sliding_attention"], sliding_window_size=6,
                swa_num_attention_heads=2, swa_num_key_value_heads=2, swa_q_lora_rank=32, swa_kv_lora_rank=48, swa_head_dim=40, swa_qk_nope_head_dim=24, swa_qk_rope_head_dim=16, swa_v_head_dim=24,
                swa_rope_theta=50000.0, rope_theta=8e7, apply_mla_qkv_lora_rescale=True, use_dsa=True, moe_shared_expert_intermediate_size=32, rms_norm_eps=1e-5, hidden_act="silu",
                tie_word_embeddings=False, bos_token_id=0, eos_token_id=0, pad_token_id=0)
    sees = dict(embed_dim=64, hidden_size=64, intermediate_size=96, moe_intermediate_size=40, num_hidden_layers=4, num_attention_heads=2, num_channels=3, patch_size=14, spatial_merge_size=2,
                temporal_patch_size=1, rms_norm_eps=1e-5, use_bias=False, use_qk_norm=True, is_causal=False, post_norm=True, pre_pixel_shuffle=True, pyramid_num_routed=[-1, 1, 3, 4],
                capacity_factor=2, router_scoring_func="sigmoid", router_scale=1.0, adapter_type="patch_merger", adapter_in_dim=64, adapter_out_dim=64, adapter_merge_size=2)
    hears = dict(whisper_config=dict(d_model=32, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=48, num_mel_bins=128, max_source_positions=3000, activation_function="swiglu"),
                 use_conv2d_stem=True, use_rope=True, use_rms_norm=True, use_causal=False, merge_factor=1, chunk_seconds=60, downsample_hidden_size=8, adapter_input_size=32,
                 adapter_output_size=64, rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5))
    parts = dict(vision_config=sees, audio_config=hears)
    _, n = saved(tf.Dots3NoteForConditionalGeneration, tf.Dots3NoteConfig(**json.loads(json.dumps(text | parts))))
    return text | parts | dict(architectures=["Dots3NoteForCausalLM"]), n  # by its model_type the reference would ask transformers, which tells it by other names


def dots():
    """dots.ocr: the language model is Qwen2 under the names of the whole."""
    c, n = named(tf.Qwen2ForCausalLM, tf.Qwen2Config(**TEXT, tie_word_embeddings=False, rms_norm_eps=1e-6))
    c |= dict(architectures=["DotsOCRForCausalLM"], model_type="dots_ocr", vision_config=dict(
        embed_dim=64, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=2, num_channels=3, patch_size=14, post_norm=True, rms_norm_eps=1e-5,
        spatial_merge_size=2, temporal_patch_size=1, use_bias=False))
    v = "vision_tower."
    n |= {v + "patch_embed.patchifier.proj.weight": [64, 3, 14, 14], v + "patch_embed.patchifier.proj.bias": [64], v + "patch_embed.patchifier.norm.weight": [64],
          v + "post_trunk_norm.weight": [64], v + "merger.ln_q.weight": [64], v + "merger.ln_q.bias": [64], v + "merger.mlp.0.weight": [256, 256],
          v + "merger.mlp.0.bias": [256], v + "merger.mlp.2.weight": [64, 256], v + "merger.mlp.2.bias": [64]}
    for i in range(3):
        for k, s in {"norm1": [64], "norm2": [64], "attn.qkv": [192, 64], "attn.proj": [64, 64], "mlp.fc1": [96, 64], "mlp.fc2": [64, 96], "mlp.fc3": [96, 64]}.items():
            n[f"{v}blocks.{i}.{k}.weight"] = s
    return c, n


def minimax():
    """MiniMax-M3 in the layout of its authors, heads of the size that the reference knows."""
    text = dict(TEXT, head_dim=32, rotary_dim=16, dense_intermediate_size=96, shared_intermediate_size=32, intermediate_size=32, num_local_experts=4, num_experts_per_tok=2, routed_scaling_factor=2.0,
                mlp_layer_types=["dense", "sparse"], layer_types=["full_attention", "minimax_m3_sparse"], index_n_heads=2, index_head_dim=16, index_block_size=4, index_topk_blocks=3, index_local_blocks=1)
    c, n = saved(tf.MiniMaxM3SparseForConditionalGeneration, tf.MiniMaxM3VLConfig(text_config=text, projector_hidden_size=72, vision_config=dict(
        hidden_size=160, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, patch_size=14, image_size=56)))
    c["text_config"] |= dict(n_shared_experts=1, moe_layer_freq=[0, 1], hidden_act="swigluoai")
    return c, n


def youtu():
    """Youtu-VL, which the library does not have: SigLIP 2's layers and a projector under names of their own, the language model's keys at the root."""
    c, n = named(tf.YoutuForCausalLM, tf.YoutuConfig(**dict(TEXT, num_key_value_heads=4), q_lora_rank=24, kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=16, v_head_dim=16, tie_word_embeddings=False,
                                                     rope_parameters={"rope_type": "default", "rope_theta": 1.6e6}))
    c |= dict(architectures=["YoutuVLForConditionalGeneration"], model_type="youtu_vl", vision_config=dict(
        model_type="siglip2_vision_model", hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=2, num_channels=3, patch_size=16, num_patches=-1, hidden_act="gelu_pytorch_tanh",
        layer_norm_eps=1e-6, spatial_merge_size=2, window_size=64, fullatt_block_indexes=[0, 2], out_hidden_size=64))
    v = "siglip2.vision_model."
    shapes = {v + "embeddings.patch_embedding": [32, 768], v + "post_layernorm": [32], "merger.mlp.0": [128, 128], "merger.mlp.2": [64, 128]}
    for i in range(4):
        shapes |= {f"{v}encoder.layers.{i}.{k}": s for k, s in {"layer_norm1": [32], "layer_norm2": [32], "mlp.fc1": [48, 32], "mlp.fc2": [32, 48]}.items()}
        shapes |= {f"{v}encoder.layers.{i}.self_attn.{k}_proj": [32, 32] for k in ("q", "k", "v", "out")}
    return c, n | {"merger.ln_q.weight": [32]} | {k + ".weight": s for k, s in shapes.items()} | {k + ".bias": s[:1] for k, s in shapes.items()}


def phi4():
    """Phi-4 vision, which the library does not have, as published: the language model's keys at the root, the size of patches in the processor's file alone."""
    c, n = named(tf.Phi3ForCausalLM, tf.Phi3Config(**TEXT, original_max_position_embeddings=256, pad_token_id=0, bos_token_id=1, eos_token_id=2, sliding_window=None))
    vision = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=2, patch_size=16)
    from transformers.models.siglip2.modeling_siglip2 import Siglip2VisionModel
    _, tower = named(Siglip2VisionModel, tf.Siglip2VisionConfig(**vision, num_patches=64))
    n |= {"model.vision_tower.vision_tower.vision_model." + k.removeprefix("vision_model."): s for k, s in tower.items()}
    for k, s in (("0", [64, 32]), ("2", [64, 64])):
        n |= {f"model.mm_projector.{k}.weight": s, f"model.mm_projector.{k}.bias": s[:1]}
    del vision["patch_size"]
    return c | dict(architectures=["Phi4ForCausalLMV"], model_type="phi4-siglip", mm_hidden_size=32, mm_projector_type="mlp2x_gelu", max_num_patches=3600, min_num_patches=4,
                    vision_config=vision | dict(model_type="siglip2_vision_model", num_patches=64)), n


def mobilenet(wide):
    """The tensors of MobileNetV5 with so many channels in its four stages, as timm calls them."""
    n, before = {"conv_stem.conv.weight": [64, 3, 3, 3], "conv_stem.conv.bias": [64], "conv_stem.bn.weight": [64]}, 64
    stages = [[None] * 3, [(3, 5, 6)] + [(5, 0, 4), (3, 0, 4)] * 2, [(5, 5, 6)] + [(5, 0, 4)] * 7 + [(0, 0, 1)] + ["attention", (0, 0, 2)] * 14, [(5, 5, 6)] + ["attention", (0, 0, 2)] * 19]
    for i, stage in enumerate(stages):
        c = wide[i]
        for j, kind in enumerate(stage):
            at = f"blocks.{i}.{j}."
            if kind is None:
                n |= {at + "conv_exp.weight": [4 * before, before, 3, 3], at + "bn1.weight": [4 * before], at + "conv_pwl.weight": [c, 4 * before, 1, 1], at + "bn2.weight": [c]}
            elif kind == "attention":
                d, q = (64, 768) if i == 2 else (96, 1536)
                for part in ("key", "value"):
                    n |= {f"{at}attn.{part}.down_conv.weight": [c, 1, 3, 3], f"{at}attn.{part}.norm.weight": [c]} if i == 2 else {}
                    n[f"{at}attn.{part}.proj.weight"] = [d, c, 1, 1]
                n |= {at + "norm.weight": [c], at + "attn.query.proj.weight": [q, c, 1, 1], at + "attn.output.proj.weight": [c, q, 1, 1], at + "layer_scale.gamma": [c]}
            else:
                start, mid, times = kind
                for part, shape in (("dw_start", [before, 1, start, start]), ("pw_exp", [times * before, before, 1, 1]), ("dw_mid", [times * before, 1, mid, mid]), ("pw_proj", [c, times * before, 1, 1])):
                    if shape[2]:
                        n |= {f"{at}{part}.conv.weight": shape, f"{at}{part}.bn.weight": shape[:1]}
                n[at + "layer_scale.gamma"] = [c]
            before = c
    both = wide[2] + wide[3]
    return n | {"msfa.ffn.pw_exp.conv.weight": [2 * both, both, 1, 1], "msfa.ffn.pw_exp.bn.weight": [2 * both], "msfa.ffn.pw_proj.conv.weight": [2048, 2 * both, 1, 1],
                "msfa.ffn.pw_proj.bn.weight": [2048], "msfa.norm.weight": [2048]}


def gemma3n():
    """Gemma 3n with the narrowest tower that its library makes, before a language model as wide as the tower, as in all that are published, which is not here."""
    from transformers.models.gemma3n.modeling_gemma3n import Gemma3nAudioEncoder
    audio = dict(hidden_size=32, vocab_size=8, vocab_offset=520, conf_num_hidden_layers=2, conf_num_attention_heads=2, sscp_conv_channel_size=[128, 8])
    c, n = named(Gemma3nAudioEncoder, tf.Gemma3nAudioConfig(**audio))
    n = {"model.audio_tower." + k: s for k, s in n.items()} | {"model.vision_tower.timm_model." + k: s for k, s in mobilenet([8, 8, 8, 16]).items()}
    for part, width in (("vision", 2048), ("audio", 32)):
        at = f"model.embed_{part}."
        n |= {at + "embedding.weight": [8, width], at + "hard_embedding_norm.weight": [width], at + "soft_embedding_norm.weight": [width], at + "embedding_projection.weight": [2048, width]}
    return dict(architectures=["Gemma3nForConditionalGeneration"], model_type="gemma3n", audio_config=c, text_config=dict(model_type="gemma3n_text", hidden_size=2048), vision_config=dict(
        architecture="mobilenetv5_300m_enc", model_args={"channel_multiplier": 0.01}, hidden_size=2048, vocab_size=8, vocab_offset=512, do_pooling=False, rms_norm_eps=1e-6, model_type="gemma3n_vision")), n


def paddle():
    """PaddleOCR-VL as it is published: the language model's keys at the root, other names."""
    c, n = named(tf.PaddleOCRVLForConditionalGeneration, tf.PaddleOCRVLConfig(
        text_config=dict(TEXT, head_dim=16, rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 5e5, "mrope_section": [4, 2, 2]}),
        vision_config=dict(TOWER, hidden_size=64, image_size=56), tie_word_embeddings=False), (
        ("model.language_model.", "model."), ("model.visual.", "visual."), ("model.projector.", "mlp_AR.")))
    c = c.pop("text_config") | c
    c["vision_config"]["architectures"] = ["PaddleOCRVisionModel"]
    return c, n


def nemotron(places, layers=4):
    """Nemotron Nano VL 2 as it is published; its tower is described by a name, and made small here."""
    text = dict(TEXT, model_type="nemotron_h", architectures=["NemotronHForCausalLM"], head_dim=16, hybrid_override_pattern="M*-", num_hidden_layers=3, mamba_num_heads=4, mamba_head_dim=16,
                n_groups=2, ssm_state_size=16, conv_kernel=4, expand=1, mlp_hidden_act="relu2", layer_norm_epsilon=1e-5, tie_word_embeddings=False, chunk_size=8)
    cfg = tf.NemotronHConfig(**{k: v for k, v in text.items() if k not in ("architectures", "model_type")})
    _, n = named(tf.NemotronHForCausalLM, cfg)
    n = {"language_model." + k.replace("model.", "backbone.", 1) if k.startswith("model.") else "language_model." + k: s for k, s in n.items()}
    c = dict(architectures=["NemotronH_Nano_VL_V2"], model_type="NemotronH_Nano_VL_V2", llm_config=text, downsample_ratio=0.5, force_image_size=64, projector_hidden_size=48, ps_version="v2",
             hidden_size=64, vision_config=dict(architectures=["RADIOModel"], patch_size=16, max_resolution=16 * places, hidden_size=32, intermediate_size=48, num_hidden_layers=layers, num_attention_heads=2,
                                 args=dict(model="vit_huge_patch16_224", register_multiple=10)))
    v = "vision_model.radio_model."
    n |= {v + "model.patch_generator.embedder.weight": [32, 768], v + "model.patch_generator.pos_embed": [1, places * places, 32], v + "model.patch_generator.cls_token.token": [10, 32],
          v + "model.patch_generator.video_embedder.weight": [32, 1536], v + "input_conditioner.norm_mean": [3, 1, 1], v + "input_conditioner.norm_std": [3, 1, 1],
          v + "summary_idxs": [3], "mlp1.0.weight": [128], "mlp1.1.weight": [48, 128], "mlp1.3.weight": [64, 48]}
    for i in range(layers):
        for k, s in {"norm1": [32], "norm2": [32], "attn.qkv": [96, 32], "attn.proj": [32, 32], "mlp.fc1": [48, 32], "mlp.fc2": [32, 48]}.items():
            n[f"{v}model.blocks.{i}.{k}.weight"], n[f"{v}model.blocks.{i}.{k}.bias"] = s, s[:1]
    return c, n


def nemotronomni():
    """Nemotron 3 Nano Omni: the same, and Parakeet's conformer, whose convolutions the reference counts as layers of what sees."""
    c, n = nemotron(4, 7)
    c |= dict(architectures=["NemotronH_Nano_Omni_Reasoning_V3"], model_type="NemotronH_Nano_Omni_Reasoning_V3", sound_config=dict(
        model_type="parakeet", hidden_size=32, num_attention_heads=2, num_hidden_layers=3, intermediate_size=48, num_mel_bins=128, subsampling_factor=8, subsampling_conv_channels=8, subsampling_conv_kernel_size=3,
        subsampling_conv_stride=2, conv_kernel_size=9, projection_hidden_size=96, projection_bias=False, sampling_rate=16000))
    at = "sound_encoder.encoder."
    for k, s in conformer("", 3, 32, 48, 2, 8, 9).items():
        for old, new in (("pre_encode.conv.", "subsampling.layers."), ("pre_encode.out", "subsampling.linear"), ("linear_out", "o_proj"), ("linear_pos", "relative_k_proj"), ("linear_q", "q_proj"), ("linear_k", "k_proj"),
                         ("linear_v", "v_proj"), ("pos_bias_", "bias_"), ("conv.batch_norm", "conv.norm")):
            k = k.replace(old, new)
        if not k.endswith(".bias") or "norm" in k or "subsampling" in k:
            n[at + k] = s
    return c, n | {at + "feature_extractor.featurizer.fb": [1, 128, 257], at + "feature_extractor.featurizer.window": [400], "sound_projection.norm.weight": [32], "sound_projection.linear1.weight": [96, 32],
                   "sound_projection.linear2.weight": [64, 96]}


def whisper(config, at):
    """Whisper's encoder: (config, names and shapes)."""
    from transformers.models.whisper.modeling_whisper import WhisperEncoder
    c, n = named(WhisperEncoder, tf.WhisperConfig(**config))
    return c, {at + k: s for k, s in n.items()}


def qwen3asr():
    """Qwen3-ASR as the library stores it, and as its authors do, which alone the reference reads."""
    audio = dict(num_mel_bins=128, encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=48, d_model=32, output_dim=64, downsample_hidden_size=8)
    text = dict(MROPE, model_type="qwen3", head_dim=16, tie_word_embeddings=False)
    c, n = named(tf.Qwen3ASRForConditionalGeneration, tf.Qwen3ASRConfig(audio_config=audio, text_config=text, tie_word_embeddings=False))
    yield "qwen3asr-hf", c, n
    names = (("model.audio_tower", "thinker.audio_tower"), ("model.multi_modal_projector.linear_", "thinker.audio_tower.proj"), ("model.language_model", "thinker.model"), ("lm_head", "thinker.lm_head"))
    for old, new in names:
        n = {k.replace(old, new): s for k, s in n.items()}
    yield "qwen3asr", dict(architectures=c["architectures"], model_type="qwen3_asr", thinker_config={k: c[k] for k in ("audio_config", "text_config")}), n


def omni(thinker, config, cls):
    """A model that sees, hears and speaks as it is published: (config, names and shapes), of what speaks two tensors."""
    c, n = named(thinker, config)
    n = {"thinker." + k.replace("model.visual.", "visual.").replace("model.audio_tower.", "audio_tower.").replace("model.language_model.", "model."): s for k, s in n.items()}
    n |= {"talker.thinker_to_talker_proj.weight": [32, 64], "token2wav.code2wav_bigvgan_model.conv_pre.bias": [16]}
    return dict(architectures=[cls], model_type=c["model_type"].removesuffix("_thinker"), thinker_config={k: v for k, v in c.items() if k != "architectures"}), n


def split_experts(names):
    """Experts one by one, as they are published."""
    out = {}
    for k, s in names.items():
        at = k.removesuffix("gate_up_proj").removesuffix("down_proj")
        for e in range(s[0] if ".experts." in k else 0):
            for part in ("gate_proj", "up_proj") if k.endswith("gate_up_proj") else ("down_proj",):
                out[f"{at}{e}.{part}.weight"] = [s[1] // 2 if k.endswith("gate_up_proj") else s[1], s[2]]
        if ".experts." not in k:
            out[k] = s
    return out


def meralion(config):
    """MERaLiON 2, which the library does not have, as published."""
    audio, names = whisper(config, "speech_encoder.")
    text, words = named(tf.Gemma2ForCausalLM, tf.Gemma2Config(**TEXT, head_dim=16, query_pre_attn_scalar=16, sliding_window=64))
    names |= {"text_decoder." + k: s for k, s in words.items()}
    d = audio["d_model"]
    for k, s in (("ln_speech", [d]), ("speech_audio_adapter.mlp_adapter.0", [5 * d, 15 * d]), ("speech_audio_adapter.gate_proj", [5 * d, 5 * d]),
                 ("speech_audio_adapter.pool_proj", [5 * d, 5 * d]), ("speech_audio_adapter.out_proj", [TEXT["hidden_size"], 5 * d])):
        names |= {k + ".weight": s, k + ".bias": s[:1]}
    return dict(architectures=["MERaLiON2ForConditionalGeneration"], model_type="meralion2", speech_config=audio, text_config=text, hidden_size=TEXT["hidden_size"], speech_mlp_scale_factor=15,
                speech_mlp_use_projection=True), names


def ultravox(config, stack):
    """Ultravox, whose projector is given so many instants at once, and which holds no language model."""
    audio, names = whisper(config, "audio_tower.")
    d = audio["d_model"]
    at = "multi_modal_projector."
    names |= {at + "ln_pre.weight": [stack * d], at + "linear_1.weight": [96, stack * d], at + "ln_mid.weight": [48], at + "linear_2.weight": [TEXT["hidden_size"], 48]}
    return dict(architectures=["UltravoxModel"], model_type="ultravox", audio_config=audio, text_config=dict(TEXT, model_type="llama"), text_model_id="somebody/llama", hidden_size=96, stack_factor=stack,
                projector_act="swiglu", projector_ln_mid=True), names


def glmasr(config):
    """GLM-ASR as published, which is not how the library has it: (config, names and shapes)."""
    audio, names = whisper(config, "audio_encoder.whisper.")
    names = {k: s for k, s in names.items() if not k.startswith("audio_encoder.whisper.layer_norm")}
    text, words = named(tf.LlamaForCausalLM, tf.LlamaConfig(**TEXT, tie_word_embeddings=False))
    d, n = audio["d_model"], TEXT["hidden_size"]
    for k, s in (("layer_norm", [d]), ("adapting.0", [2 * n, 4 * d]), ("adapting.2", [n, 2 * n])):
        names |= {f"audio_encoder.{k}.weight": s, f"audio_encoder.{k}.bias": s[:1]}
    return dict(architectures=["GlmasrModel"], model_type="Glmasr", whisper_config=audio, lm_config=text, adapter_type="mlp", merge_factor=4, mlp_adapter_act="gelu", use_rope=True,
                max_whisper_length=1500), names | words | {"audio_encoder.audio_bos_eos_token.weight": [2, n]}


def conformer(at, layers, d, ff, heads, planes, kernel):
    """A conformer as NeMo stores it: names and shapes."""
    n = {at + "pre_encode.out.weight": [d, planes * 16], at + "pre_encode.out.bias": [d]}
    for i, s in ((0, [planes, 1, 3, 3]), (2, [planes, 1, 3, 3]), (3, [planes, planes, 1, 1]), (5, [planes, 1, 3, 3]), (6, [planes, planes, 1, 1])):
        n |= {f"{at}pre_encode.conv.{i}.weight": s, f"{at}pre_encode.conv.{i}.bias": s[:1]}
    for i in range(layers):
        b = f"{at}layers.{i}."
        for k, s in {"norm_feed_forward1": [d], "norm_feed_forward2": [d], "norm_self_att": [d], "norm_conv": [d], "norm_out": [d], "conv.batch_norm": [d], "feed_forward1.linear1": [ff, d],
                     "feed_forward1.linear2": [d, ff], "feed_forward2.linear1": [ff, d], "feed_forward2.linear2": [d, ff], "conv.pointwise_conv1": [2 * d, d, 1], "conv.depthwise_conv": [d, 1, kernel],
                     "conv.pointwise_conv2": [d, d, 1], **{"self_attn.linear_" + x: [d, d] for x in ("q", "k", "v", "out")}}.items():
            n |= {b + k + ".weight": s, b + k + ".bias": s[:1]}
        n |= {b + "self_attn.linear_pos.weight": [d, d], b + "self_attn.pos_bias_u": [heads, d // heads], b + "self_attn.pos_bias_v": [heads, d // heads],
              b + "conv.batch_norm.running_mean": [d], b + "conv.batch_norm.running_var": [d], b + "conv.batch_norm.num_batches_tracked": []}
    return n


def lfm2audio():
    """LFM2-Audio, which the library does not have, as published; runtimes load one width of its tower."""
    text, words = named(tf.Lfm2ForCausalLM, tf.Lfm2Config(**TEXT, layer_types=["conv", "full_attention"], block_auto_adjust_ff_dim=False, tie_word_embeddings=True))
    n = {k.replace("model.", "lfm.", 1): s for k, s in words.items()} | conformer("conformer.", 7, 512, 64, 8, 8, 9)
    n |= {"audio_adapter.model.0.weight": [512], "audio_adapter.model.0.bias": [512], "audio_adapter.model.1.weight": [96, 512], "audio_adapter.model.1.bias": [96], "audio_adapter.model.3.weight": [64, 96],
          "audio_adapter.model.3.bias": [64], "audio_embedding.embedding.weight": [514, 64], "audio_embedding.embedding_norm.weight": [64], "audio_embedding.to_logits.weight": [514, 64], "codebook_offsets": [2],
          "audio_loss_weights": [2], "depth_linear.weight": [64, 64], "depth_linear.bias": [64], "depth_embeddings.0.embedding.weight": [257, 32], "depthformer.layers.0.operator_norm.weight": [32]}
    encoder = dict(feat_in=128, feat_out=-1, n_layers=7, d_model=512, subsampling="dw_striding", subsampling_factor=8, subsampling_conv_channels=8, causal_downsampling=False, reduction=None,
                   ff_expansion_factor=0.125, self_attention_model="rel_pos", n_heads=8, att_context_size=[-1, -1], xscaling=False, untie_biases=True, pos_emb_max_len=5000, conv_kernel_size=9,
                   conv_norm_type="batch_norm", conv_context_size=None)
    return dict(architectures=["Lfm2AudioForConditionalGeneration"], model_type="lfm2_audio", lfm=text, encoder=encoder, codebooks=2, audio_vocab_size=257, adapter_hidden_dims=[96], adapter_use_layer_norm=True), n


def cases():
    yield "llava", *shell(tf.LlavaForConditionalGeneration, tf.LlavaConfig(
        text_config=tf.LlamaConfig(**TEXT), vision_config=tf.CLIPVisionConfig(**TOWER), image_token_index=500)), CLIP, "llama", ("text",)
    yield "llava-next", *shell(tf.LlavaNextForConditionalGeneration, tf.LlavaNextConfig(
        text_config=tf.MistralConfig(**TEXT, sliding_window=None), vision_config=tf.CLIPVisionConfig(**TOWER), image_token_index=500,
        image_grid_pinpoints=[[28, 56], [56, 28], [56, 56]])), CLIP, "llama", ()
    yield "qwen2vl", *shell(tf.Qwen2VLForConditionalGeneration, tf.Qwen2VLConfig(text_config=MROPE, vision_config=dict(
        depth=3, embed_dim=32, hidden_size=64, num_heads=2, mlp_ratio=2, patch_size=14))), CLIP, "qwen2", ("text", "mmproj")
    yield "qwen2.5vl", *shell(tf.Qwen2_5_VLForConditionalGeneration, tf.Qwen2_5_VLConfig(text_config=MROPE, vision_config=dict(
        depth=4, hidden_size=32, intermediate_size=48, out_hidden_size=64, num_heads=2, patch_size=14, fullatt_block_indexes=[1, 3]))), CLIP, "qwen2", ("text", "mmproj")
    QWEN3 = dict(TEXT, head_dim=16, bos_token_id=0, eos_token_id=0, rope_parameters={"rope_type": "default", "rope_theta": 5e6, "mrope_section": [4, 2, 2], "mrope_interleaved": True})
    DEEP = dict(depth=4, hidden_size=32, intermediate_size=48, out_hidden_size=64, num_heads=2, patch_size=16, num_position_embeddings=16, deepstack_visual_indexes=[0, 2])
    yield "qwen3vl", *shell(tf.Qwen3VLForConditionalGeneration, tf.Qwen3VLConfig(text_config=QWEN3, vision_config=DEEP)), HALF, "qwen2", ("text", "mmproj")
    c, n = shell(tf.Qwen3VLMoeForConditionalGeneration, tf.Qwen3VLMoeConfig(text_config=dict(QWEN3, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48),
                                                                           vision_config=DEEP))
    c["text_config"]["norm_topk_prob"] = True  # as published
    yield "qwen3vlmoe", c, {k: [s[0], s[2], s[1]] if ".experts." in k else s for k, s in n.items()}, HALF, "qwen2", ("text", "mmproj")
    yield "gemma3", *shell(tf.Gemma3ForConditionalGeneration, tf.Gemma3Config(text_config=dict(TEXT, head_dim=16, query_pre_attn_scalar=16, sliding_window=16), mm_tokens_per_image=4,
        vision_config=tf.SiglipVisionConfig(**dict(TOWER, image_size=56)))), HALF | {"image_seq_length": 4}, "gemma3", ("text", "mmproj")
    c, n = shell(tf.Mistral3ForConditionalGeneration, tf.Mistral3Config(text_config=tf.MistralConfig(**TEXT, sliding_window=None, rms_norm_eps=1e-5), tie_word_embeddings=False,
        vision_config=tf.PixtralVisionConfig(**dict(TOWER, image_size=56), hidden_act="silu"), image_token_index=500))
    c["text_config"]["sliding_window"] = None  # without it the library takes 4096
    yield "mistral3", c, {k.replace("vision_tower.vision_model.", "vision_tower."): s for k, s in n.items()}, CLIP, "mistral", ("text", "mmproj")
    SIGLIP = dict(TOWER, image_size=56, hidden_act="gelu_pytorch_tanh")
    c, n = named(tf.Idefics3ForConditionalGeneration, tf.Idefics3Config(text_config=dict(TEXT, model_type="llama", rms_norm_eps=1e-5), tie_word_embeddings=False,
        vision_config=SIGLIP))
    c["text_config"]["architectures"] = ["VLlama3ForCausalLM"]  # as published
    yield "idefics3", c, n, HALF | {"size": {"longest_edge": 112}}, "llama", ("text", "mmproj")
    c, n = named(tf.SmolVLMForConditionalGeneration, tf.SmolVLMConfig(text_config=dict(TEXT, model_type="llama", rms_norm_eps=1e-5), tie_word_embeddings=True, scale_factor=4,
        vision_config=dict(SIGLIP, hidden_size=1152, num_attention_heads=16, intermediate_size=64, num_hidden_layers=1)))
    for k in ("hidden_size", "num_attention_heads"):  # as published: what the library assumes is left out
        del c["vision_config"][k]
    c["text_config"]["architectures"] = ["VLlama3ForCausalLM"]
    yield "smolvlm", c, n, HALF, "llama", ("text", "mmproj")
    IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    yield "internvl", *internvl(), IMAGENET, "qwen2", ("text", "mmproj")
    c, n = named(tf.InternVLForConditionalGeneration, tf.InternVLConfig(text_config=dict(TEXT, model_type="qwen2", tie_word_embeddings=False), tie_word_embeddings=False,
        vision_config=dict(TOWER, num_hidden_layers=4, image_size=[56, 56], patch_size=[14, 14], attention_bias=True)))
    c["vision_config"]["architectures"] = ["InternVisionModel"]  # the reference goes by it
    yield "internvl-hf", c, n, IMAGENET, "qwen2", ("mmproj",)
    c, n = named(tf.Llama4ForConditionalGeneration, tf.Llama4Config(
        text_config=dict(TEXT, num_hidden_layers=4, head_dim=16, intermediate_size=48, intermediate_size_mlp=96, num_local_experts=4, interleave_moe_layer_step=2, rms_norm_eps=1e-5,
                         attention_chunk_size=8192, rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
        vision_config=dict(TOWER, image_size=56, intermediate_size=128, vision_output_dim=40, projector_input_dim=40, projector_output_dim=40)))
    yield "llama4", c, n, HALF, "llama", ("text", "mmproj")
    MISTRAL = dict(TEXT, model_type="mistral", sliding_window=None, rms_norm_eps=1e-5)
    PIXTRAL = dict(TOWER, model_type="pixtral", image_size=56, hidden_act="silu")
    c, n = named(tf.LlavaForConditionalGeneration, tf.LlavaConfig(text_config=MISTRAL, vision_config=PIXTRAL, image_token_index=500, vision_feature_layer=-1,
        vision_feature_select_strategy="full"), (("lm_head", "language_model.lm_head"), ("model.language_model.", "language_model.model."),
        ("model.vision_tower", "vision_tower"), ("model.multi_modal_projector", "multi_modal_projector")))
    c["text_config"]["sliding_window"] = None
    yield "pixtral", c, n, CLIP, "mistral", ("text", "mmproj")
    c, n = named(tf.LightOnOcrForConditionalGeneration, tf.LightOnOcrConfig(text_config=dict(TEXT, model_type="qwen3", head_dim=16, rms_norm_eps=1e-6), vision_config=PIXTRAL))
    c["architectures"] = ["LightOnOCRForConditionalGeneration"]  # as published
    c["text_config"]["architectures"] = ["Qwen3ForCausalLM"]
    yield "lightonocr", c, n, CLIP, "qwen2", ("text", "mmproj")
    vq = dict(base_channels=32, channel_multiplier=[1], num_res_blocks=1, latent_channels=32, embed_dim=8, num_embeddings=16, projection_dim=8, image_token_embed_dim=8, double_latent=False)
    c, n = named(tf.JanusForConditionalGeneration, tf.JanusConfig(text_config=dict(TEXT, model_type="llama"), vq_config=vq, tie_word_embeddings=False,
        vision_config={k: v for k, v in dict(TOWER, image_size=56, mlp_ratio=1.5, hidden_act="gelu", projection_dim=64).items() if k != "intermediate_size"}))
    yield "janus", c, n, HALF, "llama", ("text", "mmproj")
    yield "kimivl", *kimi("KimiVLForConditionalGeneration"), HALF, "llama", ("mmproj",)
    yield "kimik25", *kimi("KimiK25ForConditionalGeneration"), {"media_proc_cfg": HALF | {"in_patch_limit": 1024}}, "llama", ("mmproj",)
    GLM = dict(depth=4, hidden_size=32, num_heads=2, intermediate_size=48, out_hidden_size=64, image_size=84)
    MROPE3 = dict(TEXT, rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1], "partial_rotary_factor": 0.5}, head_dim=16, rms_norm_eps=1e-5)
    yield "glm4v", *named(tf.Glm4vForConditionalGeneration, tf.Glm4vConfig(text_config=MROPE3, vision_config=GLM, tie_word_embeddings=False)), CLIP, "llama", ("mmproj",)
    yield "glmocr", *named(tf.GlmOcrForConditionalGeneration, tf.GlmOcrConfig(text_config=MROPE3, vision_config=GLM, tie_word_embeddings=False)), CLIP, "llama", ("mmproj",)
    c, n = saved(tf.Glm5NextForConditionalGeneration, tf.Glm5NextConfig(tie_word_embeddings=False, vision_config=dict(GLM, projection_intermediate_size=40, swiglu_limit=0.4),
        text_config=dict(TEXT, pad_token_id=None, num_key_value_heads=4, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, first_k_dense_replace=1, mlp_layer_types=["dense", "sparse"],
                         layer_types=["linear_attention", "full_attention"], indexer_types=["full", "full"], kv_lora_rank=32, q_lora_rank=24, qk_rope_head_dim=0, qk_nope_head_dim=16, v_head_dim=16,
                         linear_attn_config=dict(head_dim=16, num_heads=4, short_conv_kernel_size=4, gate_lower_bound=-5.0), mla_use_nope=True, index_topk=12, index_head_dim=16, index_n_heads=8,
                         index_kpool=4, index_kpool_always_select_tail=True, mhc=True, hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, attention_bias=False)))
    c["text_config"]["pad_token_id"] = 0  # without it the library takes one that is not there
    yield "glm5next", c, n, CLIP | {"min_image_tokens": 4, "max_image_tokens": 4096, "patch_size": 14, "merge_size": 2}, "llama", ("mmproj",)
    c, n = saved(tf.Granite4VisionForConditionalGeneration, tf.Granite4VisionConfig(
        text_config=dict(TEXT, num_hidden_layers=7, embedding_multiplier=3.0, residual_multiplier=0.5, attention_multiplier=0.3, logits_scaling=2.0), tie_word_embeddings=False,
        vision_config=dict(model_type="siglip_vision_model", hidden_size=64, intermediate_size=48, num_hidden_layers=8, num_attention_heads=2, image_size=64, patch_size=8, vision_use_head=False),
        deepstack_layer_map=[[-7, 2], [-2, 1], [-1, 0]], spatial_target_layers=[3, 4, 5, 6], spatial_vision_layer=-1, downsample_rate="2/4", vision_feature_select_strategy="full",
        image_grid_pinpoints=[[64, 128], [128, 64], [128, 128]], qformer_config=dict(model_type="blip_2_qformer", intermediate_size=40, num_hidden_layers=1, cross_attention_frequency=1,
                                                                                    use_qformer_text_input=False)))
    c["text_config"] |= dict(architectures=["GraniteForCausalLM"], model_type="granite")  # as published
    yield "granite4vision", c, n, HALF, "llama", ("text", "mmproj")
    for name, parts in (("mimo", ("mmproj",)), ("mimo-hears", ())):
        yield name, *mimo(), CLIP | {"min_pixels": 3136, "max_pixels": 11289600}, "qwen2", parts
    for name, parts in (("dots3note", ("mmproj",)), ("dots3note-hears", ())):
        yield name, *dots3(), {"vision_config": CLIP | {"min_pixels": 3136, "max_pixels": 11289600}}, "qwen2", parts
    G4 = dict(TEXT, num_hidden_layers=2, head_dim=16, global_head_dim=16, num_global_key_value_heads=2, sliding_window=16, layer_types=["sliding_attention", "full_attention"],
              hidden_size_per_layer_input=0, num_kv_shared_layers=0, vocab_size_per_layer_input=512, attention_k_eq_v=False, enable_moe_block=False)
    yield "gemma4", *named(tf.Gemma4ForConditionalGeneration, tf.Gemma4Config(text_config=G4, audio_config=None, vision_config=dict(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, head_dim=16, patch_size=4, position_embedding_size=64,
        use_clipped_linears=True, standardize=True))), {"image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0]}, "gemma3", ("mmproj",)
    yield "gemma4-hears", *named(tf.Gemma4ForConditionalGeneration, tf.Gemma4Config(text_config=G4, vision_config=dict(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, head_dim=16, patch_size=4, position_embedding_size=64,
        use_clipped_linears=False, standardize=False), audio_config=dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, subsampling_conv_channels=[128, 8], output_proj_dims=48))), \
        {"image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0]}, "gemma3", ("mmproj",)
    c, n = named(tf.Gemma4UnifiedForConditionalGeneration, tf.Gemma4UnifiedConfig(text_config=G4, vision_config=dict(
        patch_size=4, pooling_kernel_size=3, mm_embed_dim=64, mm_posemb_size=64, output_proj_dims=64), audio_config=dict()))
    c["text_config"] |= dict(global_head_dim=16, num_global_key_value_heads=2)
    RAW = {"image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0]}
    yield "gemma4-unified-hears", c, n, RAW, "gemma3", ()  # as the library calls it
    yield "gemma4-unified", c, {k.replace("embed_vision.p", "vision_embedder.p").replace("multimodal_embedder.", ""): s for k, s in n.items()}, RAW, "gemma3", ("mmproj",)
    c, n = named(tf.MuseGlimmerForConditionalGeneration, tf.MuseGlimmerConfig(text_config=dict(TEXT, head_dim=16, sliding_window=16), out_hidden_size=128, projector_hidden_size=48, vision_config=dict(
        hidden_size=32, intermediate_size=48, num_hidden_layers=6, num_attention_heads=2, pos_emb_height=8, pos_emb_width=8)))
    yield "museglimmer", c, n, HALF, "llama", ("mmproj",)
    c, n = named(tf.Lfm2VlForConditionalGeneration, tf.Lfm2VlConfig(projector_hidden_size=40, tie_word_embeddings=True,
        text_config=dict(TEXT, model_type="lfm2", layer_types=["conv", "full_attention"], block_auto_adjust_ff_dim=False),
        vision_config=dict(model_type="siglip2_vision_model", hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, patch_size=16, num_patches=256,
                           vision_use_head=False)), (("model.vision_tower.", "model.vision_tower.vision_model."),))
    c["vision_feature_layer"] = -1
    yield "lfm2vl", c, n, HALF, "llama", ("text", "mmproj")
    yield "minimaxm3", *minimax(), CLIP, "llama", ("mmproj",)
    yield "youtuvl", *youtu(), HALF, "llama", ("mmproj",)
    yield "gemma3n", *gemma3n(), {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": {"height": 256, "width": 256}, "image_seq_length": 256, "do_normalize": False}, "gemma3", ("mmproj",)
    yield "gemma3n-text", *shell(tf.Gemma3ForCausalLM, tf.Gemma3TextConfig(**dict(TEXT, hidden_size=2048, num_hidden_layers=1), head_dim=16, query_pre_attn_scalar=16, sliding_window=16)), {}, "gemma3", None  # stands in for it in llama.cpp, and is no case
    yield "phi4v", *phi4(), HALF | {"patch_size": 16, "min_num_patches": 4, "max_num_patches": 3600}, "llama", ("mmproj",)
    yield "dotsocr", *dots(), CLIP | {"min_pixels": 3136, "max_pixels": 11289600}, "qwen2", ("text", "mmproj")
    yield "paddleocr", *paddle(), HALF | {"min_pixels": 3136, "max_pixels": 1003520}, "llama", ("mmproj",)
    c, n = kimi("KimiK25ForConditionalGeneration")
    c["architectures"], c["model_type"] = ["Glm5vForConditionalGeneration"], "glm5v"
    yield "glm5v", c, {k.replace("mm_projector.proj.0.", "mm_projector.linear_1.").replace("mm_projector.proj.2.", "mm_projector.linear_2."): s for k, s in n.items()}, \
        {"media_proc_cfg": HALF | {"in_patch_limit": 1024}}, "llama", ("mmproj",)
    QWEN35 = dict(TEXT, model_type="qwen3_5_text", head_dim=16, layer_types=["linear_attention", "full_attention"], linear_num_value_heads=4, linear_num_key_heads=2,
                  linear_key_head_dim=16, linear_value_head_dim=16, rope_parameters={"rope_type": "default", "rope_theta": 1e7, "mrope_section": [1, 1, 0],
                                                                                  "partial_rotary_factor": 0.25, "mrope_interleaved": True})
    QWEN4 = {k: v for k, v in QWEN35.items() if k != "intermediate_size"} | dict(
        model_type="qwen4_exp_text", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48, shared_expert_intermediate_size=48, output_gate_type="sigmoid", hc_count=2, hc_lowrank=8,
        indexer_n_heads=2, indexer_kv_heads=1, indexer_head_dim=8, indexer_budget=8, indexer_compress_ratio=2, ple_layer_ids=[], eos_token_id=0)
    c, n = shell(tf.Qwen4ExpForConditionalGeneration, tf.Qwen4ExpConfig(text_config=QWEN4, vision_config={k: v for k, v in DEEP.items() if k != "deepstack_visual_indexes"}))
    c["text_config"]["layer_types"] = QWEN4["layer_types"]  # as published
    yield "qwen4exp", c, n, HALF, "qwen2", ("mmproj",)
    c, n = named(tf.MiniCPMV4_6ForConditionalGeneration, tf.MiniCPMV4_6Config(text_config=QWEN35, insert_layer_id=1, vision_config=dict(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=2, image_size=980, patch_size=14)))
    yield "minicpmv46", c, n, HALF | {"scale_resolution": 112}, "qwen2", ("mmproj",)
    yield "minicpmv46-4x", c, {k: s for k, s in n.items()}, HALF | {"scale_resolution": 112, "downsample_mode": "4x"}, "qwen2", ("mmproj",)
    yield "nemotronvl", *nemotron(4), CLIP, "llama", ("mmproj",)
    yield "nemotronomni", *nemotronomni(), CLIP, "llama", ("mmproj",)
    yield "nemotronvl-wide", *nemotron(8), CLIP, "llama", ()  # the reference stretches places in float32
    WHISPER = dict(num_mel_bins=80, d_model=32, encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=48, max_source_positions=1500)
    OLD = (("model.language_model.", "language_model.model."), ("model.audio_tower", "audio_tower"), ("model.multi_modal_projector", "multi_modal_projector"),
           ("lm_head.", "language_model.lm_head."))
    yield "qwen2audio", *named(tf.Qwen2AudioForConditionalGeneration, tf.Qwen2AudioConfig(audio_config=WHISPER, text_config=dict(TEXT, model_type="qwen2", tie_word_embeddings=False)), OLD), \
        {}, "qwen2", ("mmproj",)
    yield "audioflamingo3", *named(tf.AudioFlamingo3ForConditionalGeneration, tf.AudioFlamingo3Config(audio_config=dict(
        num_mel_bins=128, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48, max_source_positions=1500),
        text_config=dict(TEXT, model_type="qwen2", tie_word_embeddings=False)), OLD), {}, "qwen2", ("mmproj",)
    yield "voxtral", *named(tf.VoxtralForConditionalGeneration, tf.VoxtralConfig(audio_config=dict(
        num_mel_bins=128, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=128, max_source_positions=1500),
        text_config=dict(TEXT, model_type="llama", tie_word_embeddings=False)), OLD), {}, "llama", ("mmproj",)
    yield "qwen2.5omni", *omni(tf.Qwen2_5OmniThinkerForConditionalGeneration, tf.Qwen2_5OmniThinkerConfig(text_config=dict(MROPE, rms_norm_eps=1e-6), tie_word_embeddings=False,
        audio_config=dict(num_mel_bins=128, d_model=32, encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=48, output_dim=64),
        vision_config=dict(depth=4, hidden_size=32, intermediate_size=48, out_hidden_size=64, num_heads=2, patch_size=14, fullatt_block_indexes=[1, 3])), "Qwen2_5OmniModel"), CLIP, "qwen2", ("text", "mmproj")
    c, n = omni(tf.Qwen3OmniMoeThinkerForConditionalGeneration, tf.Qwen3OmniMoeThinkerConfig(text_config=dict(QWEN3, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48),
        vision_config=DEEP, audio_config=dict(num_mel_bins=128, encoder_layers=4, encoder_attention_heads=2, encoder_ffn_dim=48, d_model=32, output_dim=64,
        downsample_hidden_size=8)), "Qwen3OmniMoeForConditionalGeneration")
    yield "qwen3omni", c, split_experts(n), HALF, "qwen2", ("text", "mmproj")
    for name, c, n in qwen3asr():
        yield name, c, n, {}, "qwen2", ("mmproj",) if name == "qwen3asr" else ()
    yield "lfm2audio", *lfm2audio(), {}, "llama", ("text", "mmproj")
    for name, cls, layers, renames in (("granitespeech", "GraniteSpeech", {}, True), ("granitespeechplus", "GraniteSpeechPlus", {"cat_hidden_layers": [0, 3]}, True), ("granitespeech-hf", "GraniteSpeech", {}, False)):
        c, n = named(getattr(tf, cls + "ForConditionalGeneration"), getattr(tf, cls + "Config")(text_config=dict(TEXT, model_type="granite", tie_word_embeddings=True), window_size=15, downsample_rate=5,
            encoder_config=dict(input_dim=160, num_layers=4, hidden_dim=32, num_heads=2, feedforward_mult=2, output_dim=42, context_size=50, max_pos_emb=64, conv_kernel_size=15, **layers),
            projector_config=dict(model_type="blip_2_qformer", hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, encoder_hidden_size=32 * (1 + 2 * bool(layers)), cross_attention_frequency=1)),
            (("model.language_model.", "language_model.model."), ("lm_head.", "language_model.lm_head."), ("model.encoder.", "encoder."), ("model.projector.", "projector.")) if renames else ())
        c["text_config"]["architectures"] = ["GraniteForCausalLM"]  # as published
        yield name, c, n, {}, "llama", ("text", "mmproj") if renames else ()
    yield "meralion2", *meralion(WHISPER), {}, "gemma3", ("mmproj",)
    yield "glmasr", *glmasr(WHISPER | dict(num_mel_bins=128)), {}, "llama", ("mmproj",)
    yield "ultravox", *ultravox(WHISPER, 8), {}, "llama", ("mmproj",)
    yield "ultravox-4", *ultravox(WHISPER, 4), {}, "llama", ("mmproj",)
    c, n = named(tf.HunYuanVLForConditionalGeneration, tf.HunYuanVLConfig(text_config=dict(TEXT, head_dim=16, rms_norm_eps=1e-5), tie_word_embeddings=True, vision_config=dict(
        num_hidden_layers=3, hidden_size=32, intermediate_size=48, num_attention_heads=2, num_key_value_heads=2, patch_size=16, out_hidden_size=64, max_image_size=128)), (
        ("model.vision_tower.", "vit."), ("patch_merger.", "perceive."), ("proj_conv.", "proj.0."), ("proj_out.", "proj.2."), ("model.language_model.", "model.")))
    c["text_config"]["rope_parameters"] = {"rope_type": "dynamic", "rope_theta": 1e4, "alpha": 1000.0, "factor": 1.0, "mrope_section": [2, 2, 2, 2]}
    yield "hunyuanvl", c, {k.replace("layer_norm1", "input_layernorm").replace("layer_norm2", "post_attention_layernorm").replace("mlp.fc1", "mlp.dense_h_to_4h").replace(
        "mlp.fc2", "mlp.dense_4h_to_h") if k.startswith("vit.layers") else k: s for k, s in n.items()}, CLIP | {"min_pixels": 1024, "max_pixels": 4194304}, "llama", ("mmproj",)
    c, n = named(tf.Exaone4_5_ForConditionalGeneration, tf.Exaone4_5_Config(text_config=dict(TEXT, model_type="exaone4_5_text"), tie_word_embeddings=False, vision_config=dict(
        depth=4, hidden_size=64, intermediate_size=48, num_heads=4, num_key_value_heads=2, patch_size=14, out_hidden_size=64, fullatt_block_indexes=[1, 3])))
    yield "exaone4_5", c, n, CLIP | {"min_pixels": 3136, "max_pixels": 12845056}, "llama", ("mmproj",)
    qwen3, words = named(tf.Qwen3ForCausalLM, tf.Qwen3Config(**TEXT, head_dim=16, tie_word_embeddings=False))
    yield "step3vl", *step("StepVLForConditionalGeneration", qwen3, words), CLIP, "qwen2", ("text", "mmproj")
    step35 = dict(TEXT, model_type="step3p5", architectures=["Step3p5ForCausalLM"], head_dim=16, num_attention_groups=2, moe_num_experts=4, moe_top_k=2, moe_intermediate_size=32, share_expert_dim=32, rms_norm_eps=1e-5,
                  layer_types=["full_attention", "sliding_attention"], moe_layers_enum="1", sliding_window=16, partial_rotary_factors=[0.5, 1.0], rope_theta=[5e6, 1e4])
    yield "step3p7", *step("Step3p7ForConditionalGeneration", step35, step35_words()), CLIP, "qwen2", ("mmproj",)
    for name, cls in (("deepseekocr", "DeepseekOCRForCausalLM"), ("unlimitedocr", "UnlimitedOCRForCausalLM"), ("deepseekocr2", "DeepseekOCR2ForCausalLM")):
        yield name, *ocr(cls), HALF, "llama", ("mmproj",)
    yield "deepseek4v", *v4(), HALF, "llama", ("mmproj",)
    yield "ling3vl", *ling(), HALF, "llama", ("mmproj",)
    yield "cogvlm", *cogvlm(), CLIP, "llama", ("mmproj",)
    c, n = named(tf.Qwen2VLForConditionalGeneration, tf.Qwen2VLConfig(text_config=MROPE, vision_config=dict(depth=3, embed_dim=32, hidden_size=64, num_heads=2, mlp_ratio=2, patch_size=14)),
                 (("model.visual.", "visual."), ("model.language_model.", "llm.model."), ("lm_head.", "llm.lm_head.")))
    c |= dict(architectures=["Sarashina2VisionForCausalLM"], model_type="sarashina2_vision", text_config={k: v for k, v in c["text_config"].items() if k != "rope_parameters"} | dict(model_type="llama", rope_theta=1e4))
    yield "sarashina", c, {k: s for k, s in n.items() if not k.endswith("proj.bias") or k.startswith("visual.")} | {"norm.weight": [64], "norm.bias": [64]}, CLIP, "llama", ("mmproj",)
    yield "qwen3tts", *speech.qwen3tts(), {}, "qwen2", ("text", "mmproj")
    yield "pockettts", {}, speech.pockettts(), {}, "", ("text", "mmproj")
    yield "pockettts-silent", {}, speech.pockettts(voice=False), {}, "", ("text",)


def dump(path):
    """Keys, kinds and values; names, types, shapes and hashes of tensors."""
    import gguf
    r = gguf.GGUFReader(path)
    kinds, keys, tensors = {}, [], []
    for f in list(r.fields.values())[3:]:
        if f.name.startswith("tokenizer."):
            continue
        keys.append([f.name, "array " + f.types[1].name.lower() if f.types[0] == gguf.GGUFValueType.ARRAY else f.types[0].name.lower(), f.contents()])
    for t in r.tensors:
        tensors.append([t.name, t.tensor_type.name, [int(d) for d in reversed(t.shape)], hashlib.sha256(t.data.tobytes()).hexdigest()[:16]])
    return {"keys": keys, "tensors": tensors}


def breaks(at):
    """Makes the last token of a vocabulary the one that ends a row of an image."""
    t = json.load(open(at))
    del t["model"]["merges"][-1]
    t["model"]["vocab"] = {k: v for k, v in t["model"]["vocab"].items() if v != 511}
    t["added_tokens"].append(dict(t["added_tokens"][0], id=511, content="[IMG_BREAK]"))
    json.dump(t, open(at, "w"))


def main():
    """With --only, the cases of these names alone are made, and take their places in OUT."""
    llama, out = sys.argv[1:3]
    keep = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv else None
    only = sys.argv[sys.argv.index("--only") + 1].split(",") if "--only" in sys.argv else None
    sys.path.insert(0, os.path.join(llama, "gguf-py"))
    all = [c for c in json.load(open(out)) if c["name"] not in only] if only else []
    for name, config, shapes, pre, tokenizer, parts in cases():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as tmp:
            tmp = keep or tmp
            d = os.path.join(tmp, name)
            os.makedirs(d, exist_ok=True)
            folders = {k.rpartition("/")[0] for k in shapes}  # within the model's, whose configuration has theirs
            for folder in folders:
                at = os.path.join(d, folder)
                os.makedirs(at, exist_ok=True)
                own = {k.rpartition("/")[2]: weights(k, s) for k, s in shapes.items() if k.rpartition("/")[0] == folder}
                save_file(own, os.path.join(at, "model.safetensors"), metadata={"format": "pt"})
                said = config[folder] if folder else {k: v for k, v in config.items() if k not in folders}
                if said:
                    json.dump(said, open(os.path.join(at, "config.json"), "w"), indent=1)
            json.dump(pre, open(os.path.join(d, "preprocessor_config.json"), "w"))
            case = {"name": name, "config": config, "preprocessor": pre, "tokenizer": tokenizer, "tensors": shapes, "files": {}}
            if not config:
                open(os.path.join(d, "tokenizer.model"), "wb").write(speech.pieces(40))
            elif "TOKENIZERS" in os.environ:
                for f in ("tokenizer.json", "tokenizer_config.json"):
                    text = open(os.path.join(os.environ["TOKENIZERS"], tokenizer, "hf", f)).read()
                    open(os.path.join(d, f), "w").write(text)
            if name in ("mistral3", "pixtral") and "TOKENIZERS" in os.environ:
                breaks(os.path.join(d, "tokenizer.json"))
            if parts is None:
                continue
            for part in parts:
                for typ in ("f16", "bf16", "q8_0") if part == "mmproj" else ("f16",):
                    to = os.path.join(tmp, f"{name}-{part}-{typ}.gguf")
                    failed = reference(llama, d, "--outfile", to, "--outtype", typ, *["--mmproj"] * (part == "mmproj"))
                    if failed:
                        print(name, part, typ, failed, file=sys.stderr)
                        continue
                    case["files"][part + " " + typ] = dump(to)
            all.append(case)
    with open(out, "w") as f:
        f.write("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in all) + "]\n")


main()
