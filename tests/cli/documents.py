"""JSON documents beside the weights, against Python's own json: what no step edits is carried byte for byte, however it is
spelt, and an edited document is what json.dumps(indent=2) writes. No package beyond the standard library.

    python3 documents.py PROGRAM
"""
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = str(Path(sys.argv[1]).resolve())
WORDS = ["model_type", "rope_scaling", "eps", "é", "\U0001f600", "a b", "quote\"", "back\\slash", "line\nbreak", "0", ""]


def weights(path):
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def value(chance, depth=0):
    kind = chance.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return None
    if kind == 1:
        return chance.random() < 0.5
    if kind == 2:
        return chance.choice([0, -1, 32000, 10**30, -(2**63)])
    if kind in (3, 4):
        return chance.choice([0.0, -0.0, 1e-05, 1e16, 1.5, 10000.0, float("inf"), float("-inf"), chance.random()])
    if kind in (5, 6):
        return "".join(chance.choices(WORDS, k=2))
    if kind == 7:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {word: value(chance, depth + 1) for word in chance.sample(WORDS, chance.randrange(5))}


def spelt(chance, tree):
    """The tree with other blanks, escapes and line ends than json.dumps has by itself."""
    text = json.dumps(tree, indent=chance.choice([None, 1, 4, "\t"]), ensure_ascii=chance.random() < 0.5)
    return text.replace("\n", chance.choice(["\n", "\r\n"])) + chance.choice(["", "\n", " \n\n"])


def run(folder, plan):
    (folder / "plan.yaml").write_text(json.dumps(plan))
    done = subprocess.run([PROGRAM, "run", "plan.yaml", "--no-summarize", "--no-sync"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"FAILED: {done.stderr}")


def main():
    chance = random.Random(14)
    for number in range(40):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "m").mkdir()
            weights(folder / "m/model.safetensors")
            tree = {"first": 1, **{word: value(chance) for word in chance.sample(WORDS, 6)}}
            tree.pop("", None)
            untouched = spelt(chance, value(chance)).encode()
            (folder / "m/config.json").write_text(json.dumps(tree, ensure_ascii=chance.random() < 0.5), newline="")
            ascii_only = (folder / "m/config.json").read_text().isascii()
            (folder / "m/generation_config.json").write_bytes(untouched)
            new = chance.choice([3, 2.5, True, None, "text é", [1, {"a": 1e-6}], {}])
            run(folder, {"inputs": ["m"], "transforms": [{"config": {"set": {"first": new}}}], "output": {"path": "out/"}})
            wanted = json.dumps({**tree, "first": new}, indent=2) + "\n"
            found = (folder / "out/config.json").read_text()
            same = found == wanted if ascii_only else json.loads(found) == json.loads(wanted)
            if not same:
                sys.exit(f"FAILED: tree {number}:\n{found}\ninstead of\n{wanted}")
            if (folder / "out/generation_config.json").read_bytes() != untouched:
                sys.exit(f"FAILED: a file that nobody edited, {untouched!r}, was changed")
    print("40 documents as Python writes them, and as many carried byte for byte")


main()
