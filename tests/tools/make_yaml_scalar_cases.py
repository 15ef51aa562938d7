#!/usr/bin/env python3
"""Writes tests/unit/plan/data/yaml_scalars.txt: plain YAML scalars and how OmegaConf's loader reads them.

    python3 tests/tools/make_yaml_scalar_cases.py > tests/unit/plan/data/yaml_scalars.txt

Needs omegaconf. Lines: text, kind (null, bool, int, float, str), value; separated by tabs.
"""
import math
import random

try:
    from omegaconf._yaml import get_yaml_loader
except ImportError:
    from omegaconf._utils import get_yaml_loader
import yaml

FIXED = """yes no on off y n Y N Yes YES yES true True TRUE tRue false False FALSE Off OFF ~ null Null NULL nULL 017 0o17 08
0b11 0b 0b12 0x1F 0x 0xg 1_000 1__0 _1 1_ 1:30 1:60 01:30 1:30:45 1:30.5 0:30.5 -1:30 1e-6 1e6 12e03 1e 5. .5 -.5 +.5 . 1.5.5
1.e5 1.0e5 1.0e+5 1_0e5 1__0.0e5 1__0.0e+5 .5e5 .5e+5 inf nan .inf -.inf +.Inf .INF .nan .NaN -.nan 2020-01-01 0 -0 +0 00
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 1e400 -1e400 1e-400 0.1 1e5e 12:3 190:20:30
<< = abc a.b h.0.w 1.2.3 1,000 0777777777777777777777777 0xFFFFFFFFFFFFFFFFFF - -- + e5 1E5 1E+5 00.5 09.5 08e1 0_7 0_8""".split()


def main():
    loader = get_yaml_loader()
    rng = random.Random(7)
    texts = list(FIXED)
    while len(texts) < 1500:
        alphabet = rng.choice(["0123456789", "01", "0123456789_.:+-eE", "01_.eE-", "0157_:", "0xbo1fF_", "1.e+-5", "nulyesofNULYESOF~."])
        texts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 7))))
    for text in dict.fromkeys(texts):
        try:
            value = yaml.load("- " + text, Loader=loader)
        except (yaml.YAMLError, ValueError):
            continue  # PyYAML fails on what it took for a number itself
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, (list, dict)) or isinstance(value, str) and value != text:
            continue
        kind = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str"}[type(value)]
        shown = "nan" if isinstance(value, float) and math.isnan(value) else repr(value)
        print(text, kind, "" if kind in ("str", "null") else shown, sep="\t")


main()
