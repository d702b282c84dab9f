"""Measures a Hugging Face folder on a text, by the protocol of llama-perplexity, in float32.

    python3 eval.py DIR HELDOUT.txt [WORK]

The text is one row of tokens, cut into chunks of 512, the remainder dropped; every chunk stands alone and its tokens 257 to 511
are scored (a beginning-of-text token would replace the first of each chunk only if the vocabulary asked for it; ours does not).
With WORK, the unigram model of the training tokens (with one added to every count) is measured on the same tokens.
"""

import math, pathlib, sys

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

CHUNK = 512


def report(name, nll, bits):
    mean, n = nll.mean().item(), len(nll)
    ppl = math.exp(mean)
    error = ppl * math.sqrt(((nll * nll).mean().item() - mean * mean) / (n - 1))
    print(f"{name:8} perplexity {ppl:.4f} ± {error:.4f}, {mean * bits:.4f} bits per byte, {n} tokens scored")


def main(folder, text, work=None):
    torch.set_num_threads(2)
    text = pathlib.Path(text).read_text(encoding="utf-8")
    tok = Tokenizer.from_file(str(pathlib.Path(folder) / "tokenizer.json"))
    ids = torch.tensor(tok.encode(text, add_special_tokens=False).ids)
    bits = len(ids) / len(text.encode()) / math.log(2)  # tokens per byte, nats to bits
    chunks = ids[: len(ids) // CHUNK * CHUNK].reshape(-1, CHUNK)
    print(len(ids), "tokens,", len(text.encode()), "bytes,", len(chunks), "chunks")
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    nll = []
    with torch.no_grad():
        for c in chunks:
            logits = model(c[None]).logits[0, CHUNK // 2 : CHUNK - 1].double()
            nll.append(torch.nn.functional.cross_entropy(logits, c[CHUNK // 2 + 1 :], reduction="none"))
    report("model", torch.cat(nll), bits)
    if work:
        count = torch.bincount(torch.load(pathlib.Path(work) / "tokens.pt"), minlength=model.config.vocab_size).double() + 1
        report("unigram", -(count / count.sum()).log()[chunks[:, CHUNK // 2 + 1 :].reshape(-1)], bits)


if __name__ == "__main__":
    main(*sys.argv[1:])
