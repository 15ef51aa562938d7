#!/usr/bin/env python3
"""Seeds for the fuzz targets, from the recorded cases, from docs/oly.md and from the specimens of file formats.

usage: make_seeds.py ROOT FOLDER      (writes below FOLDER/TARGET, where these folders exist)
"""
import glob
import hashlib
import io
import json
import os
import re
import struct
import sys
import zipfile
import zlib

ROOT, FOLDER = sys.argv[1:]
NAMES = "h.0.attn.w\nh.1.attn.w\nh.10.mlp.b\nln.w\nm\n\n.a..b\né"
REFERENCE = re.compile(r"\b(from|to|target|left|right|of|exists): *('[^']*'|\[[^]]*\]|[^,}\n]+)")


MOST = 8192  # bytes; longer specimens make slow seeds


def seed(target, text):
    folder = os.path.join(FOLDER, target)
    if text and os.path.isdir(folder):
        data = text if isinstance(text, bytes) else text.encode()
        with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as file:
            file.write(data)


def add_plan(plan, arguments):
    seed("yaml", plan)
    seed("config", "\n%%\n".join([plan] + ["@" + word for word in arguments if "=" in word]))
    for line in plan.splitlines():
        found = {key: value.strip("'") for key, value in REFERENCE.findall(line)}
        for value in found.values():
            seed("reference", value)
        if found:
            values = list(found.values())
            seed("pattern", "\n".join([values[0], values[-1], NAMES]))


def content(path):
    with open(path, "rb") as file:
        return file.read()


def add_torch(data):
    seed("torch", data)
    if not data.startswith(b"PK"):
        return
    seed("zip", data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".pkl") and entry.file_size <= MOST:
                    seed("pickle", archive.read(entry))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error):
        pass  # a damaged one is a seed for the others only


def add_specimens(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*/*"))):
        kind = os.path.basename(os.path.dirname(path))
        if not os.path.isfile(path) or os.path.getsize(path) > MOST:
            continue
        data = content(path)
        if kind == "torch":
            add_torch(data)
        elif path.endswith(".npz"):
            seed("zip", data)
        else:
            seed(kind, data)
    for path in sorted(glob.glob(os.path.join(folder, "index/**/*.json"), recursive=True)):
        seed("index", content(path))
    for path in sorted(glob.glob(os.path.join(folder, "dcp/*/.metadata"))):
        metadata = content(path)
        for part in sorted(glob.glob(os.path.join(os.path.dirname(path), "*.distcp"))):
            seed("dcp", struct.pack("<I", len(metadata)) + metadata + content(part))
            seed("pickle", metadata)
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/regressions/fuzz/*"))):
        seed(os.path.basename(path).split("-")[0], content(path))


def add_formulas():
    """Those of the cases, in the words that the target has for tensors, and some of each part of the grammar."""
    text = content(os.path.join(ROOT, "tests/cases/compute.case")).decode()
    for formula in re.findall(r"\bas: '([^'\n]*)'", text):
        seed("formula", re.sub(r"\b[a-zA-Z]\b(?!\()", lambda name: {"v": "n", "m": "m"}.get(name.group(), "x"), formula))


def main():
    add_formulas()
    add_specimens(os.path.join(ROOT, "tests/corpus"))
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/conformance/cases/*.json"))):
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            for name, lines in case.get("texts", {}).items():
                text = "\n".join(lines)
                if name.endswith((".yaml", ".yml")):
                    add_plan(text, case["args"])
                elif name == "stdin.txt":
                    seed("oly", text)
    with open(os.path.join(ROOT, "docs/oly.md"), encoding="utf-8") as file:
        for line in re.findall(r"^\| `(.*?)` \| `", file.read(), re.MULTILINE):
            seed("oly", line.replace("\\|", "|"))
            seed("config", "transforms: [exit]\n%%\n+" + line.replace("\\|", "|"))


main()
