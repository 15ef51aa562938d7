#!/usr/bin/env python3
"""Writes tests/unit/plan/data/regex_cases.txt: random patterns and what Python's re.fullmatch says of each.

    python3 tests/tools/make_regex_cases.py > tests/unit/plan/data/regex_cases.txt

Made with Python 3.11. Lines, fields separated by tabs, every byte outside of printable ASCII and '%' as %XX:
    N name                          the names, numbered from 0
    P pattern E                     re.compile refuses the pattern
    P pattern [index=groups ...]    the names that match; groups separated by '|', each '-' or '+text' ('|' as %7C)
"""
import random
import re
import sys
import warnings

NAMES = [
    "h.0.w", "h.1.w", "h.10.attn.w", "h.2.mlp.b", "ln.w", "lnXw", "LN.w", "a", "b", "c", "ab", "abc", "aab", "abab",
    "aabb", "abcabc", "cab", "bbb", "aaaa", "0", "01", "123", "a.b", "a..b", ".", "", "x_1", "a b", "A", "Ab", "a-b",
    "a]b", "{", "a{2}", "a\nb", "a\n", "\n", "é", "aé", "É.w", "٣", "a\u2003b", "ſ", "K", "k", "日本", "\x1c",
]
ATOMS = [
    "a", "b", "c", "h", "w", "0", "1", ".", r"\.", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[ab]", "[^a]", "[a-c]",
    r"[\d.]", "[.]", r"[\w-]", "[]a]", "[^]a]", "[a-]", r"[^\s]", r"[\W_]", "é", "[é-ž]", r"\x61", r"\u0061", r"\141",
    r"\t", r"\n", "_", "-", "]", "}", "{", "ln", "abc", " ", "#", r"\-", r"\/", "[[:alpha:]]", "[a&&b]", r"[\x00-\x7f]",
]
POSITIONS = ["^", "$", r"\b", r"\B", r"\A", r"\Z"]
QUANTIFIERS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "{0,1}", "{1,2}?", "{2}?", "*+", "++",
               "?+", "{,}", "{}", "{a}", "{1", "{,2}+", "{2,1}", "{0}"]
FLAGS = ["i", "s", "m", "x", "a", "u", "L", "is", "ix"]


class Generator:
    def __init__(self, rng):
        self.rng = rng
        self.groups = 0
        self.closed = []  # numbers of closed groups
        self.named = set()

    def atom(self, depth):
        r = self.rng.random()
        if depth > 0 and r < 0.34:
            return self.group(depth - 1)
        if r < 0.39:
            return self.rng.choice(POSITIONS)
        if r < 0.46 and self.closed:
            return self.reference()
        return self.rng.choice(ATOMS)

    def reference(self):
        if self.rng.random() < 0.05:
            return self.rng.choice(["\\%d", "(?P=g%d)", "(?(%d)a)"]) % (self.groups + self.rng.randint(0, 1))
        number = self.rng.choice(self.closed)
        kinds = ["\\%d", "\\%d", "\\%d", "(?(%d)a|b)", "(?(%d)a)"]
        if number in self.named:
            kinds = ["(?P=g%d)", "(?P=g%d)", "(?(g%d)b|c)"]
        return self.rng.choice(kinds) % number

    def group(self, depth):
        kind = self.rng.choices(
            ["(", "(?:", "(?P<g%d>", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:", "(?s:", "(?#", "(?i", "(?P<"],
            [40, 20, 8, 5, 5, 3, 3, 4, 4, 1, 1, 1, 0.3, 0.3])[0]
        if kind == "(?#":
            return "(?#c)"
        number = 0
        if kind in ("(", "(?P<g%d>"):
            self.groups += 1
            number = self.groups
            if "%d" in kind:
                self.named.add(number)
                kind %= number
        if kind.startswith("(?<") and self.rng.random() < 0.8:
            return kind + self.rng.choice(["a", "ab", "a|b", "[ab].", "\\w", "\\b", "^", "\\."]) + ")"
        text = kind + self.alternatives(depth) + ")"
        if number:
            self.closed.append(number)
        return text

    def alternatives(self, depth):
        return "|".join(self.sequence(depth) for _ in range(self.rng.choice([1, 1, 1, 2, 2, 3])))

    def sequence(self, depth):
        text = ""
        for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3, 4])):
            atom = self.atom(depth)
            text += atom
            if self.rng.random() < (0.03 if atom in POSITIONS else 0.3):
                text += self.rng.choice(QUANTIFIERS[:10] if self.rng.random() < 0.8 else QUANTIFIERS)
        return text

    def pattern(self):
        text = self.alternatives(self.rng.choice([0, 1, 2, 3]))
        if self.rng.random() < 0.1:
            text = "(?%s)" % self.rng.choice(FLAGS) + text
        if self.rng.random() < 0.08 and text:  # damage
            at = self.rng.randrange(len(text))
            text = text[:at] + self.rng.choice(["", "(", ")", "[", "\\", "*", "?", "|", "{", "\\q", "\\8"]) + text[at + 1:]
        return text


def shown(text):
    return "".join(chr(b) if 0x20 <= b < 0x7f and b not in b"%|" else "%%%02X" % b for b in text.encode())


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(20240607)
    for name in NAMES:
        print("N", shown(name), sep="\t")
    seen = set()
    while len(seen) < (int(sys.argv[1]) if len(sys.argv) > 1 else 4000):
        pattern = Generator(rng).pattern()
        if pattern in seen or not pattern:
            continue
        seen.add(pattern)
        try:
            compiled = re.compile(pattern)
        except (re.error, OverflowError):
            print("P", shown(pattern), "E", sep="\t")
            continue
        hits = []
        for index, name in enumerate(NAMES):
            match = compiled.fullmatch(name)
            if match:
                groups = "|".join("-" if g is None else "+" + shown(g) for g in match.groups())
                hits.append("%d=%s" % (index, groups))
        print("P", shown(pattern), *hits, sep="\t")


main()
