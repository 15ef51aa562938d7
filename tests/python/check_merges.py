#!/usr/bin/env python3
"""Configurations of mergekit, run as they are, give what mergekit wrote.

usage: check_merges.py PROGRAM [GOLDEN]

GOLDEN, tests/merging/golden by default, has recorded merges of mergekit 0.1.5 and `mergekit.json`, which says how near results must
be. Random merges are held against statistics over 64 seeds of mergekit's.
"""
import json
import os
import subprocess
import sys

import torch
from safetensors.torch import load_file

import peers

# What has another meaning here, or is refused, and why.
ELSEWHERE = {
    "017-linear-truncate-vocabulary": "an option of its command line cuts vocabularies",
    "056-lora-reference": "model+adapter",
    "057-tokenizer-union": "tokenizer",
    "058-tokenizer-union-tokens-pad": "tokenizer",
    "059-tokenizer-base": "tokenizer",
    "060-tokenizer-source-model": "tokenizer",
}


def load_model(folder):
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(folder, name)))
    return tensors


def differing(got, expected, case):
    """How many elements lie beyond the tolerance."""
    a, b = got.double(), expected.double()
    tolerance = case["tolerance"]
    return int((~torch.isclose(a, b, tolerance["rtol"], tolerance["atol"], equal_nan=True)).sum())


def elements_problem(got, expected, case):
    """Some cases allow for a few elements that lie at a threshold: of each tensor, or of all of them."""
    if set(got) != set(expected):
        return "tensors differ: %s" % sorted(set(got) ^ set(expected))[:4]
    in_all, share = 0, case.get("max_mismatched_fraction", 0)
    for name in sorted(expected):
        if got[name].dtype != expected[name].dtype or got[name].shape != expected[name].shape:
            return "%s is %s %s, not %s %s" % (name, got[name].dtype, tuple(got[name].shape), expected[name].dtype, tuple(expected[name].shape))
        wrong = differing(got[name], expected[name], case)
        in_all += wrong
        if wrong > case.get("max_mismatched_elements_per_tensor", 0) and not share:
            return "%d of %d elements of %s differ" % (wrong, got[name].numel(), name)
    elements = sum(tensor.numel() for tensor in expected.values())
    return "%d of %d elements differ" % (in_all, elements) if share and in_all > share * elements else None


def statistics_of(delta):
    delta = delta.double()
    return {"fraction_changed": float((delta != 0).double().mean()), "l1_of_delta": float(delta.abs().sum()),
            "l2_of_delta": float(delta.norm()), "sum_of_delta": float(delta.sum())}


def statistics_problem(got, base, stats):
    for name, recorded in stats.items():
        if name not in got:
            return "%s is missing" % name
        for key, value in statistics_of(got[name] - base[name]).items():
            mean, deviation = recorded[key]["mean"], recorded[key]["std"]
            if abs(value - mean) > 6 * deviation + 1e-5:
                return "%s of %s is %g, not %g within %g" % (key, name, value, mean, deviation)
    return None


def one_factor_problem(got, base, tuned):
    """Of a single model: every element is that of the base, or the base's plus one factor times the difference."""
    for name in got:
        delta, change = (tuned[name] - base[name]).double(), (got[name] - base[name]).double()
        kept = change.abs() > 1e-9
        if kept.any():
            factor = (change[kept] / delta[kept]).median()
            if not torch.allclose(change[kept], factor * delta[kept], rtol=1e-5, atol=3e-7):
                return "%s: kept elements are not %g times the difference" % (name, factor)
    return None


def random_problem(golden, case, got):
    folder = os.path.join(golden, case["case"])
    base = load_model(os.path.join(golden, "models", "base"))
    with open(os.path.join(folder, "stats.json"), encoding="utf-8") as file:
        stats = json.load(file)
    problem = statistics_problem(got, base, stats.get("tensors", stats))
    if problem or case["method"] not in ("dare_linear", "della_linear"):
        return problem
    return one_factor_problem(got, base, load_model(os.path.join(golden, "models", "ft1")))


def run(program, golden, case, output):
    words = [program, "run", "--mergekit", os.path.join(case["case"], "config.yml"), output, "-q", "--no-summarize", "--no-sync"]
    done = subprocess.run(words, cwd=golden, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    return None if done.returncode == 0 else "exit status %d: %s" % (done.returncode, done.stdout.decode(errors="replace"))


def check(program, golden, case, output):
    problem = run(program, golden, case, output)
    if problem:
        return problem
    got = load_model(output)
    if case["kind"] == "random":
        return random_problem(golden, case, got)
    return elements_problem(got, load_model(os.path.join(golden, case["case"], "expected")), case)


def main():
    program = peers.program_from_arguments()
    golden = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(peers.ROOT, "tests", "merging", "golden"))
    tally = peers.Tally()
    with open(os.path.join(golden, "mergekit.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    with peers.scratch() as scratch:
        for case in cases:
            if case["case"] in ELSEWHERE:
                refused = run(program, golden, case, os.path.join(scratch, "refused"))
                if case["case"] != "017-linear-truncate-vocabulary" and refused is None:
                    tally.check(case["case"], "it ran, and should be checked")
                continue
            tally.check(case["case"], check(program, golden, case, os.path.join(scratch, case["case"])))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
