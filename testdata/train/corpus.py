"""The text that the embedded model learns from: four public-domain works, or families of works, out of Debian packages.

    python3 corpus.py WORK

fetches the packages with apt-get, unpacks them under WORK without installing them, and writes WORK/train.json (a list of
documents) and WORK/heldout.txt (documents that are in no training list: every k-th chapter or run of paragraphs).
"""

import bz2, gzip, hashlib, json, os, pathlib, re, struct, subprocess, sys, zlib

# apt package → what is taken from it; origin and licence are in testdata/README.md
PACKAGES = ["bible-kjv", "bible-kjv-text", "r-cran-janeaustenr", "dict-devil", "golang-1.19-src"]


def fetch(work):
    for name in PACKAGES:
        if not (work / name).is_dir():
            subprocess.run(["apt-get", "download", name], cwd=work, check=True)
            deb = next(work.glob(name + "_*.deb"))
            subprocess.run(["dpkg", "-x", deb.name, name], cwd=work, check=True)


def kjv(work):
    """One document per chapter, one line per verse, without the verse's number."""
    lib = work / "bible-kjv-text/usr/lib"
    out = subprocess.run([work / "bible-kjv/usr/bin/bible", "-f", "-p", lib, "gen1:1-rev22:21"],
                         stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout.decode("ascii")
    chapters = {}
    for line in out.splitlines():
        m = re.match(r"(\S*?[A-Za-z]+\d+):\d+ (.*)", line)
        chapters.setdefault(m[1], []).append(m[2].strip())
    return ["\n".join(v) for v in chapters.values()]


def novels(work):
    """One document per chapter. The package stores each novel as a vector of lines in R's serialization (XDR, version 3)."""
    rdb = (work / "r-cran-janeaustenr/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb").read_bytes()
    docs = []
    while rdb:
        z = zlib.decompressobj()
        data = z.decompress(rdb[4:])  # four bytes of length, a zlib stream, the next novel
        rdb = z.unused_data
        at = 14 + struct.unpack_from(">I", data, 14)[0] + 4  # header, name of the encoding
        kind, n = struct.unpack_from(">II", data, at)
        assert kind & 255 == 16  # a vector of strings
        at, lines = at + 8, []
        for _ in range(n):
            size = struct.unpack_from(">I", data, at + 4)[0]
            lines.append(data[at + 8 : at + 8 + size].decode("utf-8"))
            at += 8 + size
        text = "\n".join(lines)
        docs += re.split(r"\n(?=(?:CHAPTER|Chapter) [IVXLC\d]+)", text)[1:]
    return [paragraphs(d) for d in docs]


def devil(work):
    """Runs of entries, verse kept line by line."""
    text = gzip.decompress((work / "dict-devil/usr/share/dictd/devil.dict.dz").read_bytes()).decode("latin-1")
    return runs(paragraphs(text[text.index("ABASEMENT, n."):]), 4000)


def opticks(work):
    """Runs of paragraphs, without the marks of italics and the captions of pictures."""
    src = work / "golang-1.19-src/usr/share/go-1.19/src/compress/bzip2/testdata/Isaac.Newton-Opticks.txt.bz2"
    text = bz2.decompress(src.read_bytes()).decode("utf-8").replace("\r", "").replace("_", "")
    text = re.sub(r"\[Illustration[^\]]*\]", "", text[text.index("SIR ISAAC NEWTON'S ADVERTISEMENTS"):])
    return runs(paragraphs(text), 6000)


def paragraphs(text):
    """Joins wrapped lines; an indented line stays a line of its own."""
    out = []
    for block in re.split(r"\n\s*\n", text):
        s = re.sub(r"\n(?=\S)", " ", block.strip("\n"))
        s = "\n".join(re.sub(r"\s+", " ", line).strip() for line in s.split("\n")).strip()
        if s:
            out.append(s)
    return "\n\n".join(out)


def runs(text, size):
    """Cuts a long text into documents of about size characters, between paragraphs."""
    docs = [""]
    for p in text.split("\n\n"):
        if len(docs[-1]) > size:
            docs.append("")
        docs[-1] += ("\n\n" if docs[-1] else "") + p
    return docs


def main(work):
    fetch(work)
    train, held = [], []
    for part, every in ((kjv, 97), (novels, 90), (devil, 17), (opticks, 19)):
        docs = part(work)
        out = [d for i, d in enumerate(docs) if i % every == every // 2]
        train += [d for i, d in enumerate(docs) if i % every != every // 2]
        held.append(out)
        print(f"{part.__name__:8} {len(docs):5} documents {sum(map(len, docs)):8} characters, held out {len(out)}: {sum(map(len, out))}")
    # The sources take turns, so that the beginning of the text is a sample of the whole.
    turns = sorted((i / len(part), k, d) for k, part in enumerate(held) for i, d in enumerate(part))
    text = "\n\n".join(d for _, _, d in turns) + "\n"
    (work / "heldout.txt").write_text(text, encoding="utf-8")
    (work / "train.json").write_text(json.dumps(train), encoding="utf-8")
    for f in ("train.json", "heldout.txt"):
        b = (work / f).read_bytes()
        print(f, len(b), "bytes, sha256", hashlib.sha256(b).hexdigest())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
