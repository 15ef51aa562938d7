#!/usr/bin/env python3
"""Times phlora of rank 16 on random float32 matrices (flat spectra, the hardest) next to full decompositions.

usage: phlora_bench.py [--program FILE] [--runs N] [--shape ROWSxCOLUMNS ...] [--python VENV]

For each shape: `method: auto`, `method: exact` (a full decomposition in double), and with --python VENV also
torch.linalg.svd of the same matrix in float32 on one thread, which is what the limits are held against; else `exact`
is. Printed are medians of N runs (3), in processor seconds: dense work runs on one thread, so on an idle machine they
are the time that passes. The excess is how much the Frobenius error of auto exceeds that of exact, from the singular
values. The exit status is 1 when a limit is missed. Nothing but the standard library, but for --python.
"""
import argparse
import json
import math
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RANK = 16
LIMITS = {"4096x14336": 4.0, "2048x2048": 2.0}  # a full decomposition takes at least so many times as long
EXCESS_LIMIT = 1e-5

MATRIX = """transforms:
  - rand: {{target: w, shape: [{shape}], distribution: normal, seed: 7}}
output: {target}
"""
FACTORS = """inputs: [{source}]
transforms:
  - phlora: {{target: w, target_a: a, target_b: b, rank: {rank}, method: {method}}}
output: {target}
"""
PEER = """import sys, torch
from safetensors.torch import load_file
torch.set_num_threads(1)
torch.linalg.svd(load_file(sys.argv[1])["w"], full_matrices=False)
"""


def processor_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run_plan(program, folder, text):
    plan = os.path.join(folder, "plan.yaml")
    with open(plan, "w") as file:
        file.write(text)
    return processor_seconds([program, "run", "--quiet", "--no-sync", plan])


def floats(path, name):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        begin, end = json.loads(file.read(size))[name]["data_offsets"]
        file.seek(8 + size + begin)
        return struct.unpack("<%df" % ((end - begin) // 4), file.read(end - begin))


def captured(path):
    """The sum of the squared singular values that the factors have: each row of A is as long as the root of one."""
    a = floats(path, "a")
    columns = len(a) // RANK
    return math.fsum(math.fsum(x * x for x in a[i * columns:(i + 1) * columns]) ** 2 for i in range(RANK))


def bench(program, shape, runs, python):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "w.safetensors"), os.path.join(folder, "ab.safetensors")
        run_plan(program, folder, MATRIX.format(shape=shape.replace("x", ", "), target=source))
        seconds, squares = {}, {}
        for method in ("auto", "exact"):
            plan = FACTORS.format(source=source, target=target, rank=RANK, method=method)
            seconds[method] = statistics.median(run_plan(program, folder, plan) for _ in range(runs))
            squares[method] = captured(target)
        if python:
            peer = [os.path.join(python, "bin", "python"), "-c", PEER, source]
            seconds["torch"] = statistics.median(processor_seconds(peer) for _ in range(runs))
        left = math.fsum(x * x for x in floats(source, "w")) - squares["exact"]
        excess = max(0.0, (squares["exact"] - squares["auto"]) / left / 2)
    ratio = seconds.get("torch", seconds["exact"]) / seconds["auto"]
    print("| %s | %.2f | %.2f | %s | %.1f | %.0e |" % (shape, seconds["auto"], seconds["exact"],
          "%.2f" % seconds["torch"] if python else "", ratio, excess), flush=True)
    return ratio >= LIMITS.get(shape, 0.0) and excess <= EXCESS_LIMIT


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(HERE, "..", "..", "build", "brainsurgery"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--shape", nargs="+", default=list(LIMITS))
    parser.add_argument("--python")
    options = parser.parse_args()
    print("| shape | auto s | exact s | torch float32 s | full / auto | excess |\n| --- | --- | --- | --- | --- | --- |")
    held = [bench(options.program, shape, options.runs, options.python) for shape in options.shape]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
