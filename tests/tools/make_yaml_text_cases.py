#!/usr/bin/env python3
"""Writes tests/unit/plan/data/yaml_texts.txt: texts and how OmegaConf's dumper spells them in block style.

    python3 tests/tools/make_yaml_text_cases.py > tests/unit/plan/data/yaml_texts.txt

Needs omegaconf. Lines: the text's UTF-8 in hexadecimal, a tab, the spelling. Texts with line breaks are left out: these
are folded there, and never here.
"""
import random

import yaml

try:
    from omegaconf._yaml import get_omega_conf_dumper
except ImportError:
    from omegaconf._utils import get_omega_conf_dumper

PIECES = ["", " ", "a", "b1", ":", ": ", "#", " #", "'", '"', "\\", "~", "null", "yes", "n", "0", "17", "0x1", "_", "1e3", ".", "-", "- ",
          "--", "---", "...", "?", "? ", "@", "`", "%", "!", "&", "*", "[", "]", "{", "}", ",", "|", ">", "(", ")", "=", "<<", "$", "^",
          "2020-01-01", "inf", "nan", "+", "e", "\t", "\x01", "\x1b", "\x7f", "é", "名", "\ufeff", "h\\.(\\d+)\\.w"]


def main():
    rng = random.Random(11)
    texts = PIECES + ["2020-1-1 12:30:00", "2001-12-14t21:59:43.10-05:00", "2020-01-01T1:30:00Z", "2020-1-1", "2020-1-1 1", "a\xa0b"]
    while len(texts) < 1500:
        texts.append("".join(rng.choice(PIECES) for _ in range(rng.randint(1, 4))))
    for text in dict.fromkeys(texts):
        shown = yaml.dump([text], Dumper=get_omega_conf_dumper(), default_flow_style=False, allow_unicode=True, width=1 << 20)
        print(text.encode().hex(), shown[2:-1], sep="\t")


main()
