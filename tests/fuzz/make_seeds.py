#!/usr/bin/env python3
"""Seeds for the fuzz targets, from the recorded cases and from docs/oly.md.

usage: make_seeds.py ROOT FOLDER      (writes below FOLDER/TARGET, where these folders exist)
"""
import glob
import hashlib
import json
import os
import re
import sys

ROOT, FOLDER = sys.argv[1:]
NAMES = "h.0.attn.w\nh.1.attn.w\nh.10.mlp.b\nln.w\nm\n\n.a..b\né"
REFERENCE = re.compile(r"\b(from|to|target|left|right|of|exists): *('[^']*'|\[[^]]*\]|[^,}\n]+)")


def seed(target, text):
    folder = os.path.join(FOLDER, target)
    if text and os.path.isdir(folder):
        data = text.encode()
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


def main():
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
