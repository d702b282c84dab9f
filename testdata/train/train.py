"""Trains the embedded model: a small Llama with its own byte-level BPE tokenizer, on the text that corpus.py prepared.

    python3 train.py WORK [--steps N] [--out DIR]

writes the Hugging Face folder DIR (default WORK/tiny). State is saved every 100 steps, so an interrupted run goes on where it
was; --export writes the folder from the latest saved state and stops. The same seed, versions and CPU give the same weights;
another CPU gives others that are as good.
"""

import argparse, json, math, pathlib, time

import torch
import torch.distributed
import torch.multiprocessing
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

SEED = 20250
VOCAB = 2048
CONTEXT = 512
WORKERS = 2  # processes
BATCH = 8  # sequences of CONTEXT tokens in a step
PEAK, FLOOR, WARMUP = 2.5e-3, 1e-4, 100  # learning rate
END = "<|endoftext|>"
CONFIG = dict(
    vocab_size=VOCAB, hidden_size=256, intermediate_size=768, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=2, head_dim=64, hidden_act="silu", max_position_embeddings=CONTEXT, rms_norm_eps=1e-5,
    rope_theta=10000.0, tie_word_embeddings=True, attention_bias=False, mlp_bias=False, initializer_range=0.02,
    bos_token_id=0, eos_token_id=0,
)


def tokenizer(work, docs):
    """GPT-2's layout: its regular expression before the merges, every byte a token, one special token (id 0)."""
    path = work / "tokenizer.json"
    if not path.exists():
        tok = Tokenizer(models.BPE())
        tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        tok.decoder = decoders.ByteLevel()
        tok.post_processor = processors.ByteLevel(trim_offsets=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        tok.train_from_iterator(docs, trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=[END], initial_alphabet=alphabet))
        tok.save(str(path))
    return Tokenizer.from_file(str(path))


def stream(work, docs, tok):
    """All documents as one row of tokens, each behind the special token."""
    path = work / "tokens.pt"
    if not path.exists():
        ids = [i for e in tok.encode_batch(docs) for i in [0] + e.ids]
        torch.save(torch.tensor(ids), path)
    return torch.load(path)


def batches(data, steps):
    """The order of all windows of all epochs: each epoch cuts the row at another offset and shuffles the pieces."""
    g = torch.Generator().manual_seed(SEED)
    order = []
    while len(order) < steps * BATCH:
        first = int(torch.randint(CONTEXT, (1,), generator=g))
        starts = torch.arange(first, len(data) - CONTEXT - 1, CONTEXT)
        order += starts[torch.randperm(len(starts), generator=g)].tolist()
    return order


def rate(step, steps):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    return FLOOR + (PEAK - FLOOR) * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP)))


def train(rank, work, steps, data):
    """One of WORKERS processes of one thread each: each takes its share of every batch, gradients are averaged, all do the
    same update. (Two threads in one process wait for each other some thousand times in a step, which is slow on a busy
    machine.)"""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{(work / 'meeting').resolve()}", rank=rank, world_size=WORKERS)
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    norms = [p for p in model.parameters() if p.dim() == 1]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}],
                            betas=(0.9, 0.95), fused=True)
    state, done, spent = work / "state.pt", 0, 0.0
    if state.exists():
        s = torch.load(state)
        model.load_state_dict(s["model"])
        opt.load_state_dict(s["opt"])
        done, spent = s["step"], s["spent"]
    share = BATCH // WORKERS
    order, begun, mean = batches(data, steps), time.time(), 0.0
    for step in range(done, steps):
        for group in opt.param_groups:
            group["lr"] = rate(step, steps)
        at = step * BATCH + rank * share
        rows = torch.stack([data[i : i + CONTEXT + 1] for i in order[at : at + share]])
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(rows[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCAB).float(), rows[:, 1:].reshape(-1))
        loss.backward()
        flat = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
        torch.distributed.all_reduce(flat)
        for p, g in zip(model.parameters(), flat.split([p.numel() for p in model.parameters()])):
            p.grad.copy_(g.view_as(p) / WORKERS)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        opt.zero_grad()
        mean += loss.item() / 20
        if rank == 0 and step % 20 == 19:
            print(f"step {step + 1} of {steps}, loss {mean:.4f}, {spent + time.time() - begun:.0f} s", flush=True)
            mean = 0.0
        if rank == 0 and (step % 100 == 99 or step + 1 == steps):
            s = {"model": model.state_dict(), "opt": opt.state_dict(), "step": step + 1, "spent": spent + time.time() - begun}
            torch.save(s, state.with_suffix(".new"))
            state.with_suffix(".new").replace(state)
    torch.distributed.destroy_process_group()


def export(work, out):
    """Rounds to BF16 and writes the folder. The output head is the embedding, so it is not stored."""
    out.mkdir(parents=True, exist_ok=True)
    weights = torch.load(work / "state.pt")["model"]
    weights = {k: v.to(torch.bfloat16).contiguous() for k, v in weights.items() if k != "lm_head.weight"}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16", **CONFIG}
    special = {"bos_token": END, "eos_token": END}
    put = lambda name, value: (out / name).write_text(json.dumps(value, indent=2) + "\n")
    put("config.json", config)
    put("generation_config.json", {"bos_token_id": 0, "eos_token_id": 0})
    put("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT,
                                  "clean_up_tokenization_spaces": False, **special})
    (out / "tokenizer.json").write_bytes((work / "tokenizer.json").read_bytes())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--out", type=pathlib.Path)
    p.add_argument("--export", action="store_true")
    a = p.parse_args()
    if not a.export:
        docs = json.loads((a.work / "train.json").read_text())
        tok = tokenizer(a.work, docs)
        data = stream(a.work, docs, tok)
        print(len(data), "tokens", flush=True)
        (a.work / "meeting").unlink(missing_ok=True)
        torch.multiprocessing.spawn(train, (a.work, a.steps, data), nprocs=WORKERS)
    export(a.work, a.out or a.work / "tiny")


if __name__ == "__main__":
    main()
