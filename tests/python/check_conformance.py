#!/usr/bin/env python3
"""Runs the recorded cases with the program and reads what it wrote with torch, safetensors and numpy themselves.

usage: check_conformance.py PROGRAM [CORPUS]

The cases are those of tests/conformance. CORPUS is the folder they were recorded in (default: ../shared/conformance
beside the source tree); if it is there, its own comparison runs too and decides about messages.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

import torch

import peers
from import_conformance import expected_output

CASES = os.path.join(peers.ROOT, "tests", "conformance")
TORCH = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def lay_out(case, folder):
    for path, source in case["inputs"].items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        shutil.copy(os.path.join(CASES, "inputs", source), os.path.join(folder, path))
    for path, lines in case["texts"].items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines))


def decode(recorded):
    dtype, shape, text = recorded
    return torch.frombuffer(bytearray.fromhex(text), dtype=TORCH[dtype]).reshape(shape).double()


def compare_tensors(actual, expected, compare):
    if set(actual) != set(expected):
        return "tensors %s, expected %s" % (sorted(actual), sorted(expected))
    for name, want in expected.items():
        got = actual[name]
        if got[:2] != want[:2]:
            return "%s is %s, expected %s" % (name, got[:2], want[:2])
        if got == want or compare["mode"] in ("random", "lowrank"):  # these are compared by the C++ test
            continue
        if compare["mode"] != "allclose" or want[0] not in TORCH:
            return "%s: bytes differ" % name
        if not torch.allclose(decode(got), decode(want), rtol=compare.get("rtol", 1e-5), atol=compare.get("atol", 1e-6),
                              equal_nan=True):
            return "%s: not close" % name
    return None


def compare_files(actual, expected, compare):
    if set(actual) != set(expected):
        return "files %s, expected %s" % (sorted(actual), sorted(expected))
    for path, want in expected.items():
        got = actual[path]
        if "tensors" in want:
            problem = compare_tensors(got.get("tensors", {}), want["tensors"], compare)
            if problem:
                return "%s: %s" % (path, problem)
        elif "json" in want and got != want:
            return "%s differs" % path
    return None


def check_case(program, case, folder):
    lay_out(case, folder)
    stdin = "\n".join(case["texts"][case["stdin"]]) if "stdin" in case else ""
    done = subprocess.run([program, "run", *case["args"]], cwd=folder, input=stdin.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=dict(os.environ, HOME=folder), timeout=120)
    message = done.stderr.decode(errors="replace")
    if case["kind"] == "error":
        if done.returncode == 0:
            return None if case.get("may_extend") else "succeeded, expected: " + case["expect"]["what"]
        return None if 1 <= done.returncode <= 3 else "exit status %d: %s" % (done.returncode, message)
    if done.returncode != 0:
        return "exit status %d: %s" % (done.returncode, message)
    if case["kind"] == "stdout":
        return None  # text is the C++ test's
    return compare_files(expected_output(os.path.join(folder, "out")), case["expect"], case["compare"])


def check_recording(program, corpus, tally):
    with peers.scratch() as folder:
        results = os.path.join(folder, "results.json")
        command = [sys.executable, os.path.join(corpus, "run.py"), "--tool", program + " run",
                   "--out", os.path.join(folder, "out"),
                   "--", "--strict-messages", "--allow-extensions", "--json", results]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(results):
            tally.check("run.py", "gave no results: " + done.stdout.decode(errors="replace")[-2000:])
            return
        with open(results, encoding="utf-8") as file:
            problems = json.load(file)
    for name, problem in problems.items():
        tally.check("recorded " + name, problem)


def main():
    program = peers.program_from_arguments()
    corpus = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(peers.ROOT), "shared", "conformance")
    tally = peers.Tally()
    for area in sorted(glob.glob(os.path.join(CASES, "cases", "*.json"))):
        with open(area, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            with peers.scratch() as folder:
                tally.check(case["name"], check_case(program, case, folder))
    if os.path.exists(os.path.join(corpus, "run.py")):
        check_recording(program, corpus, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
