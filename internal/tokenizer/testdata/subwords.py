"""Makes subwords.json: tiny vocabularies of the kinds unigram and WordPiece, trained on the text below, and what the
libraries make of some texts: sentencepiece 0.2.3, tokenizers 0.23.3, llama-cpp-python 0.3.36 (vocabulary files written by
gguf 0.19). Run it as: python subwords.py subwords.json"""

import base64
import json
import os
import sys
import tempfile

import gguf
import llama_cpp
import sentencepiece as spm
import tokenizers as tk
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "", " ", "\n", "the mill turns", "The Mill turns, and turns.", "  two  blanks  and   three ", "tabs\tand\nbreaks\r\nhere",
    "un-known: \u4e2d\u6587\u5b57 \u0416\u0436", "caf\u00e9 cafe\u0301 CAFE\u0301", "\uff21\uff22 \uff41\u3000\ufb01ne \u2460\u0301 \u00bd", "\u2581already marked\u2581",
    "<s>spelled</s> <pad> <unk> [CLS] it [SEP]", "user<ue>defined <ue> x<ue>", "don't can't it's we're I've I'm", "1234567890 12.5% a_b a-b", "\U0001f600\U0001f600 smile \U0001f1e9\U0001f1ea",
    "x" * 120 + " end", "grain" * 30, "\ud55c\uad6d\uc5b4 \uac01\u0301", "\u0130stanbul \u1e9e \u03a3\u03c3\u03c2", "a\u200db\u200cc\u00add\ufeff", "q\u0308\u0323 n\u0303 \u00f1 \u1ec7", "$+<=>^`|~ \u00a7 \u20ac",
    "e\u0301\u0301 \u2460\u20dd \u0e33\u0e01\u0e33", "line one\n\nline two\n", "quern quernstone querns", "\u00a0nbsp\u2003wide\u3000", "\x00\x01\x7f\x85.", "\ufffd \ufffe", "\u0915\u094d\u0937 \u0928\u093f",
]

CORPUS = (
    "the mill turns and the stone grinds the grain; the miller pours grain into the quern, and the quern turns slowly. "
    "a quern is a pair of stones: the upper stone turns upon the lower, and what was grain comes out as meal and flour. "
    "who turns the handle of the quern? the miller's daughter, singing as she turns it, before the sun comes up. "
    "wheat and rye, barley and oats: each gives a meal of its own, coarse or fine, white or brown. "
    "wind and water turn larger stones, and steam turned steel rollers, but hands turned the first ones. "
    "fine flour needs a fine stone; a worn stone is dressed again with hammer and chisel, line by line. "
    "don't stand too near, it's heavy; we're nearly done. 12 sacks, 34 bushels and 5 pecks: 1250 pounds in all. "
)

RULES = [
    ("\r\n", " "), ("\r", " "), ("\n", " "), ("\t", " "), ("\u00a0", " "), ("\u3000", " "), ("\u2003", " "), ("\u00ad", ""), ("\ufeff", ""), ("\ufb01", "fi"),
    ("\u2460", "1"), ("\u00bd", "1\u20442"), ("e\u0301", "\u00e9"), ("n\u0303", "\u00f1"), ("q\u0308", "q"), ("\uac01", "g"), ("\u0e33", "am"), ("\x7f", ""),
] + [(chr(0xFEE0 + c), chr(c)) for c in range(0x21, 0x7F)]


def sentencepiece_model(folder, name, **options):
    rules = os.path.join(folder, "rules.tsv")
    with open(rules, "w") as f:
        for a, b in RULES:
            f.write(" ".join("%X" % ord(c) for c in a) + "\t" + " ".join("%X" % ord(c) for c in b) + "\n")
    if options.pop("rules", True):
        options["normalization_rule_tsv"] = rules
    else:
        options["normalization_rule_name"] = "identity"
    prefix = os.path.join(folder, name)
    text = os.path.join(folder, "corpus.txt")
    with open(text, "w") as f:
        f.write("\n".join(CORPUS.split(". ")))
    spm.SentencePieceTrainer.train(input=text, model_prefix=prefix, model_type="unigram", hard_vocab_limit=False, minloglevel=2, **options)
    with open(prefix + ".model", "rb") as f:
        return f.read()


def pieces(model):
    p = spm.SentencePieceProcessor(model_proto=model)
    return [(p.id_to_piece(i), p.get_score(i)) for i in range(len(p))]


def fields(msg):
    """The fields of a protobuf message: number and value, which is bytes where it has a length."""

    def number(i):
        n = shift = 0
        while True:
            n |= (msg[i] & 0x7F) << shift
            shift += 7
            i += 1
            if msg[i - 1] < 0x80:
                return n, i

    i = 0
    while i < len(msg):
        tag, i = number(i)
        if tag & 7 == 0:
            val, i = number(i)
        elif tag & 7 == 2:
            n, i = number(i)
            val, i = msg[i : i + n], i + n
        else:
            n = 8 if tag & 7 == 1 else 4
            val, i = msg[i : i + n], i + n
        yield tag >> 3, val


def charsmap(model):
    normalizer = next(v for n, v in fields(model) if n == 3)
    return next(v for n, v in fields(normalizer) if n == 2)


def runtime(folder, vocab):
    """The ids of llama.cpp for a vocabulary, given as the keys of its file."""
    path = os.path.join(folder, "vocab.gguf")
    w = gguf.GGUFWriter(path, "llama")
    for key, val in {"block_count": 1, "context_length": 64, "embedding_length": 64, "feed_forward_length": 64, "attention.head_count": 1}.items():
        w.add_uint32("llama." + key, val)
    w.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    for key, val in vocab.items():
        key = "tokenizer.ggml." + key
        if isinstance(val, bool):
            w.add_bool(key, val)
        elif isinstance(val, str) and key.endswith("charsmap"):
            w.add_array(key, base64.b64decode(val))
        elif isinstance(val, str):
            w.add_string(key, val)
        elif isinstance(val, int):
            w.add_uint32(key, val)
        else:
            w.add_array(key, val)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    llm = llama_cpp.Llama(path, vocab_only=True, verbose=False)
    return [llm.tokenize(t.encode(), add_bos=True, special=True) for t in TEXTS if t and "\x00" not in t]


def numbered(tok):
    return {"ids": [tok.encode(t, add_special_tokens=False).ids for t in TEXTS], "special": [tok.encode(t).ids for t in TEXTS]}


def template(tok, single, pair=None):
    names = sorted({p.split(":")[0] for p in (single + " " + (pair or "")).split() if not p.startswith("$")})
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=[(n, tok.token_to_id(n)) for n in names])


def unigram(model, normalizer, pre, fallback=False, post=None):
    tok = tk.Tokenizer(models.Unigram(pieces(model), 0, fallback))
    if normalizer:
        tok.normalizer = normalizer
    tok.pre_tokenizer = pre
    tok.decoder = decoders.Metaspace()
    tok.add_special_tokens([tk.AddedToken("<unk>", special=True, normalized=False), tk.AddedToken("<s>", special=True, normalized=False), tk.AddedToken("</s>", special=True, normalized=False)])
    tok.add_tokens([tk.AddedToken("<ue>", normalized=False)])
    if post:
        tok.post_processor = template(tok, *post)
    return tok


def word_piece(**options):
    tok = tk.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer(**options)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.train_from_iterator([CORPUS, CORPUS.title()], trainers.WordPieceTrainer(vocab_size=260, min_frequency=1, show_progress=False,
                            special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], initial_alphabet=list("abcdefghijklmnopqrstuvwxyz.,\u00e9\u1112\u03c3") + ["\u4e2d"]))
    tok.post_processor = template(tok, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    tok.decoder = decoders.WordPiece()
    return tok


def main(out):
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        plain = sentencepiece_model(folder, "plain", vocab_size=230, pad_id=3, user_defined_symbols=["<ue>"])
        loose = sentencepiece_model(folder, "loose", vocab_size=440, rules=False, byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False)
        for name, model in {"spiece": plain, "spiece-bytes": loose}.items():
            p = spm.SentencePieceProcessor(model_proto=model)
            cases[name] = {"files": {"spiece.model": base64.b64encode(model).decode()}, "ids": [p.encode(t) for t in TEXTS]}
        precompiled = normalizers.Precompiled(charsmap(plain))
        space = pre_tokenizers.Metaspace(prepend_scheme="always")
        squeeze = tk.Regex(" {2,}")
        for name, tok in {
            "t5": unigram(plain, precompiled, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), space]), post=("$A </s>", "$A </s> $B </s>")),
            "t5-new": unigram(plain, normalizers.Sequence([precompiled, normalizers.Strip(left=False, right=True), normalizers.Replace(squeeze, "\u2581")]), space, post=("$A </s>", "$A </s> $B </s>")),
            "xlm-r": unigram(plain, normalizers.Sequence([precompiled, normalizers.Replace(squeeze, " ")]), space, post=("<s> $A </s>", "<s> $A </s> </s> $B </s>")),
            "albert": unigram(plain, normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), precompiled]), space),
            "nmt": unigram(plain, normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]), pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
            "bytes": unigram(loose, None, pre_tokenizers.Metaspace(prepend_scheme="never", split=False), fallback=True),
            "bert-uncased": word_piece(),
            "bert-cased": word_piece(lowercase=False),
            "bert-accents": word_piece(strip_accents=False, handle_chinese_chars=False, clean_text=False),
        }.items():
            cases[name] = {"files": {"tokenizer.json": json.loads(tok.to_str())}, **numbered(tok)}
        t5 = pieces(plain)
        kinds = [2, 3, 3, 3, 4] + [1] * (len(t5) - 5)
        for name, flags in {"gguf-t5": (True, True), "gguf-t5-loose": (False, False), "gguf-t5-prefix": (True, False)}.items():
            vocab = {"model": "t5", "pre": "default", "tokens": [t for t, _ in t5], "scores": [s for _, s in t5], "token_type": kinds, "add_space_prefix": flags[0],
                     "remove_extra_whitespaces": flags[1], "precompiled_charsmap": base64.b64encode(charsmap(plain)).decode(), "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0,
                     "add_bos_token": flags[0], "add_eos_token": flags[1]}
            cases[name] = {"vocab": vocab, "special": runtime(folder, vocab)}
        for name, flags in {"gguf-bert": {}, "gguf-bert-cased": {"normalizer.lowercase": False}, "gguf-bert-accents": {"normalizer.lowercase": True, "normalizer.strip_accents": False}}.items():
            words = word_piece(lowercase=name != "gguf-bert-cased")
            tokens = [words.id_to_token(i) for i in range(words.get_vocab_size())]
            tokens = [t if i < 5 else t[2:] if t.startswith("##") else "\u2581" + t for i, t in enumerate(tokens)]
            vocab = {"model": "bert", "pre": "default", "tokens": tokens, "token_type": [3] * 5 + [1] * (len(tokens) - 5), "bos_token_id": 2, "eos_token_id": 3, "unknown_token_id": 1,
                     "seperator_token_id": 3, "padding_token_id": 0, **flags}
            cases[name] = {"vocab": vocab, "special": runtime(folder, vocab)}
    with open(out, "w") as f:
        json.dump({"texts": TEXTS, "cases": cases}, f, ensure_ascii=True, separators=(",", ":"))
        f.write("\n")


main(sys.argv[1])
