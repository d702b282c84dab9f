"""Configurations, and names and shapes of tensors, of tiny models that speak. Tensors of files in folders within the model's have that folder before their names."""


def block(at, width, ff, heads, shared, size):
    """a layer of Qwen 3's"""
    return {at + "input_layernorm.weight": [width], at + "post_attention_layernorm.weight": [width], at + "self_attn.q_proj.weight": [heads * size, width],
            at + "self_attn.k_proj.weight": [shared * size, width], at + "self_attn.v_proj.weight": [shared * size, width], at + "self_attn.o_proj.weight": [width, heads * size],
            at + "self_attn.q_norm.weight": [size], at + "self_attn.k_norm.weight": [size], at + "mlp.gate_proj.weight": [ff, width], at + "mlp.up_proj.weight": [ff, width],
            at + "mlp.down_proj.weight": [width, ff]}


def pair(at, *shape, bias=0):
    return {at + ".weight": list(shape), at + ".bias": [shape[bias]]}


def wave(book=32, entries=64, latent=40, width=32, ff=48, head=4, channels=48):
    """what makes a wave of codes: its configuration, and its tensors"""
    config = dict(latent_dim=latent, codebook_dim=book, codebook_size=entries, decoder_dim=channels, hidden_act="silu", hidden_size=width, intermediate_size=ff, head_dim=head,
                  max_position_embeddings=8000, num_attention_heads=16, num_key_value_heads=16, num_hidden_layers=8, num_quantizers=16, num_semantic_quantizers=1, rms_norm_eps=1e-5,
                  rope_theta=10000, sliding_window=72, upsample_rates=[8, 5, 4, 3], upsampling_ratios=[2, 2], attention_bias=False)
    t = {"encoder.downsample.conv.weight": [8, 8, 4]}  # which codes of a voice would be made with
    for name, n in (("first", 1), ("rest", 15)):
        at = f"decoder.quantizer.rvq_{name}."
        t |= {at + "input_proj.weight": [book // 2, book, 1], at + "output_proj.weight": [book, book // 2, 1]}
        for i in range(n):
            t |= {at + f"vq.layers.{i}._codebook.embedding_sum": [entries, book // 2], at + f"vq.layers.{i}._codebook.cluster_usage": [entries]}
    t |= pair("decoder.pre_conv.conv", latent, book, 3)
    at = "decoder.pre_transformer."
    t |= pair(at + "input_proj", width, latent) | pair(at + "output_proj", latent, width) | {at + "norm.weight": [width]}
    for l in range(8):
        layer = f"{at}layers.{l}."
        t |= {k: v for k, v in block(layer, width, ff, 16, 16, head).items() if "_norm." not in k}
        t |= {layer + "self_attn_layer_scale.scale": [width], layer + "mlp_layer_scale.scale": [width]}
    for i in range(2):
        at = f"decoder.upsample.{i}."
        t |= pair(at + "0.conv", latent, latent, 2) | pair(at + "1.dwconv.conv", latent, 1, 7) | pair(at + "1.norm", latent) | pair(at + "1.pwconv1", 4 * latent, latent)
        t |= pair(at + "1.pwconv2", latent, 4 * latent) | {at + "1.gamma": [latent]}
    t |= pair("decoder.decoder.0.conv", channels, latent, 7)
    for i, rate in enumerate(config["upsample_rates"]):
        at, c = f"decoder.decoder.{i + 1}.block.", channels >> i + 1
        t |= {at + "0.alpha": [2 * c], at + "0.beta": [2 * c]} | pair(at + "1.conv", 2 * c, c, 2 * rate, bias=1)
        for r in (2, 3, 4):
            t |= {f"{at}{r}.{act}.{x}": [c] for act in ("act1", "act2") for x in ("alpha", "beta")} | pair(f"{at}{r}.conv1.conv", c, c, 7) | pair(f"{at}{r}.conv2.conv", c, c, 1)
    t |= {"decoder.decoder.5.alpha": [channels >> 4], "decoder.decoder.5.beta": [channels >> 4]} | pair("decoder.decoder.6.conv", 1, channels >> 4, 7)
    return {"architectures": ["Qwen3TTSTokenizerV2Model"], "model_type": "qwen3_tts_tokenizer_12hz", "decoder_config": config}, {"speech_tokenizer/" + k: v for k, v in t.items()}


def qwen3tts(wide=48, voice=16, **sizes):
    """Qwen3-TTS: its configuration with that of what makes a wave, and its tensors"""
    predictor = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=128, rms_norm_eps=1e-6, hidden_act="silu",
                     vocab_size=64, num_code_groups=16, rope_theta=1000000, rope_scaling=None, attention_bias=False)
    talker = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-6, hidden_act="silu",
                  max_position_embeddings=256, vocab_size=3072, text_vocab_size=512, text_hidden_size=wide, num_code_groups=16, rope_theta=1000000, attention_bias=False,
                  use_sliding_window=False, rope_scaling=dict(interleaved=True, mrope_section=[2, 3, 3], rope_type="default", type="default"), codec_bos_id=65, codec_eos_token_id=2150,
                  codec_pad_id=64, codec_think_id=70, codec_language_id=dict(chinese=75, english=76), spk_id=dict(vivian=80), code_predictor_config=predictor)
    config = dict(architectures=["Qwen3TTSForConditionalGeneration"], model_type="qwen3_tts", tts_model_type="base", talker_config=talker,
                  speaker_encoder_config=dict(enc_dim=64, sample_rate=24000, enc_channels=[voice] * 4 + [3 * voice], enc_attention_channels=8, enc_se_channels=8))
    t = {"talker.model.norm.weight": [64], "talker.model.text_embedding.weight": [512, wide], "talker.model.codec_embedding.weight": [3072, 64], "talker.codec_head.weight": [3072, 64]}
    t |= pair("talker.text_projection.linear_fc1", wide, wide) | pair("talker.text_projection.linear_fc2", 64, wide)
    for l in range(2):
        t |= block(f"talker.model.layers.{l}.", 64, 96, 4, 2, 16) | block(f"talker.code_predictor.model.layers.{l}.", 32, 48, 2, 1, 128)
    t |= {"talker.code_predictor.model.norm.weight": [32]} | pair("talker.code_predictor.small_to_mtp_projection", 32, 64)
    for i in range(15):
        t |= {f"talker.code_predictor.model.codec_embedding.{i}.weight": [64, 64], f"talker.code_predictor.lm_head.{i}.weight": [64, 32]}
    at = "speaker_encoder."
    t |= pair(at + "blocks.0.conv", voice, 128, 5) | pair(at + "mfa.conv", 3 * voice, 3 * voice, 1) | pair(at + "asp.tdnn.conv", 8, 9 * voice, 1) | pair(at + "asp.conv", 3 * voice, 8, 1)
    t |= pair(at + "fc", 64, 6 * voice, 1)
    for b in (1, 2, 3):
        t |= pair(f"{at}blocks.{b}.tdnn1.conv", voice, voice, 1) | pair(f"{at}blocks.{b}.tdnn2.conv", voice, voice, 1)
        t |= pair(f"{at}blocks.{b}.se_block.conv1", 8, voice, 1) | pair(f"{at}blocks.{b}.se_block.conv2", voice, 8, 1)
        for i in range(7):
            t |= pair(f"{at}blocks.{b}.res2net_block.blocks.{i}.conv", voice // 8, voice // 8, 3)
    more, waves = wave(**sizes)
    return config | {"speech_tokenizer": more}, t | waves


def pockettts(voice=True, width=64, latent=8, heard=64, filters=4, flow=24, texts=40):
    """Pocket TTS, which has no configuration: names and shapes of its tensors"""
    t = {"flow_lm.bos_emb": [latent], "flow_lm.emb_mean": [latent], "flow_lm.emb_std": [latent], "flow_lm.conditioner.embed.weight": [texts + 1, width],
         "flow_lm.input_linear.weight": [width, latent], "flow_lm.speaker_proj_weight": [width, latent]} | pair("flow_lm.out_norm", width) | pair("flow_lm.out_eos", 1, width)
    if voice:
        t["flow_lm.bos_before_voice"] = [1, 1, width]

    def layers(at, n, width, scaled):
        for l in range(n):
            p = f"{at}.layers.{l}."
            t.update(pair(p + "norm1", width) | pair(p + "norm2", width) | {p + "self_attn.in_proj.weight": [3 * width, width], p + "self_attn.out_proj.weight": [width, width],
                     p + "linear1.weight": [2 * width, width], p + "linear2.weight": [width, 2 * width]})
            if scaled:
                t.update({p + "layer_scale_1.scale": [width], p + "layer_scale_2.scale": [width]})
    layers("flow_lm.transformer", 2, width, False)
    at = "flow_lm.flow_net."
    t |= pair(at + "input_proj", flow, latent) | pair(at + "cond_embed", flow, width) | pair(at + "final_layer.linear", latent, flow) | pair(at + "final_layer.adaLN_modulation.1", 2 * flow, flow)
    for i in (0, 1):
        p = f"{at}time_embed.{i}."
        t |= {p + "freqs": [16], p + "mlp.3.alpha": [flow]} | pair(p + "mlp.0", flow, 32) | pair(p + "mlp.2", flow, flow)
    for i in range(3):
        p = f"{at}res_blocks.{i}."
        t |= pair(p + "in_ln", flow) | pair(p + "mlp.0", flow, flow) | pair(p + "mlp.2", flow, flow) | pair(p + "adaLN_modulation.1", 3 * flow, flow)
    for part in ("encoder", "decoder"):
        layers(f"mimi.{part}_transformer.transformer", 2, heard, True)
        at, c = f"mimi.{part}.model.", filters if part == "encoder" else 8 * filters
        t |= pair(at + "0.conv", c, *((1, 7) if part == "encoder" else (heard, 7)))
        for i, rate in enumerate((4, 5, 6) if part == "encoder" else (6, 5, 4)):
            unit, scale = (1 + 3 * i, 3 + 3 * i) if part == "encoder" else (3 + 3 * i, 2 + 3 * i)
            if part == "decoder":
                t |= pair(f"{at}{scale}.convtr", c, c // 2, 2 * rate, bias=1)
                c //= 2
            t |= pair(f"{at}{unit}.block.1.conv", c // 2, c, 3) | pair(f"{at}{unit}.block.3.conv", c, c // 2, 1)
            if part == "encoder":
                t |= pair(f"{at}{scale}.conv", 2 * c, c, 2 * rate)
                c *= 2
        t |= pair(at + "11.conv", *((heard, c, 3) if part == "encoder" else (1, c, 3)))
    return t | {"mimi.downsample.conv.conv.weight": [latent, heard, 32], "mimi.upsample.convtr.convtr.weight": [heard, 1, 32], "mimi.quantizer.output_proj.weight": [heard, latent, 1]}


def pieces(n):
    """a tokenizer.model of so many pieces, of which the likeliest are chosen"""
    from sentencepiece import sentencepiece_model_pb2
    m = sentencepiece_model_pb2.ModelProto()
    m.trainer_spec.model_type = m.trainer_spec.UNIGRAM
    for i in range(n):
        m.pieces.add(piece="<unk>" if i == 0 else "\u2581" if i == 1 else "t%d" % i, score=-i, type=m.SentencePiece.UNKNOWN if i == 0 else m.SentencePiece.NORMAL)
    m.normalizer_spec.add_dummy_prefix = m.normalizer_spec.remove_extra_whitespaces = True
    return m.SerializeToString()
